/** Step 2.9: deleting takes time. */
import { describe, expect } from 'vitest'
import { decideDeletion, finalizersFor, gracePeriodSeconds, isReadyToBeRemoved } from '#apiserver/deletion.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { NOW_MS, stored } from './fixtures.ts'

const GRACE = 'kubernetes pkg/registry/core/pod/strategy.go (CheckGracefulDelete)'
const DELETE = 'apiserver pkg/registry/rest/delete.go (BeforeDelete)'
const GC = 'apiserver pkg/registry/generic/registry/store.go (deletionFinalizersForGarbageCollection)'
const pods = { gracefulDeletion: true }
const running = stored(
  {},
  { spec: { nodeName: 'node-1', terminationGracePeriodSeconds: 20 }, status: { phase: 'Running' } },
)
const markedAt = (grace: number, over: string, more: object = {}) =>
  stored(
    { deletionTimestamp: over, deletionGracePeriodSeconds: grace, ...more },
    { spec: running.spec, status: running.status },
  )

describe('the grace period', () => {
  lesson(
    'is the request’s, or the pod’s, or thirty seconds',
    {
      scenario:
        'A running pod that asks for 20 s is deleted without a word, with 5 s, with 0, with -7; one that asks for nothing, and one that asks for 0 s.',
      rule: 'The request wins; a negative number means one second.',
      source: GRACE,
    },
    () => {
      const grace = (seconds?: number) =>
        gracePeriodSeconds(running, seconds === undefined ? {} : { gracePeriodSeconds: seconds }, pods)
      const spec = { nodeName: 'node-1' }
      expect({
        'without a word': grace(),
        'with 5 s': grace(5),
        'with 0 s': grace(0),
        'with -7 s': grace(-7),
        'the pod asks for nothing': gracePeriodSeconds(stored({}, { spec }), {}, pods),
        'the pod asks for 0 s': gracePeriodSeconds(
          stored({}, { spec: { ...spec, terminationGracePeriodSeconds: 0 } }),
          {},
          pods,
        ),
      }).toEqual({
        'without a word': 20,
        'with 5 s': 5,
        'with 0 s': 0,
        'with -7 s': 1,
        'the pod asks for nothing': 30,
        'the pod asks for 0 s': 0,
      })
    },
  )

  lesson(
    'is nothing for a pod that nobody has to stop',
    {
      scenario: 'A pod on no node yet; one that has succeeded; one that has failed.',
      rule: 'Grace is for containers that run. No kubelet would ever confirm the end of these.',
      source: GRACE,
    },
    () => {
      const waiting = stored({}, { spec: { terminationGracePeriodSeconds: 20 } })
      const finished = (phase: string) => ({ ...running, status: { phase } })
      expect({
        'on no node': gracePeriodSeconds(waiting, { gracePeriodSeconds: 9 }, pods),
        Succeeded: gracePeriodSeconds(finished('Succeeded'), {}, pods),
        Failed: gracePeriodSeconds(finished('Failed'), {}, pods),
      }).toEqual({ 'on no node': 0, Succeeded: 0, Failed: 0 })
    },
  )

  lesson(
    'is for kinds that run something',
    {
      scenario: 'A ConfigMap is deleted with gracePeriodSeconds: 30, as kubectl may send it.',
      rule: 'Other kinds end at once.',
      source: DELETE,
    },
    () => expect(gracePeriodSeconds(stored(), { gracePeriodSeconds: 30 }, {}), 'seconds of grace').toBe(0),
  )
})

describe('the propagation policy', () => {
  lesson(
    'becomes a finalizer',
    {
      scenario: 'An owner with a finalizer of its own is deleted in the foreground, orphaning, in the background.',
      rule: 'Foreground: foregroundDeletion; Orphan: orphan; Background: neither. Others’ finalizers stay.',
      source: GC,
    },
    () => {
      expect(finalizersFor('Foreground', ['mine'], {})).toEqual(['mine', 'foregroundDeletion'])
      expect(finalizersFor('Orphan', ['mine'], {})).toEqual(['mine', 'orphan'])
      expect(finalizersFor('Background', ['mine'], {})).toEqual(['mine'])
      expect(finalizersFor('Foreground', ['foregroundDeletion', 'mine'], {})).toEqual(['foregroundDeletion', 'mine'])
    },
  )

  lesson(
    'can be changed by a later request',
    {
      scenario:
        'A foreground deletion is under way; somebody deletes again, orphaning; or in the background; or with no policy.',
      rule: 'Only one of the two finalizers at a time; the newest policy wins; no policy changes nothing.',
      source: GC,
    },
    () => {
      const underWay = ['foregroundDeletion', 'mine']
      expect(finalizersFor('Orphan', underWay, {})).toEqual(['mine', 'orphan'])
      expect(finalizersFor('Background', underWay, {})).toEqual(['mine'])
      expect(finalizersFor(undefined, underWay, {})).toEqual(underWay)
    },
  )

  lesson(
    'has a default that depends on the kind',
    {
      scenario: 'A ReplicationController and a ReplicaSet are deleted without a policy.',
      rule: 'Background, but for the ReplicationController, which orphaned its pods before there was a garbage collector.',
      source: 'kubernetes pkg/registry/core/replicationcontroller/strategy.go (DefaultGarbageCollectionPolicy)',
    },
    () => {
      expect(finalizersFor(undefined, [], { defaultPropagation: 'Orphan' })).toEqual(['orphan'])
      expect(finalizersFor('Background', [], { defaultPropagation: 'Orphan' })).toEqual([])
      expect(finalizersFor(undefined, [], {})).toEqual([])
    },
  )

  lesson(
    'means nothing for what owns nothing',
    {
      scenario: 'An Event, and one with a finalizer, are deleted in the foreground, and orphaning.',
      rule: 'No garbage collector looks after Events, so nobody would ever take its finalizers away.',
      source: 'kubernetes pkg/registry/core/event/strategy.go (DefaultGarbageCollectionPolicy: Unsupported)',
    },
    () => {
      const traits = { defaultPropagation: 'Unsupported' } as const
      expect(finalizersFor('Foreground', [], traits)).toEqual([])
      expect(finalizersFor('Orphan', ['mine'], traits)).toEqual(['mine'])
    },
  )
})

describe('a DELETE', () => {
  lesson(
    'removes at once what nothing holds',
    {
      scenario: 'A ConfigMap; a pod on no node.',
      rule: 'No finalizer and no grace: there is nothing to wait for.',
      source: DELETE,
    },
    () => {
      expect(decideDeletion(stored(), {}, {}, NOW_MS)).toEqual({ action: 'remove' })
      expect(decideDeletion(stored({}, { spec: {} }), {}, pods, NOW_MS)).toEqual({ action: 'remove' })
    },
  )

  lesson(
    'of a running pod is put on record',
    {
      scenario: 'A running pod with 20 s of grace is deleted at midnight.',
      rule: 'deletionTimestamp is when it will be over, and the pod stays until its kubelet says that it is.',
      source: DELETE,
    },
    () => {
      expect(decideDeletion(running, {}, pods, NOW_MS + 400)).toEqual({
        action: 'mark',
        object: markedAt(20, '2026-01-01T00:00:20Z'),
      })
      expect(running.metadata).not.toHaveProperty('deletionTimestamp')
    },
  )

  lesson(
    'of an object with a finalizer is put on record',
    {
      scenario: 'A Deployment at generation 4 is deleted in the foreground.',
      rule: 'Its controllers must see the wish: the generation rises, the finalizer holds it, and no grace is left.',
      source: DELETE,
    },
    () => {
      const deployment = stored({ generation: 4 }, { spec: { replicas: 1 } })
      expect(decideDeletion(deployment, { propagationPolicy: 'Foreground' }, {}, NOW_MS)).toEqual({
        action: 'mark',
        object: stored(
          {
            generation: 5,
            deletionTimestamp: '2026-01-01T00:00:00Z',
            deletionGracePeriodSeconds: 0,
            finalizers: ['foregroundDeletion'],
          },
          { spec: { replicas: 1 } },
        ),
      })
    },
  )

  lesson(
    'of a namespace waits for the finalizers in its spec',
    {
      scenario: 'A namespace with "kubernetes" in spec.finalizers; and one that has been emptied.',
      rule: 'Those finalizers hold it as well. A namespace has no grace period, so the field is left out.',
      source: 'kubernetes pkg/registry/core/namespace/storage/storage.go (Delete)',
    },
    () => {
      const decision = decideDeletion(stored(), {}, { otherFinalizers: ['kubernetes'] }, NOW_MS)
      expect(decision).toEqual({ action: 'mark', object: stored({ deletionTimestamp: '2026-01-01T00:00:00Z' }) })
      expect(decideDeletion(stored(), {}, { otherFinalizers: [] }, NOW_MS)).toEqual({ action: 'remove' })
    },
  )

  lesson(
    'with no grace is how a kubelet reports the end',
    {
      scenario: 'The pod has been marked with 20 s; its kubelet deletes it with gracePeriodSeconds: 0.',
      rule: 'No grace and no finalizer: now it goes. With a finalizer left it stays, with no grace.',
      source: 'kubernetes pkg/kubelet/status/status_manager.go (canBeDeleted)',
    },
    () => {
      const marked = markedAt(20, '2026-01-01T00:00:20Z')
      expect(decideDeletion(marked, { gracePeriodSeconds: 0 }, pods, NOW_MS + 3_000)).toEqual({ action: 'remove' })
      const held = markedAt(20, '2026-01-01T00:00:20Z', { finalizers: ['mine'] })
      expect(decideDeletion(held, { gracePeriodSeconds: 0 }, pods, NOW_MS + 3_000)).toEqual({
        action: 'mark',
        object: markedAt(0, '2026-01-01T00:00:03Z', { finalizers: ['mine'] }),
      })
    },
  )

  lesson(
    'can hasten a deletion, and never slow it down',
    {
      scenario:
        'Marked with 20 s at midnight. Deleted again with 5 s, at once and 10 s later; with 20 s; with 60 s; with 30 s in its spec and not a word.',
      rule: 'The end moves forward by the difference, though not into the past: then a second is left. More time is not given, and who says nothing changes nothing.',
      source: DELETE,
    },
    () => {
      const marked = markedAt(20, '2026-01-01T00:00:20Z', { generation: 2 })
      const again = (seconds: number, afterMs: number) =>
        decideDeletion(marked, { gracePeriodSeconds: seconds }, pods, NOW_MS + afterMs)
      expect(again(5, 0)).toEqual({
        action: 'mark',
        object: markedAt(5, '2026-01-01T00:00:05Z', { generation: 2 }),
      })
      expect(again(5, 10_000)).toEqual({
        action: 'mark',
        object: markedAt(1, '2026-01-01T00:00:10Z', { generation: 2 }),
      })
      expect(again(20, 1_000)).toEqual({ action: 'wait' })
      expect(again(60, 1_000)).toEqual({ action: 'wait' })
      const patient = markedAt(60, '2026-01-01T00:01:00Z')
      expect(decideDeletion(patient, {}, pods, NOW_MS), 'with 60 s on record and 20 s in the spec').toEqual({
        action: 'wait',
      })
      const foreground = { propagationPolicy: 'Foreground' } as const
      expect(decideDeletion(marked, foreground, pods, NOW_MS), 'with another policy').toEqual({ action: 'wait' })
    },
  )

  lesson(
    'again, with another policy, changes only the finalizer',
    {
      scenario: 'A foreground deletion is under way since midnight; an hour later somebody wants to orphan instead.',
      rule: 'The record of when it was deleted stays.',
      source: GC,
    },
    () => {
      const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 }
      const underWay = stored({ ...metadata, finalizers: ['foregroundDeletion'] })
      expect(decideDeletion(underWay, { propagationPolicy: 'Orphan' }, {}, NOW_MS + 3_600_000)).toEqual({
        action: 'mark',
        object: stored({ ...metadata, finalizers: ['orphan'] }),
      })
    },
  )
})

describe('an update of a deleted object', () => {
  lesson(
    'that takes the last finalizer away lets it go',
    {
      scenario: 'Objects that are deleted or not, with and without finalizers of either sort, with and without grace.',
      rule: 'Deletion on record, no finalizer of any sort, no grace to wait for: then it is removed.',
      source: 'apiserver pkg/registry/generic/registry/store.go (deleteWithoutFinalizers)',
    },
    () => {
      const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 }
      const isReady = (metadata: object, others: string[] = []) => isReadyToBeRemoved(stored({ ...metadata }), others)
      expect({
        deleted: isReady(deleted),
        'deleted, of grace nothing said': isReady({ deletionTimestamp: '2026-01-01T00:00:00Z' }),
        'not deleted': isReady({}),
        'deleted, with a finalizer': isReady({ ...deleted, finalizers: ['mine'] }),
        'deleted, with one of the other sort': isReady(deleted, ['kubernetes']),
        'deleted, with 30 s of grace': isReady({ ...deleted, deletionGracePeriodSeconds: 30 }),
      }).toEqual({
        deleted: true,
        'deleted, of grace nothing said': true,
        'not deleted': false,
        'deleted, with a finalizer': false,
        'deleted, with one of the other sort': false,
        'deleted, with 30 s of grace': false,
      })
    },
  )
})
