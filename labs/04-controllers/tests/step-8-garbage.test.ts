/** Step 4.8: owners and what they own; namespaces and what is in them. */
import { describe, expect } from 'vitest'
import {
  awaitDependents,
  collect,
  type GarbageItem,
  type GarbageWorld,
  orphanDependents,
  reconcileGarbage,
} from '#controllers/garbage/collect.ts'
import { reconcileNamespace } from '#controllers/namespaces/reconcile.ts'
import type { Namespace, Stored } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { ago, NOW_MS, stored } from './support/objects.ts'

const item = (name: string, metadata: object = {}, resource: GarbageItem['resource'] = 'configMaps'): GarbageItem => ({
  resource,
  metadata: stored('ConfigMap', name, {}, metadata).metadata,
})
const reference = (name: string, blockOwnerDeletion = false) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name,
  uid: `uid-${name}`,
  blockOwnerDeletion,
})
const owned = (...owners: [string, 'present' | 'absent' | 'waiting'][]): GarbageWorld['owners'] =>
  owners.map(([name, state]) => ({ reference: reference(name), state }))
const world = (more: Partial<GarbageWorld>): GarbageWorld => ({ item: item('x'), owners: [], dependents: [], ...more })
const waiting = { deletionTimestamp: ago(1), finalizers: ['foregroundDeletion'] }

describe('an object that is not being deleted', () => {
  lesson(
    'stays when nobody owns it, or all its owners are there',
    {
      scenario: 'No owner references; then two owners that are present.',
      rule: 'Only what has lost its last owner is garbage.',
      source: 'kubernetes garbagecollector.go: attemptToDeleteItem',
    },
    () => {
      expect(collect(world({}))).toEqual([])
      expect(collect(world({ owners: owned(['a', 'present'], ['b', 'present']) }))).toEqual([])
    },
  )

  lesson(
    'goes when all its owners are gone',
    {
      scenario: 'Its only owner is absent; it has dependents of its own.',
      rule: 'Deleted in the background, with its uid as a precondition: if another object has taken the name, that one stays.',
      source: 'recordings gc-deployment-background, gc-configmap-owner-chain-and-owner-that-does-not-exist',
    },
    () =>
      expect(collect(world({ owners: owned(['a', 'absent']), dependents: [item('y')] }))).toEqual([
        {
          do: 'delete',
          resource: 'configMaps',
          namespace: 'default',
          name: 'x',
          options: { propagationPolicy: 'Background', preconditions: { uid: 'uid-x' } },
        },
      ]),
  )

  lesson(
    'forgets the owners that are gone, and stays for those that are there',
    {
      scenario: 'Owner a is absent, b waits for its dependents, c is present.',
      rule: "One present owner is enough; the others' references go, in one patch that carries the uid.",
      source: 'recording gc-configmap-owner-chain-and-owner-that-does-not-exist (e is owned by a and keep)',
    },
    () =>
      expect(collect(world({ owners: owned(['a', 'absent'], ['b', 'waiting'], ['c', 'present']) }))).toMatchObject([
        {
          do: 'patch',
          name: 'x',
          patch: {
            metadata: {
              uid: 'uid-x',
              ownerReferences: [
                { $patch: 'delete', uid: 'uid-a' },
                { $patch: 'delete', uid: 'uid-b' },
              ],
            },
          },
        },
      ]),
  )

  lesson(
    'goes in the foreground when its owner waits and it has dependents itself',
    {
      scenario: 'A ReplicaSet with pods, whose Deployment waits; and a pod without dependents, whose ReplicaSet waits.',
      rule: 'Whoever deleted the owner in the foreground wants to see everything gone first, down to the leaves.',
      source: 'recording gc-deployment-foreground',
    },
    () => {
      const policy = (of: GarbageWorld) => collect(of)[0]
      expect(policy(world({ owners: owned(['a', 'waiting']), dependents: [item('pod')] }))).toMatchObject({
        options: { propagationPolicy: 'Foreground' },
      })
      expect(policy(world({ owners: owned(['a', 'waiting']) }))).toMatchObject({
        options: { propagationPolicy: 'Background' },
      })
    },
  )
})

describe('an owner that waits for its dependents', () => {
  lesson(
    'stays while one of them blocks it, and then goes',
    {
      scenario: 'Dependents: one that blocks; one that does not; none. It has a finalizer of somebody else, too.',
      rule: 'blockOwnerDeletion makes the owner wait; its finalizer, and only that one, is taken away at the end.',
      source: 'kubernetes garbagecollector.go: processDeletingDependentsItem; recording gc-deployment-foreground',
    },
    () => {
      const owner = item('x', { ...waiting, finalizers: ['example.com/mine', 'foregroundDeletion'] })
      const blocking = item('y', { ownerReferences: [reference('x', true)] })
      const free = item('z', { ownerReferences: [reference('x'), reference('other', true)] })
      expect(awaitDependents(world({ item: owner, dependents: [blocking, free] }))).toEqual([])
      const removal = [
        { do: 'patch', name: 'x', patch: { metadata: { resourceVersion: '1', finalizers: ['example.com/mine'] } } },
      ]
      expect(awaitDependents(world({ item: owner, dependents: [free] }))).toMatchObject(removal)
      expect(awaitDependents(world({ item: owner }))).toMatchObject(removal)
    },
  )
})

describe('an owner that leaves its dependents behind', () => {
  lesson(
    'goes only after each of them has forgotten it',
    {
      scenario: 'Two dependents, one of which has another owner, too.',
      rule: 'First the dependents, then the finalizer: in the other order they would be collected.',
      source: 'recordings gc-deployment-orphan, gc-replicaset-orphan',
    },
    () => {
      const owner = item('x', { deletionTimestamp: ago(1), finalizers: ['orphan'] })
      const dependents = [
        item('y', { ownerReferences: [reference('x')] }),
        item('z', { ownerReferences: [reference('x'), reference('w')] }),
      ]
      const actions = orphanDependents(world({ item: owner, dependents }))
      expect(actions).toMatchObject([
        {
          do: 'patch',
          name: 'y',
          patch: { metadata: { uid: 'uid-y', ownerReferences: [{ $patch: 'delete', uid: 'uid-x' }] } },
        },
        {
          do: 'patch',
          name: 'z',
          patch: { metadata: { uid: 'uid-z', ownerReferences: [{ $patch: 'delete', uid: 'uid-x' }] } },
        },
        { do: 'patch', name: 'x', patch: { metadata: { finalizers: null } } },
      ])
    },
  )

  lesson(
    'is told from one that waits by its finalizer',
    {
      scenario: 'Objects that are being deleted: with finalizer orphan, foregroundDeletion, another one, none.',
      rule: 'A deletion that has begun is not ours to repeat.',
      source: 'kubernetes garbagecollector.go',
    },
    () => {
      const leavingWith = (...finalizers: string[]) =>
        reconcileGarbage(
          world({ item: item('x', { deletionTimestamp: ago(1), finalizers }), owners: owned(['a', 'absent']) }),
        ).actions.length
      expect([
        leavingWith('orphan'),
        leavingWith('foregroundDeletion'),
        leavingWith('example.com/mine'),
        leavingWith(),
      ]).toEqual([1, 1, 0, 0])
    },
  )
})

describe('a namespace', () => {
  const namespace = (metadata: object, finalizers = ['kubernetes']) =>
    stored(
      'Namespace',
      'shop',
      { spec: { finalizers }, status: { phase: 'Terminating' } },
      metadata,
    ) as Stored<Namespace>
  const leaving = { deletionTimestamp: ago(1) }
  const look = (of: Stored<Namespace>, ...contents: GarbageItem[]) =>
    reconcileNamespace({ namespace: of, contents, nowMs: NOW_MS })

  lesson(
    'that is not being deleted keeps its contents',
    {
      scenario: 'A living namespace with a pod.',
      rule: 'Nothing is done before the deletionTimestamp.',
      source: 'kubernetes namespaced_resources_deleter.go: Delete',
    },
    () => expect(look(namespace({}), item('p', {}, 'pods'))).toEqual({ actions: [] }),
  )

  lesson(
    'is emptied, each object once, and looked at again',
    {
      scenario: 'A terminating namespace with a pod, a pod that is going already, and a ConfigMap.',
      rule: 'What is not being deleted yet is deleted; the namespace waits for the rest, and says what is left.',
      source: 'recording namespace-deleted-with-contents',
    },
    () => {
      const decision = look(namespace(leaving), item('p', {}, 'pods'), item('q', leaving, 'pods'), item('c'))
      expect(decision.requeueAfterMs).toBeGreaterThan(0)
      const [pod, config, status, ...more] = decision.actions
      expect([pod, config]).toMatchObject([
        { do: 'delete', resource: 'pods', name: 'p', options: { preconditions: { uid: 'uid-p' } } },
        { do: 'delete', resource: 'configMaps', name: 'c' },
      ])
      expect(status).toMatchObject({
        do: 'update',
        subresource: 'status',
        object: { status: { phase: 'Terminating' } },
      })
      expect(more).toEqual([])
      expect(JSON.stringify(status)).toContain('configmaps. has 1 resource instances, pods. has 2 resource instances')
    },
  )

  lesson(
    'that waits writes nothing new',
    {
      scenario: 'The only object left is going, and the status says so already.',
      rule: 'Waiting costs no write.',
      source: 'kubernetes namespaced_resources_deleter.go',
    },
    () => {
      const left = item('q', leaving, 'pods')
      const [status] = look(namespace(leaving), left).actions
      const informed = status?.do === 'update' ? (status.object as Stored<Namespace>) : namespace(leaving)
      const again = look(informed, left)
      expect(again.actions).toEqual([])
      expect(again.requeueAfterMs).toBeGreaterThan(0)
    },
  )

  lesson(
    'that is empty is let go',
    {
      scenario: 'Nothing is left; a finalizer of somebody else is in the spec, too; then ours is gone already.',
      rule: "Our finalizer goes, by the subresource finalize; others' stay.",
      source: 'recording namespace-deleted-empty',
    },
    () => {
      expect(look(namespace(leaving, ['kubernetes', 'example.com/mine'])).actions).toMatchObject([
        {
          do: 'update',
          resource: 'namespaces',
          subresource: 'finalize',
          object: { spec: { finalizers: ['example.com/mine'] } },
        },
      ])
      expect(look(namespace(leaving, [])).actions).toEqual([])
    },
  )
})
