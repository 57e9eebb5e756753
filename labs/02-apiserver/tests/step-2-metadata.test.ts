/** Step 2.2: the metadata that belongs to the server. */
import { describe, expect } from 'vitest'
import { countsAsChange, generatedName, newMetadata, updatedMetadata } from '#apiserver/metadata.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { kinds, NOW, refusalOf, stored } from './fixtures.ts'

const CREATE = 'apiserver pkg/registry/rest/create.go'
const UPDATE = 'apiserver pkg/registry/rest/update.go'
const facts = { now: NOW, uid: 'uid-new', suffix: 'x7k2p' }

describe('a new object', () => {
  lesson(
    'gets a uid, a time of birth and the namespace of the path',
    {
      scenario: 'A pod with nothing but a name and a label is created in the namespace shop.',
      rule: 'The server writes uid, creationTimestamp and namespace; the name and the labels are the user’s.',
      source: CREATE,
    },
    () => {
      expect(newMetadata({ name: 'web', labels: { app: 'web' } }, kinds.pod, 'shop', facts)).toEqual({
        name: 'web',
        namespace: 'shop',
        labels: { app: 'web' },
        uid: 'uid-new',
        creationTimestamp: NOW,
      })
    },
  )

  lesson(
    'cannot bring its own identity or its own death',
    {
      scenario: 'A copy of another object is created, with its uid, times, generation and managed fields still in it.',
      rule: 'What belongs to the server is the server’s, whatever the user sends.',
      source: CREATE,
    },
    () => {
      const sent = {
        name: 'web',
        uid: 'uid-of-another',
        creationTimestamp: '1999-01-01T00:00:00Z',
        deletionTimestamp: '2000-01-01T00:00:00Z',
        deletionGracePeriodSeconds: 5,
        generation: 9,
        selfLink: '/x',
        managedFields: [],
      }
      expect(newMetadata(sent, kinds.deployment, 'shop', facts)).toEqual({
        name: 'web',
        namespace: 'shop',
        uid: 'uid-new',
        creationTimestamp: NOW,
        generation: 1,
      })
      expect(newMetadata(sent, kinds.pod, 'shop', facts)).not.toHaveProperty('generation')
    },
  )

  lesson(
    'of a cluster-scoped kind has no namespace',
    {
      scenario: 'A node is created; and one whose creator gave it a namespace.',
      rule: 'Cluster-scoped objects are in no namespace; to give one is an error.',
      source: CREATE,
    },
    () => {
      expect(newMetadata({ name: 'node-1' }, kinds.node, '', facts)).not.toHaveProperty('namespace')
      expect(refusalOf(() => newMetadata({ name: 'node-1', namespace: 'shop' }, kinds.node, '', facts))).toMatchObject({
        code: 400,
        message: 'the namespace of the provided object does not match the namespace sent on the request',
      })
    },
  )

  lesson(
    'must be meant for the namespace that the path names',
    {
      scenario: 'A pod that says namespace: office is sent to …/namespaces/shop/pods; another says shop.',
      rule: 'Path and object must agree; a silent choice would create it where nobody looks.',
      source: CREATE,
    },
    () => {
      expect(
        refusalOf(() => newMetadata({ name: 'web', namespace: 'office' }, kinds.pod, 'shop', facts)),
      ).toMatchObject({
        code: 400,
        reason: 'BadRequest',
      })
      expect(newMetadata({ name: 'web', namespace: 'shop' }, kinds.pod, 'shop', facts).namespace).toBe('shop')
    },
  )

  lesson(
    'has no version before it is stored',
    {
      scenario: 'An exported object is created, with its old resourceVersion still in it.',
      rule: 'resourceVersion must not be set on creation: its creator thinks of an object that is there already.',
      source: 'apiserver pkg/storage/etcd3/store.go (Create)',
    },
    () => {
      expect(
        refusalOf(() => newMetadata({ name: 'web', resourceVersion: '12' }, kinds.pod, 'shop', facts)),
      ).toMatchObject({
        code: 500,
        message: 'resourceVersion should not be set on objects to be created',
      })
      expect(newMetadata({ name: 'web', resourceVersion: '0' }, kinds.pod, 'shop', facts)).not.toHaveProperty(
        'resourceVersion',
      )
    },
  )

  lesson(
    'may leave its name to the server',
    {
      scenario: 'A ReplicaSet creates a pod with generateName: web-, once without and once with a name of its own.',
      rule: 'The generated name is the prefix and the suffix; a name that is given wins.',
      source: 'apiserver pkg/storage/names/generate.go',
    },
    () => {
      expect(newMetadata({ generateName: 'web-' }, kinds.pod, 'shop', facts)).toMatchObject({
        name: 'web-x7k2p',
        generateName: 'web-',
      })
      expect(newMetadata({ name: 'mine', generateName: 'web-' }, kinds.pod, 'shop', facts).name).toBe('mine')
    },
  )

  lesson(
    'never gets a generated name that is too long',
    {
      scenario: 'A prefix of 70 characters.',
      rule: 'Names must fit into a DNS label of 63 characters, and the suffix is what makes them different: the prefix is cut.',
      source: 'apiserver pkg/storage/names/generate.go',
    },
    () => {
      expect(generatedName('a'.repeat(70), 'x7k2p')).toBe(`${'a'.repeat(58)}x7k2p`)
      expect(generatedName('web-', 'x7k2p')).toBe('web-x7k2p')
    },
  )
})

describe('an update', () => {
  lesson(
    'changes labels, and keeps what is the server’s',
    {
      scenario:
        'A pod that is being deleted is replaced; the new form has other labels, and none of the server’s fields.',
      rule: 'uid, times and version come from the stored object; labels, annotations and finalizers from the new one.',
      source: UPDATE,
    },
    () => {
      const old = stored({
        labels: { app: 'old' },
        finalizers: ['x'],
        generateName: 'we',
        deletionTimestamp: '2026-01-01T00:00:30Z',
        deletionGracePeriodSeconds: 30,
        managedFields: [{ manager: 'ann' }],
      })
      expect(updatedMetadata({ metadata: { labels: { app: 'new' } } }, old, kinds.pod)).toEqual({
        labels: { app: 'new' },
        name: 'web',
        namespace: 'default',
        uid: 'uid-1',
        resourceVersion: '7',
        generateName: 'we',
        creationTimestamp: '2025-12-31T00:00:00Z',
        deletionTimestamp: '2026-01-01T00:00:30Z',
        deletionGracePeriodSeconds: 30,
        managedFields: [{ manager: 'ann' }],
      })
    },
  )

  lesson(
    'cannot start a deletion, nor change the hour of birth',
    {
      scenario:
        'A PUT with another creationTimestamp; one that carries a deletionTimestamp, of a pod that nobody has deleted.',
      rule: 'Only DELETE puts a deletion on record; a field that the stored object lacks stays absent.',
      source: UPDATE,
    },
    () => {
      const born = updatedMetadata({ metadata: { creationTimestamp: NOW } }, stored(), kinds.pod).creationTimestamp
      expect(born, 'creationTimestamp, although another was sent').toBe('2025-12-31T00:00:00Z')
      const draft = { metadata: { deletionTimestamp: NOW, deletionGracePeriodSeconds: 0 } }
      const metadata = updatedMetadata(draft, stored(), kinds.pod)
      expect(metadata).not.toHaveProperty('deletionTimestamp')
      expect(metadata).not.toHaveProperty('deletionGracePeriodSeconds')
      expect(metadata).not.toHaveProperty('generation')
    },
  )

  lesson(
    'based on an older version is refused',
    {
      scenario: 'The stored pod is at version 7; one update was made from version 6, one from 7, one names none.',
      rule: 'A version that was sent must be the current one, else somebody’s change would be lost. Without one: overwrite.',
      source: 'apiserver pkg/registry/generic/registry/store.go (Update)',
    },
    () => {
      const old = stored()
      expect(refusalOf(() => updatedMetadata({ metadata: { resourceVersion: '6' } }, old, kinds.pod))).toEqual({
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on pods "web": the object has been modified; please apply your changes to the latest version and try again',
        details: { name: 'web', kind: 'pods' },
      })
      expect(updatedMetadata({ metadata: { resourceVersion: '7' } }, old, kinds.pod).resourceVersion).toBe('7')
      expect(updatedMetadata({}, old, kinds.pod).resourceVersion).toBe('7')
    },
  )

  lesson(
    'of some kinds must say which version it is based on',
    {
      scenario: 'Two candidates for leadership; one overwrites the Lease without naming a version.',
      rule: 'A kind may forbid unconditional updates: a Lease that can be overwritten blindly elects two leaders.',
      source: 'kubernetes pkg/registry/coordination/lease/strategy.go (AllowUnconditionalUpdate)',
    },
    () => {
      expect(refusalOf(() => updatedMetadata({ metadata: {} }, stored(), kinds.lease))).toMatchObject({
        code: 422,
        message:
          'Lease.coordination.k8s.io "web" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
      })
    },
  )

  lesson(
    'of another object with the same name is refused',
    {
      scenario: 'A pod was deleted and created again; somebody updates the one that is gone, by its uid.',
      rule: 'The uid says which object is meant. A name can be used again, a uid never.',
      source: UPDATE,
    },
    () => {
      expect(refusalOf(() => updatedMetadata({ metadata: { uid: 'uid-0' } }, stored(), kinds.pod))).toMatchObject({
        code: 409,
        message:
          'Operation cannot be fulfilled on pods "web": Precondition failed: UID in precondition: uid-0, UID in object meta: uid-1',
      })
    },
  )

  lesson(
    'cannot rename or move',
    {
      scenario: 'PUT …/default/pods/web with an object called db; and with one of the namespace shop.',
      rule: 'Name and namespace are what an object is found by; path and object must agree.',
      source: UPDATE,
    },
    () => {
      expect(refusalOf(() => updatedMetadata({ metadata: { name: 'db' } }, stored(), kinds.pod))).toMatchObject({
        code: 400,
        message: 'the name of the object (db) does not match the name on the URL (web)',
      })
      expect(refusalOf(() => updatedMetadata({ metadata: { namespace: 'shop' } }, stored(), kinds.pod))).toMatchObject({
        code: 400,
        message: 'the namespace of the provided object does not match the namespace sent on the request',
      })
    },
  )
})

describe('the generation', () => {
  lesson(
    'counts changes of the wish, not of the report',
    {
      scenario:
        'A Deployment at generation 3: its status changes, its labels change, its spec changes, and somebody sends another generation.',
      rule: 'A controller compares generation with observedGeneration; what it writes itself must not raise it.',
      source: 'kubernetes pkg/registry/apps/deployment/strategy.go',
    },
    () => {
      const old = stored({ generation: 3 }, { spec: { replicas: 1 }, status: { replicas: 1 } })
      const generationAfter = (change: object) =>
        updatedMetadata({ ...old, ...change }, old, kinds.deployment).generation
      expect({
        status: generationAfter({ status: { replicas: 2 } }),
        labels: generationAfter({ metadata: { ...old.metadata, labels: { a: 'b' } } }),
        spec: generationAfter({ spec: { replicas: 2 } }),
        'generation 9, sent by the user': generationAfter({ metadata: { ...old.metadata, generation: 9 } }),
      }).toEqual({ status: 3, labels: 3, spec: 4, 'generation 9, sent by the user': 3 })
    },
  )

  lesson(
    'compares by value',
    {
      scenario: 'The same spec, sent again with its fields in another order; then one with a list in another order.',
      rule: 'Maps have no order, lists have one.',
      source: 'apimachinery pkg/api/equality',
    },
    () => {
      const old = { spec: { a: 1, b: ['x', 'y'] }, data: { k: 'v' } }
      expect({
        'fields in another order': countsAsChange({ spec: { b: ['x', 'y'], a: 1 }, data: { k: 'v' } }, old),
        'a list in another order': countsAsChange({ spec: { a: 1, b: ['y', 'x'] }, data: { k: 'v' } }, old),
        'other data': countsAsChange({ spec: old.spec, data: { k: 'w' } }, old),
        'status and metadata': countsAsChange({ ...old, status: { x: 1 }, metadata: { name: 'n' } }, old),
      }).toEqual({
        'fields in another order': false,
        'a list in another order': true,
        'other data': true,
        'status and metadata': false,
      })
    },
  )
})
