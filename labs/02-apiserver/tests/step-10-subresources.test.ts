/** Step 2.10: doors to parts of an object. */
import { describe, expect } from 'vitest'
import { bindPod } from '#apiserver/subresources/binding.ts'
import { scaleOf, withScale } from '#apiserver/subresources/scale.ts'
import { onlyStatus } from '#apiserver/subresources/status.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { NOW, refusalOf, stored } from './fixtures.ts'

describe('/status', () => {
  lesson(
    'changes the status and nothing of the wish',
    {
      scenario: 'A controller puts a whole object back: with a new status, and with an old spec in it.',
      rule: 'Everything but status and metadata is the stored object’s, so that an old copy cannot undo a user’s change.',
      source: 'kubernetes pkg/registry/apps/deployment/strategy.go (deploymentStatusStrategy)',
    },
    () => {
      const old = stored({}, { spec: { replicas: 5 }, status: { replicas: 1 } })
      const draft = stored({ annotations: { a: 'b' } }, { spec: { replicas: 3 }, extra: true, status: { replicas: 2 } })
      expect(onlyStatus(draft, old)).toEqual(
        stored({ annotations: { a: 'b' } }, { spec: { replicas: 5 }, status: { replicas: 2 } }),
      )
      expect(old.spec).toEqual({ replicas: 5 })
    },
  )

  lesson(
    'can take a status away',
    {
      scenario: 'A draft without any status.',
      rule: 'The status is the draft’s, also when there is none.',
      source: 'kubernetes pkg/registry (StatusStrategy)',
    },
    () => {
      const old = stored({}, { spec: {}, status: { replicas: 1 } })
      expect(onlyStatus(stored({}, { spec: {} }), old)).not.toHaveProperty('status')
    },
  )
})

describe('/scale', () => {
  const deployment = stored(
    { labels: { a: 'b' }, generation: 3 },
    {
      kind: 'Deployment',
      spec: {
        replicas: 3,
        paused: true,
        selector: {
          matchLabels: { app: 'web' },
          matchExpressions: [{ key: 'tier', operator: 'In', values: ['b', 'a'] }],
        },
      },
      status: { replicas: 2, readyReplicas: 1 },
    },
  )

  lesson(
    'shows how many there should be and how many there are',
    {
      scenario: 'A Deployment that wants 3 replicas and has 2.',
      rule: 'A Scale has the object’s identity, its version, both numbers, and the selector as text.',
      source: 'kubernetes pkg/registry/apps/deployment/storage/storage.go (scaleFromDeployment)',
    },
    () => {
      expect(scaleOf(deployment)).toEqual({
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        metadata: {
          name: 'web',
          namespace: 'default',
          uid: 'uid-1',
          resourceVersion: '7',
          creationTimestamp: '2025-12-31T00:00:00Z',
        },
        spec: { replicas: 3 },
        status: { replicas: 2, selector: 'app=web,tier in (a,b)' },
      })
    },
  )

  lesson(
    'is the same for a ReplicationController, whose selector is only a map',
    {
      scenario: 'A ReplicationController that has no status yet.',
      rule: 'What is not known is zero.',
      source: 'kubernetes pkg/registry/core/replicationcontroller/storage/storage.go (scaleFromRC)',
    },
    () => {
      const controller = stored({}, { spec: { replicas: 1, selector: { app: 'web', a: 'b' } } })
      expect(scaleOf(controller)).toMatchObject({
        spec: { replicas: 1 },
        status: { replicas: 0, selector: 'a=b,app=web' },
      })
    },
  )

  lesson(
    'changes the number of replicas and nothing else',
    {
      scenario: 'kubectl scale --replicas=0.',
      rule: 'The rest of the spec stays; 0 is a number; the object passed in is shared and stays, too.',
      source: 'kubernetes pkg/registry/apps/deployment/storage/storage.go (ScaleREST.Update)',
    },
    () => {
      const scaled = withScale(deployment, { spec: { replicas: 0 } })
      expect(scaled).toEqual({ ...deployment, spec: { ...(deployment.spec as object), replicas: 0 } })
      expect((deployment.spec as { replicas: number }).replicas, 'replicas of the object given').toBe(3)
    },
  )

  lesson(
    'carries the version that the scaling was decided on',
    {
      scenario: 'kubectl scale --current-replicas sends the Scale back with the version at which it read it.',
      rule: 'The Scale’s version becomes the object’s, so that the update is refused if the object has changed since.',
      source: 'kubernetes pkg/registry/apps/deployment/storage/storage.go (scaleUpdatedObjectInfo)',
    },
    () => {
      const scale = { metadata: { resourceVersion: '6' }, spec: { replicas: 4 } }
      expect(withScale(deployment, scale).metadata?.resourceVersion).toBe('6')
      expect(withScale(deployment, { spec: { replicas: 4 } }).metadata?.resourceVersion).toBe('7')
    },
  )
})

describe('/binding', () => {
  const binding = { target: { kind: 'Node', name: 'node-1' } }

  lesson(
    'puts a pod on a node and says since when',
    {
      scenario: 'A pending pod, for which the scheduler has reported before that no node would do.',
      rule: 'spec.nodeName, and the condition PodScheduled=True in place of the old one; other conditions stay.',
      source: 'kubernetes pkg/registry/core/pod/storage/storage.go (setPodHostAndAnnotations)',
    },
    () => {
      const pod = stored(
        {},
        {
          spec: { containers: [] },
          status: {
            phase: 'Pending',
            conditions: [
              { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' },
              { type: 'Other', status: 'True' },
            ],
          },
        },
      )
      const copy = structuredClone(pod)
      expect(bindPod(pod, binding, NOW)).toEqual(
        stored(
          {},
          {
            spec: { containers: [], nodeName: 'node-1' },
            status: {
              phase: 'Pending',
              conditions: [
                { type: 'Other', status: 'True' },
                { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: NOW },
              ],
            },
          },
        ),
      )
      expect(pod).toEqual(copy)
    },
  )

  lesson(
    'brings annotations along',
    {
      scenario: 'A scheduler notes on the pod why it chose the node.',
      rule: 'The binding’s annotations are added to the pod’s, and win.',
      source: 'kubernetes pkg/registry/core/pod/storage/storage.go (setPodHostAndAnnotations)',
    },
    () => {
      const pod = stored({ annotations: { a: '1', b: '1' } }, { spec: {} })
      const noted = bindPod(pod, { ...binding, metadata: { annotations: { b: '2', c: '2' } } }, NOW)
      expect(noted.metadata?.annotations).toEqual({ a: '1', b: '2', c: '2' })
    },
  )

  lesson(
    'happens once',
    {
      scenario: 'Two schedulers have chosen a node for the same pod.',
      rule: 'A pod never moves. The second one gets a Conflict, even for the same node.',
      source: 'kubernetes pkg/registry/core/pod/storage/storage.go (BindingREST)',
    },
    () => {
      const bound = stored({}, { spec: { nodeName: 'node-1' } })
      expect(refusalOf(() => bindPod(bound, binding, NOW))).toEqual({
        code: 409,
        reason: 'Conflict',
        message: 'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "node-1"',
        details: { name: 'web', kind: 'pods/binding' },
      })
      const elsewhere = { target: { kind: 'Node', name: 'node-2' } }
      expect(refusalOf(() => bindPod(bound, elsewhere, NOW)).reason).toBe('Conflict')
    },
  )

  lesson(
    'is not for pods on their way out',
    {
      scenario: 'The pod was deleted while the scheduler was thinking.',
      rule: 'To start what is being ended would be work for nothing.',
      source: 'kubernetes pkg/registry/core/pod/storage/storage.go (BindingREST)',
    },
    () => {
      const deleted = stored({ deletionTimestamp: NOW }, { spec: {} })
      expect(refusalOf(() => bindPod(deleted, binding, NOW))).toMatchObject({
        code: 409,
        message:
          'Operation cannot be fulfilled on pods/binding "web": pod web is being deleted, cannot be assigned to a host',
      })
    },
  )
})
