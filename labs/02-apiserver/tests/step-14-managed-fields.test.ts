/** Step 2.14: who set which field. */
import { describe, expect } from 'vitest'
import { compareFields } from '#apiserver/managed-fields/compare.ts'
import type { FieldsEntry } from '#apiserver/managed-fields/entries.ts'
import { combine, difference, type FieldSet, intersection, union } from '#apiserver/managed-fields/field-set.ts'
import { managerOf, validateManager } from '#apiserver/managed-fields/manager-name.ts'
import { entriesAfterUpdate } from '#apiserver/managed-fields/update.ts'
import { fieldsOfKind } from '#kit/apiserver/openapi/field-types.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { NOW, randomFor, texts } from './fixtures.ts'

const SETS = 'structured-merge-diff fieldpath/set.go'
const COMPARE = 'structured-merge-diff typed/compare.go'
const UPDATE = 'structured-merge-diff merge/update.go; apimachinery managedfields/internal/managedfieldsupdater.go'

const deployment = fieldsOfKind({ group: 'apps', version: 'v1', kind: 'Deployment' })!
const pod = fieldsOfKind({ group: '', version: 'v1', kind: 'Pod' })!

const labels: FieldSet = { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {}, 'f:tier': {} } } }
const replicas: FieldSet = { 'f:spec': { 'f:replicas': {} } }

describe('sets of fields', () => {
  lesson(
    'are joined, cut and subtracted like any sets',
    {
      scenario: 'Two managers, who share one label.',
      rule: 'A node is a member if it says so with a ".", or if nothing is below it; a node with no members left is no node.',
      source: SETS,
    },
    () => {
      const app: FieldSet = { 'f:metadata': { 'f:labels': { 'f:app': {} } }, ...replicas }
      expect(union(labels, app), 'either').toEqual({ ...labels, ...replicas })
      expect(intersection(labels, app), 'both').toEqual({ 'f:metadata': { 'f:labels': { 'f:app': {} } } })
      expect(difference(labels, app), 'the first without the second').toEqual({
        'f:metadata': { 'f:labels': { '.': {}, 'f:tier': {} } },
      })
      expect(difference(app, labels), 'the second without the first').toEqual(replicas)
      expect(difference(app, app), 'one without itself').toEqual({})
    },
  )

  lesson(
    'tell a field from what is in it',
    {
      scenario: 'One owns the map of labels as such, another a label in it.',
      rule: 'To own a field says nothing about the fields below it, and the other way round.',
      source: SETS,
    },
    () => {
      const map: FieldSet = { 'f:labels': {} }
      const entry: FieldSet = { 'f:labels': { 'f:app': {} } }
      expect(union(map, entry), 'the map or the label').toEqual({ 'f:labels': { '.': {}, 'f:app': {} } })
      expect(intersection(map, entry), 'the map and the label').toEqual({})
      expect(difference({ 'f:labels': { '.': {}, 'f:app': {} } }, map)).toEqual(entry)
      expect(difference({ 'f:labels': { '.': {}, 'f:app': {} } }, entry)).toEqual(map)
      expect(combine(map, entry, (inLeft, inRight) => inLeft !== inRight)).toEqual({
        'f:labels': { '.': {}, 'f:app': {} },
      })
    },
  )

  lesson(
    'are the same object when nothing is different',
    {
      scenario: 'Sets from which nothing that they have is taken, and to which nothing is added that they lack.',
      rule: 'A set that stays as it is is shared, so that whoever asks whether it has changed need not look into it.',
      source: SETS,
    },
    () => {
      const set: FieldSet = { ...labels, ...replicas }
      expect(difference(set, { 'f:data': {} })).toBe(set)
      expect(union(set, replicas)).toBe(set)
      expect(intersection(set, structuredClone(set))).toBe(set)
      expect(difference(set, replicas)['f:metadata']).toBe(set['f:metadata'])
    },
  )

  lesson(
    'obey the laws of sets',
    {
      scenario: 'Random sets of fields, up to four levels deep.',
      rule: 'What two sets share and what only one of them has make up the whole, without overlap.',
      source: SETS,
    },
    (context) => {
      const random = randomFor(context)
      const randomSet = (depth: number): FieldSet => {
        const set: Record<string, FieldSet> = {}
        for (const name of ['a', 'b', 'c']) {
          if (random.next() < 0.5) set[`f:${name}`] = depth > 0 && random.next() < 0.7 ? randomNode(depth - 1) : {}
        }
        return set
      }
      const randomNode = (depth: number): FieldSet => {
        const below = randomSet(depth)
        return Object.keys(below).length > 0 && random.next() < 0.5 ? { '.': {}, ...below } : below
      }
      // Small sets first: what goes wrong with these is easier to see.
      for (let round = 0; round < 500; round++) {
        const depth = Math.floor(round / 125)
        const [a, b] = [randomSet(depth), randomSet(depth)]
        const [onlyA, onlyB, both] = [difference(a, b), difference(b, a), intersection(a, b)]
        const sets = `for a = ${JSON.stringify(a)} and b = ${JSON.stringify(b)}`
        expect(union(onlyA, both), `a − b and what they share, ${sets}`).toEqual(a)
        expect(intersection(onlyA, b), `what a − b and b share, ${sets}`).toEqual({})
        expect(intersection(b, a), `what b and a share, as a and b, ${sets}`).toEqual(both)
        expect(union(union(onlyA, both), onlyB), `all three parts, as b and a, ${sets}`).toEqual(union(b, a))
      }
    },
  )
})

describe('a comparison', () => {
  const compare = (before: object | undefined, after: object, { type, empty } = deployment) =>
    compareFields(type, before ?? empty, after)

  lesson(
    'finds what was written and what was removed',
    {
      scenario: 'A Deployment gets another number of replicas and another label, and loses its annotations.',
      rule: 'Values are compared field by field; what is there before and after with the same value does not appear.',
      source: COMPARE,
    },
    () => {
      const before = {
        metadata: { labels: { app: 'web' }, annotations: { note: 'x' } },
        spec: { replicas: 1, paused: true },
      }
      const after = { metadata: { labels: { app: 'web', tier: 'front' } }, spec: { replicas: 2, paused: true } }
      expect(compare(before, after)).toEqual({
        written: { 'f:metadata': { 'f:labels': { 'f:tier': {} } }, 'f:spec': { 'f:replicas': {} } },
        removed: { 'f:metadata': { 'f:annotations': { '.': {}, 'f:note': {} } } },
      })
      expect(compare(after, structuredClone(after))).toEqual({ written: {}, removed: {} })
      const selector = { spec: { selector: { matchLabels: { app: 'web' } } } }
      expect(compare(selector, structuredClone(selector)), 'an equal value is no change').toEqual({
        written: {},
        removed: {},
      })
    },
  )

  lesson(
    'tells the items of a list apart by their keys',
    {
      scenario: 'Containers in another order, one with another image, one with a port more; a variable goes.',
      rule: 'Where the API says by which fields items are told apart, each item is a field of its own, whatever its place.',
      source: COMPARE,
    },
    () => {
      const side = { name: 'side', image: 'side:1', env: [{ name: 'A', value: '1' }] }
      const web = { name: 'web', image: 'web:1' }
      const before = { spec: { containers: [web, side] } }
      const after = {
        spec: {
          containers: [
            { name: 'side', image: 'side:1' },
            { name: 'web', image: 'web:2', ports: [{ containerPort: 80 }] },
          ],
        },
      }
      const port = { '.': {}, 'f:containerPort': {} }
      expect(compare(before, after, pod)).toEqual({
        written: {
          'f:spec': {
            'f:containers': {
              'k:{"name":"web"}': {
                'f:image': {},
                'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': port },
              },
            },
          },
        },
        removed: {
          'f:spec': {
            'f:containers': {
              'k:{"name":"side"}': {
                'f:env': { '.': {}, 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
              },
            },
          },
        },
      })
    },
  )

  lesson(
    'takes some lists and structs as a whole, and sets value by value',
    {
      scenario: 'Arguments, a selector and finalizers change.',
      rule: 'Atomic values are one field. In a set each value is a field.',
      source: COMPARE,
    },
    () => {
      const before = { metadata: { finalizers: ['a', 'b'] }, spec: { selector: { matchLabels: { a: '1' } } } }
      const after = { metadata: { finalizers: ['b', 'c'] }, spec: { selector: { matchLabels: { a: '1', b: '2' } } } }
      expect(compare(before, after)).toEqual({
        written: { 'f:metadata': { 'f:finalizers': { 'v:"c"': {} } }, 'f:spec': { 'f:selector': {} } },
        removed: { 'f:metadata': { 'f:finalizers': { 'v:"a"': {} } } },
      })
      const args = (...words: string[]) => ({ spec: { containers: [{ name: 'web', args: words }] } })
      expect(compare(args('a', 'b'), args('b', 'a'), pod).written).toEqual({
        'f:spec': { 'f:containers': { 'k:{"name":"web"}': { 'f:args': {} } } },
      })
    },
  )

  lesson(
    'tells a value that says no from one that is not there',
    {
      scenario: 'Replicas become 0, paused becomes false, a label becomes empty.',
      rule: 'Only undefined is not there. Whoever scales to nothing has written the replicas.',
      source: COMPARE,
    },
    () => {
      const before = { metadata: { labels: { app: 'web' } }, spec: { replicas: 2, paused: true } }
      const after = { metadata: { labels: { app: '' } }, spec: { replicas: 0, paused: false } }
      const all = { 'f:metadata': { 'f:labels': { 'f:app': {} } }, 'f:spec': { 'f:replicas': {}, 'f:paused': {} } }
      expect(compare(before, after), 'from yes to no').toEqual({ written: all, removed: {} })
      expect(compare(after, before), 'from no to yes').toEqual({ written: all, removed: {} })
    },
  )

  lesson(
    'does not mind in which order a map is written',
    {
      scenario: 'A selector, which is one field, is sent back with its labels in another order.',
      rule: 'Equal values are no change, and maps have no order: Go programs sort their keys, others do not.',
      source: COMPARE,
    },
    () => {
      const selector = (matchLabels: object) => ({ spec: { selector: { matchLabels } } })
      expect(compare(selector({ tier: 'front', app: 'web' }), selector({ app: 'web', tier: 'front' }))).toEqual({
        written: {},
        removed: {},
      })
    },
  )

  lesson(
    'makes a creator the owner of what was said, and of nothing else',
    {
      scenario: 'A new Deployment, compared with what every Deployment has.',
      rule: 'A map that is new is owned itself; spec and template, which are always there, are not. Nobody owns names.',
      source: `${COMPARE}; apimachinery managedfields/internal/stripmeta.go`,
    },
    () => {
      const created = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'default', uid: 'uid-1', labels: { app: 'web' } },
        spec: {
          replicas: 1,
          template: { spec: { securityContext: {}, containers: [{ name: 'web', resources: {} }] } },
        },
      }
      expect(compare(undefined, created).written).toEqual({
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:replicas': {},
          'f:template': {
            'f:spec': {
              'f:securityContext': {},
              'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:name': {}, 'f:resources': {} } },
            },
          },
        },
      })
    },
  )

  lesson(
    'knows fields that are called like something in every object',
    {
      scenario: 'Labels "constructor" and "toString" are added.',
      rule: 'A field is there if the object itself has it.',
      source: COMPARE,
    },
    () => {
      expect(
        compare({ metadata: { labels: {} } }, { metadata: { labels: { constructor: 'x', toString: 'y' } } }),
      ).toEqual({
        written: { 'f:metadata': { 'f:labels': { 'f:constructor': {}, 'f:toString': {} } } },
        removed: {},
      })
    },
  )
})

describe('an update', () => {
  const ann = { manager: 'ann', operation: 'Update', apiVersion: 'apps/v1' } as const
  const entry = (manager: string, fieldsV1: FieldSet, more: Partial<FieldsEntry> = {}): FieldsEntry => ({
    manager,
    operation: 'Update',
    apiVersion: 'apps/v1',
    time: '2025-06-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...more,
  })
  const changed =
    (written: FieldSet, removed: FieldSet = {}) =>
    () => ({ written, removed })

  lesson(
    'makes the writer the owner, and nobody else',
    {
      scenario: 'Bob has set replicas and labels. Ann sets other replicas.',
      rule: 'Whoever wrote a field last owns it; who has lost every field is no longer in the book.',
      source: UPDATE,
    },
    () => {
      const bob = entry('bob', { ...labels, ...replicas })
      const after = entriesAfterUpdate([bob], changed(replicas), ann, NOW)
      expect(after).toEqual([{ ...bob, fieldsV1: labels }, entry('ann', replicas, { time: NOW })])
      expect(entriesAfterUpdate([entry('bob', replicas)], changed(replicas), ann, NOW)).toEqual([
        entry('ann', replicas, { time: NOW }),
      ])
    },
  )

  lesson(
    'adds to what the writer owns already',
    {
      scenario: 'Ann, who owns labels, writes the replicas; then she writes a label again.',
      rule: 'A writer has one entry for each version, operation and subresource; its time is that of the last field it got.',
      source: UPDATE,
    },
    () => {
      const [first, ...others] = entriesAfterUpdate([entry('ann', labels)], changed(replicas), ann, NOW)
      expect([first, others]).toEqual([entry('ann', { ...labels, ...replicas }, { time: NOW }), []])
      const status = entriesAfterUpdate(
        [entry('ann', labels)],
        changed(replicas),
        { ...ann, subresource: 'status' },
        NOW,
      )
      expect(status.map(({ subresource }) => subresource)).toEqual([undefined, 'status'])
      const applied = entry('ann', labels, { operation: 'Apply' })
      expect(entriesAfterUpdate([applied], changed(replicas), ann, NOW)).toHaveLength(2)
      const older = entry('ann', labels, { apiVersion: 'apps/v1beta1' })
      expect(
        entriesAfterUpdate([older], changed(replicas), ann, NOW),
        'paths of two versions do not fit into one entry',
      ).toEqual([older, entry('ann', replicas, { time: NOW })])
    },
  )

  lesson(
    'forgets what the writer took away in the same write',
    {
      scenario: 'Ann, who owns labels and replicas, removes the labels and writes other replicas.',
      rule: 'Nobody owns what is not there: the writer, too, loses what was removed before it gains what it wrote.',
      source: UPDATE,
    },
    () => {
      const own = entry('ann', { ...labels, ...replicas })
      expect(entriesAfterUpdate([own], changed(replicas, labels), ann, NOW)).toEqual([
        entry('ann', replicas, { time: NOW }),
      ])
    },
  )

  lesson(
    'that changes nothing changes no entry, and one that only removes changes no time',
    {
      scenario: 'Ann writes what is there; then she takes the labels away, her own and those of Bob.',
      rule: 'Only a field that was given a value makes a new time. Otherwise every no-op would be a write.',
      source: UPDATE,
    },
    () => {
      const entries = [entry('ann', replicas), entry('bob', labels)]
      const after = entriesAfterUpdate(entries, changed({}), ann, NOW)
      expect(after).toEqual(entries)
      expect(
        after.every((one, index) => one === entries[index]),
        'the entries are the same objects',
      ).toBe(true)
      expect(entriesAfterUpdate(entries, changed({}, labels), ann, NOW)).toEqual([entry('ann', replicas)])
      expect(entriesAfterUpdate([...entries].reverse(), changed({}), ann, NOW), 'in order').toEqual(entries)
      expect(
        entriesAfterUpdate([entry('bob', labels)], changed(replicas, labels), ann, NOW),
        'what is removed is nobody’s, not the remover’s',
      ).toEqual([entry('ann', replicas, { time: NOW })])
    },
  )

  lesson(
    'is seen by each entry in its own version',
    {
      scenario: 'An object of two versions, in which a field has two names; and an entry of a version that is gone.',
      rule: 'Paths are read in the version of their entry. What nobody can read any more is left out.',
      source: 'structured-merge-diff merge/update.go; apimachinery managedfields/internal/versionconverter.go',
    },
    () => {
      const old = entry('bob', { 'f:count': {}, 'f:other': {} }, { apiVersion: 'apps/v1beta1' })
      const lost = entry('eve', { 'f:count': {} }, { apiVersion: 'apps/v0' })
      const changesIn = (version: string) =>
        version === 'apps/v1'
          ? { written: replicas, removed: {} }
          : version === 'apps/v1beta1'
            ? { written: { 'f:count': {} }, removed: {} }
            : undefined
      expect(entriesAfterUpdate([old, lost], changesIn, ann, NOW)).toEqual([
        { ...old, fieldsV1: { 'f:other': {} } },
        entry('ann', replicas, { time: NOW }),
      ])
    },
  )

  lesson(
    'keeps the book short',
    {
      scenario: 'Ten others have written, each under another name, one a minute. Ann writes.',
      rule: 'There are at most ten updaters: the oldest become one, called "ancient-changes".',
      source: 'apimachinery managedfields/internal/capmanagers.go',
    },
    () => {
      const others = [...'abcdefghij'].map((name, minute) =>
        entry(name, { [`f:${name}`]: {} }, { time: `2025-06-01T00:0${minute}:00Z` }),
      )
      const after = entriesAfterUpdate(others, changed(replicas), ann, NOW)
      expect(after).toHaveLength(10)
      expect(after[0]).toEqual(entry('ancient-changes', { 'f:a': {}, 'f:b': {} }, { time: '2025-06-01T00:01:00Z' }))
      expect(after.at(-1)).toEqual(entry('ann', replicas, { time: NOW }))
    },
  )

  lesson(
    'comes from somebody with a name',
    {
      scenario: 'Requests with and without ?fieldManager=, from kubectl and from nobody.',
      rule: 'A writer is called as it says, or as the first part of its User-Agent; at most 128 bytes, all printable.',
      source: 'apiserver pkg/endpoints/handlers/create.go (managerOrUserAgent)',
    },
    () => {
      const userAgent = 'kubectl/v1.32.0 (linux/amd64) kubernetes/70d3cc9'
      expect(managerOf({ query: {}, userAgent })).toBe('kubectl')
      expect(managerOf({ query: { fieldManager: ['deployer'] }, userAgent })).toBe('deployer')
      expect(managerOf({ query: {}, userAgent: `${'x'.repeat(200)}/1` })).toHaveLength(128)
      expect(texts(validateManager('a\nb'))).toEqual([
        'fieldManager: Invalid value: "a\\nb": invalid character U+000A (at position 1)',
      ])
      expect(texts(validateManager('x'.repeat(129)))).toEqual([
        'fieldManager: Too long: may not be more than 128 bytes',
      ])
    },
  )
})
