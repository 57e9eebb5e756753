/** Step 2.15: server-side apply. */
import { describe, expect } from 'vitest'
import { appliedObject, conflictsOf, entriesAfterApply } from '#apiserver/managed-fields/apply.ts'
import { applyConflict } from '#apiserver/managed-fields/conflicts.ts'
import type { FieldsEntry } from '#apiserver/managed-fields/entries.ts'
import { type FieldSet, union } from '#apiserver/managed-fields/field-set.ts'
import { fieldsOf } from '#apiserver/managed-fields/fields-of.ts'
import { withLastApplied, withoutLastApplied } from '#apiserver/managed-fields/last-applied.ts'
import { mergeApplied, mergeItems } from '#apiserver/managed-fields/merge.ts'
import { pathsOf } from '#apiserver/managed-fields/paths.ts'
import { fieldsOfKind } from '#kit/apiserver/openapi/field-types.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { NOW } from './fixtures.ts'

const FIELDS = 'structured-merge-diff typed/tofieldset.go'
const MERGE = 'structured-merge-diff typed/merge.go'
const APPLY = 'structured-merge-diff merge/update.go; KEP-555'

const { type } = fieldsOfKind({ group: '', version: 'v1', kind: 'Pod' })!

const container = (name: string, more: object = {}) => ({ name, image: `${name}:1`, ...more })
const pod = (...containers: object[]) => ({ spec: { containers } })

describe('a configuration', () => {
  lesson(
    'claims its leaves, its items and its entries',
    {
      scenario: 'A pod with a label, a container with a port, and a volume.',
      rule: 'Leaves are claimed, and items of lists as such; structs are not, unless there is nothing in them. No names, no kind.',
      source: FIELDS,
    },
    () => {
      const config = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web', labels: { app: 'web' }, finalizers: ['a/b'] },
        spec: {
          nodeSelector: { disk: 'ssd' },
          containers: [container('web', { ports: [{ containerPort: 80 }], env: [] })],
          volumes: [{ name: 'tmp', emptyDir: {} }],
        },
      }
      expect(fieldsOf(type, config)).toEqual({
        'f:metadata': { 'f:labels': { 'f:app': {} }, 'f:finalizers': { 'v:"a/b"': {} } },
        'f:spec': {
          'f:nodeSelector': {},
          'f:containers': {
            'k:{"name":"web"}': {
              '.': {},
              'f:name': {},
              'f:image': {},
              'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            },
          },
          'f:volumes': { 'k:{"name":"tmp"}': { '.': {}, 'f:name': {}, 'f:emptyDir': {} } },
        },
      })
    },
  )
})

describe('an empty value', () => {
  const sent = { metadata: { finalizers: [] }, spec: { containers: [container('web', { env: [], args: [] })] } }

  lesson(
    'of a list with items claims nothing, an atomic one does',
    {
      scenario: 'Finalizers, variables and arguments are sent as empty lists.',
      rule: 'A list of items is owned item by item, and there is none. A list that is one field is claimed, whatever is in it.',
      source: FIELDS,
    },
    () => {
      const web = { '.': {}, 'f:name': {}, 'f:image': {}, 'f:args': {} }
      expect(fieldsOf(type, sent)).toEqual({ 'f:spec': { 'f:containers': { 'k:{"name":"web"}': web } } })
    },
  )

  lesson(
    'takes nothing away from others',
    {
      scenario:
        'The same empty lists and empty labels, applied to a pod that has some; and arguments, which are one field.',
      rule: 'To send no item is to have no say in the items. Who wants something gone must have applied it before.',
      source: MERGE,
    },
    () => {
      const live = {
        metadata: { finalizers: ['a/b'], labels: { app: 'web' } },
        spec: { containers: [container('web', { env: [{ name: 'A', value: '1' }], args: ['x'] })] },
      }
      expect(mergeApplied(type, live, { ...sent, metadata: { finalizers: [], labels: {} } })).toEqual({
        metadata: { finalizers: ['a/b'], labels: { app: 'web' } },
        spec: { containers: [container('web', { env: [{ name: 'A', value: '1' }], args: [] })] },
      })
    },
  )
})

describe('a merge', () => {
  lesson(
    'puts fields in and takes none away',
    {
      scenario: 'A configuration names one label and one field of one container.',
      rule: 'What is sent wins; what is not sent stays. Atomic values are replaced as a whole.',
      source: MERGE,
    },
    () => {
      const live = {
        metadata: { name: 'web', labels: { app: 'web', tier: 'front' } },
        spec: {
          restartPolicy: 'Always',
          nodeSelector: { disk: 'ssd' },
          containers: [container('web'), container('side')],
        },
      }
      const config = {
        metadata: { labels: { tier: 'back' }, resourceVersion: '7' },
        spec: { nodeSelector: { cpu: 'fast' }, containers: [{ name: 'side', image: 'side:2' }] },
      }
      const before = structuredClone(live)
      expect(mergeApplied(type, live, config)).toEqual({
        metadata: { name: 'web', labels: { app: 'web', tier: 'back' }, resourceVersion: '7' },
        spec: {
          restartPolicy: 'Always',
          nodeSelector: { cpu: 'fast' },
          containers: [container('web'), container('side', { image: 'side:2' })],
        },
      })
      expect(live, 'the live object is as it was').toEqual(before)
    },
  )

  lesson(
    'puts in what says no',
    {
      scenario: 'A configuration says false, 0 and the empty text.',
      rule: 'What is sent wins, if it is there at all.',
      source: MERGE,
    },
    () => {
      const live = { metadata: { labels: { app: 'web' } }, spec: { hostNetwork: true, priority: 7 } }
      const config = { metadata: { labels: { app: '' } }, spec: { hostNetwork: false, priority: 0 } }
      expect(mergeApplied(type, live, config)).toEqual(config)
    },
  )

  lesson(
    'goes into the items, and leaves both lists alone',
    {
      scenario:
        'Of a container with an image, a directory and a variable, only the name and another variable are sent.',
      rule: 'An item that both have is merged like any struct. Who was given a list does not change it.',
      source: MERGE,
    },
    () => {
      const variable = (name: string) => ({ name, value: '1' })
      const live = pod(container('web', { workingDir: '/srv', env: [variable('A')] }))
      const config = pod({ name: 'web', env: [variable('B')] })
      const before = structuredClone([live, config])
      expect(mergeApplied(type, live, config)).toEqual(
        pod(container('web', { workingDir: '/srv', env: [variable('A'), variable('B')] })),
      )
      expect([live, config], 'what was passed in').toEqual(before)
    },
  )

  lesson(
    'finds a place for each item',
    {
      scenario: 'Live lists and applied ones, some with items in common.',
      rule: 'Applied items come in their own order, before live items that follow; those that were not sent stay where they are.',
      source: MERGE,
    },
    () => {
      const set = { shape: 'set' } as const
      expect(mergeItems(set, ['a', 'b', 'c'], ['c', 'a'])).toEqual(['b', 'c', 'a'])
      expect(mergeItems(set, ['a', 'b'], ['x', 'b'])).toEqual(['a', 'x', 'b'])
      expect(mergeItems(set, ['a', 'b'], ['b', 'x'])).toEqual(['a', 'b', 'x'])
      expect(mergeItems(set, ['a', 'b', 'c', 'd'], ['d', 'x', 'b'])).toEqual(['a', 'c', 'd', 'x', 'b'])
      expect(mergeItems(set, [], ['x'])).toEqual(['x'])
      expect(mergeItems(set, ['a'], [])).toEqual(['a'])
    },
  )
})

describe('what was applied before and is not any more', () => {
  const applied = (live: object, config: object, before: object, others: FieldSet = {}) =>
    appliedObject(type, live, config, fieldsOf(type, before), union(others, fieldsOf(type, config)))

  lesson(
    'goes, if nobody else wants it',
    {
      scenario: 'A label, a container and a variable are no longer in the configuration; an image is another.',
      rule: 'Fields that the manager owned, does not send, and that nobody owns, are removed, and what was only their wrapping.',
      source: APPLY,
    },
    () => {
      const before = {
        metadata: { labels: { app: 'web' } },
        ...pod(container('web', { env: [{ name: 'A', value: '1' }] }), container('side')),
      }
      const live = { ...before, status: { phase: 'Running' } }
      const config = pod(container('web', { image: 'web:2' }))
      expect(applied(live, config, before)).toEqual({
        ...config,
        status: { phase: 'Running' },
      })
    },
  )

  lesson(
    'stays, if somebody else owns it, or something in it',
    {
      scenario: 'Another manager owns one of the two labels, and set a field of the container that is to go.',
      rule: 'Nothing that has another owner is taken away, nor the items and structs that lead to it.',
      source: APPLY,
    },
    () => {
      const before = {
        metadata: { labels: { app: 'web', tier: 'front' } },
        ...pod(container('web'), container('side')),
      }
      const live = {
        metadata: { labels: { app: 'web', tier: 'front' } },
        ...pod(container('web'), container('side', { workingDir: '/srv' })),
      }
      const others: FieldSet = {
        'f:metadata': { 'f:labels': { 'f:tier': {} } },
        'f:spec': { 'f:containers': { 'k:{"name":"side"}': { '.': {}, 'f:name': {}, 'f:workingDir': {} } } },
      }
      expect(applied(live, pod(container('web')), before, others)).toEqual({
        metadata: { labels: { tier: 'front' } },
        ...pod(container('web'), { name: 'side', workingDir: '/srv' }),
      })
    },
  )

  lesson(
    'does not take along what the manager never had',
    {
      scenario:
        'Ann applied a container and a node; only the container remains. Nobody owns the restart policy beside it.',
      rule: 'A struct stays while something in it is wanted, and then what nobody has applied stays in it.',
      source: 'structured-merge-diff merge/update.go (addBackDanglingItems)',
    },
    () => {
      const spec = pod(container('web')).spec
      const live = { spec: { ...spec, nodeName: 'node-1', restartPolicy: 'Always' } }
      const before = { spec: { ...spec, nodeName: 'node-1' } }
      expect(applied(live, { spec }, before)).toEqual({ spec: { ...spec, restartPolicy: 'Always' } })
    },
  )

  lesson(
    'goes as a struct when nothing in it is wanted, and stays when something is',
    {
      scenario: 'Ann applied a security context, and no longer does: once nobody, once Bob owns a field in it.',
      rule: 'An empty struct is a field, a full one is only the way to its fields: it goes with the last of them.',
      source:
        'structured-merge-diff merge/update.go (addBackOwnedItems), fieldpath/set.go (EnsureNamedFieldsAreMembers)',
    },
    () => {
      const pods = (securityContext: object) => ({ spec: { ...pod(container('web')).spec, securityContext } })
      const config = pod(container('web'))
      const bob: FieldSet = { 'f:spec': { 'f:securityContext': { 'f:fsGroup': {} } } }
      const live = pods({ runAsUser: 1, fsGroup: 2 })
      expect(applied(live, config, pods({ runAsUser: 1 })), 'nobody owns a field in it').toEqual(config)
      expect(applied(live, config, pods({ runAsUser: 1 }), bob), 'Bob does').toEqual(pods({ fsGroup: 2 }))
      expect(applied(pods({ fsGroup: 2 }), config, pods({}), bob), 'Bob does, Ann had sent it empty').toEqual(
        pods({ fsGroup: 2 }),
      )
    },
  )

  lesson(
    'is nothing for who applies for the first time',
    {
      scenario: 'Somebody applies one label to a pod that others have made.',
      rule: 'Only what one has applied oneself can be taken away by not applying it.',
      source: APPLY,
    },
    () => {
      const live = { metadata: { labels: { app: 'web' } }, ...pod(container('web')) }
      const config = { metadata: { labels: { mine: 'yes' } } }
      expect(appliedObject(type, live, config, {}, { 'f:metadata': { 'f:labels': { 'f:mine': {} } } })).toEqual({
        metadata: { labels: { app: 'web', mine: 'yes' } },
        ...pod(container('web')),
      })
    },
  )
})

describe('after an apply', () => {
  const entry = (manager: string, fieldsV1: FieldSet, more: Partial<FieldsEntry> = {}): FieldsEntry => ({
    manager,
    operation: 'Apply',
    apiVersion: 'v1',
    time: '2025-06-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...more,
  })
  const ann = { manager: 'ann', operation: 'Apply', apiVersion: 'v1' } as const
  const image: FieldSet = { 'f:spec': { 'f:containers': { 'k:{"name":"web"}': { 'f:image': {} } } } }
  const app: FieldSet = { 'f:metadata': { 'f:labels': { 'f:app': {} } } }
  const changed = (written: FieldSet) => () => ({ written, removed: {} })

  lesson(
    'equal wishes have several owners, and what changed has one',
    {
      scenario: 'Bob owns a label and the image. Ann applies the same label, and, by force, another image.',
      rule: 'Others lose only what was changed. The applier owns what it has sent, changed or not.',
      source: APPLY,
    },
    () => {
      const bob = entry('bob', { ...app, ...image })
      const after = entriesAfterApply([bob], changed(image), ann, { ...app, ...image }, NOW)
      expect(after).toEqual([{ ...bob, fieldsV1: app }, entry('ann', { ...app, ...image }, { time: NOW })])
    },
  )

  lesson(
    'the applier owns what it sent this time, not what it sent before',
    {
      scenario: 'Ann applied a label and an image, in an older version; now only the image, then nothing.',
      rule: 'An applier has one entry, whatever the version, and it is replaced. Who owns nothing has none.',
      source: APPLY,
    },
    () => {
      const before = [entry('ann', { ...app, ...image }, { apiVersion: 'v1beta1' })]
      expect(entriesAfterApply(before, changed({}), ann, image, NOW)).toEqual([entry('ann', image, { time: NOW })])
      expect(entriesAfterApply(before, changed({}), ann, {}, NOW)).toEqual([])
    },
  )

  lesson(
    'entries of the same name, but written otherwise, are those of others',
    {
      scenario:
        'Ann has also updated a label, and applied one through another door. A third entry is of another version.',
      rule: 'An entry belongs to a manager, an operation and a subresource. Each is read in its own version, and keeps its place.',
      source: APPLY,
    },
    () => {
      const updated = entry('ann', app, { operation: 'Update' })
      const byStatus = entry('ann', app, { subresource: 'status' })
      const old = entry('zoe', { 'f:old': {}, 'f:kept': {} }, { operation: 'Update', apiVersion: 'v1beta1' })
      const lost = entry('eve', app, { operation: 'Update', apiVersion: 'v0' })
      const changesIn = (version: string) => {
        if (version === 'v1') return { written: image, removed: {} }
        return version === 'v1beta1' ? { written: { 'f:old': {} }, removed: {} } : undefined
      }
      expect(entriesAfterApply([old, updated, lost, byStatus], changesIn, ann, image, NOW)).toEqual([
        byStatus,
        entry('ann', image, { time: NOW }),
        updated,
        { ...old, fieldsV1: { 'f:kept': {} } },
      ])
      expect(entriesAfterApply([updated, byStatus], changesIn, ann, {}, NOW), 'when nothing is sent').toEqual([
        byStatus,
        updated,
      ])
    },
  )

  lesson(
    'the time is that of the last change',
    {
      scenario: 'Ann applies what is so already: once as the second time, once as the first.',
      rule: 'Without a change the time stays; who never changed anything has none.',
      source: 'apimachinery managedfields/internal/managedfieldsupdater.go',
    },
    () => {
      expect(entriesAfterApply([entry('ann', app)], changed({}), ann, app, undefined)).toEqual([entry('ann', app)])
      const { time: _, ...timeless } = entry('ann', app)
      expect(entriesAfterApply([], changed({}), ann, app, undefined)).toEqual([timeless])
    },
  )

  lesson(
    'conflicts say who, and about what',
    {
      scenario: 'Ann would change the image that Bob applied, and a label that a controller set by update.',
      rule: 'To change what others own is a conflict, with a cause for each field.',
      source: 'apimachinery managedfields/internal/conflict.go',
    },
    () => {
      const robot = entry('robot', app, { operation: 'Update', subresource: 'status' })
      const conflicts = conflictsOf([entry('bob', image), robot], changed({ ...app, ...image }), ann)
      expect(applyConflict(conflicts).toStatus()).toMatchObject({
        code: 409,
        reason: 'Conflict',
        message:
          'Apply failed with 2 conflicts: conflicts with "bob":\n- .spec.containers[name="web"].image\n' +
          'conflicts with "robot" with subresource "status" using v1:\n- .metadata.labels.app',
        details: {
          causes: [
            {
              reason: 'FieldManagerConflict',
              message: 'conflict with "bob"',
              field: '.spec.containers[name="web"].image',
            },
            { field: '.metadata.labels.app' },
          ],
        },
      })
      expect(conflictsOf([entry('ann', image)], changed(image), ann)).toEqual([])
      expect(pathsOf({ 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': {} }, 'f:finalizers': { 'v:"x"': {} } })).toEqual(
        ['.finalizers[="x"]', '.ports[port=80,protocol="TCP"]'],
      )
    },
  )

  lesson(
    'kubectl is at peace with itself',
    {
      scenario: 'An image, set by `kubectl apply`, is changed by `kubectl apply --server-side`.',
      rule: 'What the annotation says was applied, and is still so, is no conflict; the annotation is kept up to date.',
      source: 'apimachinery managedfields/internal/{lastappliedmanager,lastappliedupdater}.go',
    },
    () => {
      const annotated = (config: object) => ({
        metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(config) } },
      })
      const live = {
        apiVersion: 'v1',
        ...annotated({ apiVersion: 'v1', ...pod(container('web')) }),
        ...pod(container('web')),
      }
      const old = { entry: entry('kubectl-client-side-apply', image, { operation: 'Update' }), fields: image }
      expect(withoutLastApplied([old], type, live)).toEqual([])
      expect(withoutLastApplied([old], type, { ...live, ...pod(container('web', { image: 'web:0' })) })).toEqual([old])
      const config = { metadata: { name: 'web' }, ...pod(container('web', { image: 'web:2' })) }
      expect(withLastApplied(live, config).metadata?.annotations).toEqual({
        'kubectl.kubernetes.io/last-applied-configuration':
          '{"metadata":{"name":"web"},"spec":{"containers":[{"image":"web:2","name":"web"}]}}\n',
      })
    },
  )
})
