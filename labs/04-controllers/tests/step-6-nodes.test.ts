/** Step 4.6: a node falls silent, and what follows. */
import { describe, expect } from 'vitest'
import { evictionTimeMs, tolerates } from '#controllers/nodes/eviction.ts'
import { conditionsWhenSilent, observeHeartbeat } from '#controllers/nodes/heartbeat.ts'
import { reconcileEviction, reconcileNode } from '#controllers/nodes/reconcile.ts'
import { wantedTaints } from '#controllers/nodes/taints.ts'
import type { Lease, Node, Taint } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { ago, NOW, NOW_MS, node, pod, stored } from './support/objects.ts'

const UNREACHABLE = 'node.kubernetes.io/unreachable'
const NOT_READY = 'node.kubernetes.io/not-ready'
const lease = (renewTime: string) => stored('Lease', 'n1', { spec: { renewTime } }) as Lease
const GRACE_MS = 40_000

describe('a heartbeat', () => {
  lesson(
    "is any change of the Lease or of the Ready condition's heartbeat time",
    {
      scenario:
        'A node is looked at four times: for the first time; unchanged; with a new renewTime; with a new lastHeartbeatTime.',
      rule: 'Each change is a sign of life, timed by our clock; no change keeps the time of the last one.',
      source: 'kubernetes node_lifecycle_controller.go: tryUpdateNodeHealth (probeTimestamp)',
    },
    () => {
      const one = node('n1', 'True')
      const first = observeHeartbeat(undefined, one, lease('t1'), 1_000)
      const second = observeHeartbeat(first, one, lease('t1'), 2_000)
      const third = observeHeartbeat(second, one, lease('t2'), 3_000)
      const conditions = one.status!.conditions!.map((each) => ({ ...each, lastHeartbeatTime: ago(0) }))
      const fourth = observeHeartbeat(third, { ...one, status: { conditions } }, lease('t2'), 4_000)
      expect({
        'first look, at 1000 ms': first.sinceMs,
        'unchanged, at 2000 ms': second.sinceMs,
        'new renewTime, at 3000 ms': third.sinceMs,
        'new lastHeartbeatTime, at 4000 ms': fourth.sinceMs,
      }).toEqual({
        'first look, at 1000 ms': 1_000,
        'unchanged, at 2000 ms': 1_000,
        'new renewTime, at 3000 ms': 3_000,
        'new lastHeartbeatTime, at 4000 ms': 4_000,
      })
    },
  )

  lesson(
    'is not judged by the clock of the machine that sent it',
    {
      scenario: "The node's clock is two hours slow: it renews its Lease regularly, with times long past.",
      rule: 'Only that the Lease changes counts, never what time it says.',
      source: 'kubernetes node_lifecycle_controller.go: "monitoring node status by its own clock"',
    },
    () => {
      let heartbeat = observeHeartbeat(undefined, node('n1', 'True'), lease('2025-12-31T22:00:00Z'), NOW_MS)
      heartbeat = observeHeartbeat(heartbeat, node('n1', 'True'), lease('2025-12-31T22:00:10Z'), NOW_MS + 10_000)
      expect(conditionsWhenSilent(node('n1', 'True'), heartbeat, NOW_MS + 20_000, GRACE_MS)).toBeUndefined()
    },
  )
})

describe('silence', () => {
  const heard = { seen: 't1', sinceMs: NOW_MS - 40_001 }

  lesson(
    'means nothing within the grace period',
    {
      scenario: 'The last sign of life was exactly 40 s ago; the grace period is 40 s.',
      rule: 'Only longer silence counts.',
      source: 'kube-controller-manager --node-monitor-grace-period',
    },
    () =>
      expect(
        conditionsWhenSilent(node('n1', 'True'), { ...heard, sinceMs: NOW_MS - 40_000 }, NOW_MS, GRACE_MS),
      ).toBeUndefined(),
  )

  lesson(
    'makes the conditions Unknown that only the kubelet can know',
    {
      scenario:
        'The node has been silent for longer than the grace period. It also has a condition from somebody else.',
      rule: 'Unknown, since now, keeping the last heartbeat time; the foreign condition stays.',
      source: 'recording node-failure-kubelet-killed',
    },
    () => {
      const one = node('n1', 'True')
      const foreign = { type: 'NetworkUnavailable', status: 'False' }
      const conditions = conditionsWhenSilent(
        { ...one, status: { conditions: [...one.status!.conditions!, foreign] } },
        heard,
        NOW_MS,
        GRACE_MS,
      )
      expect(conditions?.map(({ type, status }) => `${type} ${status}`)).toEqual([
        'MemoryPressure Unknown',
        'DiskPressure Unknown',
        'PIDPressure Unknown',
        'Ready Unknown',
        'NetworkUnavailable False',
      ])
      expect(conditions?.[3]).toEqual({
        type: 'Ready',
        status: 'Unknown',
        lastHeartbeatTime: ago(30),
        lastTransitionTime: NOW,
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
      })
    },
  )

  lesson(
    'is said once',
    {
      scenario: 'All four conditions are Unknown already.',
      rule: 'What is written already is not written again.',
      source: 'kubernetes node_lifecycle_controller.go: tryUpdateNodeHealth',
    },
    () => {
      const once = conditionsWhenSilent(node('n1', 'True'), heard, NOW_MS - 5_000, 0)
      expect(
        conditionsWhenSilent({ ...node('n1', 'True'), status: { conditions: once! } }, heard, NOW_MS, GRACE_MS),
      ).toBeUndefined()
    },
  )

  lesson(
    'of a node that never spoke has its own words',
    {
      scenario: 'A Node object without any condition.',
      rule: 'NodeStatusNeverUpdated, with the creation of the node as the last heartbeat.',
      source: 'recording node-never-reported-status',
    },
    () => {
      const silent = stored('Node', 'n1', { spec: {}, status: {} }) as Node
      const conditions = conditionsWhenSilent(silent, heard, NOW_MS, GRACE_MS)
      expect(conditions?.map(({ type }) => type)).toEqual(['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'])
      expect(conditions?.[0]).toMatchObject({
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        lastHeartbeatTime: ago(3600),
      })
    },
  )
})

describe('taints', () => {
  const added = { timeAdded: NOW }

  lesson(
    'follow the conditions: NoSchedule at once, NoExecute one look later',
    {
      scenario: 'A node whose Ready is Unknown, looked at three times.',
      rule: 'First nothing new comes to the node, then what is there goes.',
      source: 'recording node-failure-kubelet-killed',
    },
    () => {
      const one = node('n1', 'Unknown')
      const first = wantedTaints(one, false, NOW_MS)
      expect(first).toEqual([{ key: UNREACHABLE, effect: 'NoSchedule', ...added }])
      const second = wantedTaints({ ...one, spec: { taints: first! } }, false, NOW_MS + 5_000)
      expect(second?.map(({ effect }) => effect)).toEqual(['NoSchedule', 'NoExecute'])
      expect(second?.[0], 'the first keeps its time').toMatchObject(added)
      expect(wantedTaints({ ...one, spec: { taints: second! } }, false, NOW_MS + 9_000)).toBeUndefined()
    },
  )

  lesson(
    'say which way a node is not ready, and what else ails it',
    {
      scenario: 'Ready is False and the disk is full; the node is cordoned.',
      rule: 'False is not-ready, Unknown is unreachable; each pressure and spec.unschedulable have a taint of their own.',
      source: 'recordings node-ready-false-by-kubelet, node-conditions-pressure-taints, node-cordon-uncordon',
    },
    () => {
      const one = node('n1', 'False', { spec: { unschedulable: true } })
      const conditions = one.status!.conditions!.map((each) =>
        each.type === 'DiskPressure' ? { ...each, status: 'True' } : each,
      )
      const taints = wantedTaints({ ...one, status: { conditions } }, false, NOW_MS)
      expect(taints?.map(({ key, effect }) => `${key} ${effect}`).sort()).toEqual([
        'node.kubernetes.io/disk-pressure NoSchedule',
        `${NOT_READY} NoSchedule`,
        'node.kubernetes.io/unschedulable NoSchedule',
      ])
    },
  )

  lesson(
    'for a pressure keep newcomers away, and drive nobody out',
    {
      scenario: 'A ready node whose memory is short; it has the NoSchedule taint for that already.',
      rule: 'NoExecute is for not-ready and unreachable alone: a node under pressure chooses itself whom to evict.',
      source:
        'kubernetes node_lifecycle_controller.go: UnreachableTaintTemplate and NotReadyTaintTemplate; recording node-conditions-pressure-taints',
    },
    () => {
      const taints = [{ key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule', timeAdded: ago(60) }]
      const one = node('n1', 'True', { spec: { taints } })
      const conditions = one.status!.conditions!.map((each) =>
        each.type === 'MemoryPressure' ? { ...each, status: 'True' } : each,
      )
      expect({ 'taints to write': wantedTaints({ ...one, status: { conditions } }, false, NOW_MS) }).toEqual({
        'taints to write': undefined,
      })
    },
  )

  lesson(
    'go when the condition goes, and only ours',
    {
      scenario:
        "A ready node still has both unreachable taints, one of a user with the same key and effect PreferNoSchedule, and another user's.",
      rule: 'Foreign taints are left alone.',
      source: 'recording node-failure-node-back',
    },
    () => {
      const users: Taint[] = [
        { key: 'dedicated', value: 'db', effect: 'NoSchedule' },
        { key: UNREACHABLE, effect: 'PreferNoSchedule' },
      ]
      const ours = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: UNREACHABLE, effect, timeAdded: ago(60) }))
      const one = node('n1', 'True', { spec: { taints: [users[0]!, ...ours, users[1]!] } })
      expect(wantedTaints(one, false, NOW_MS)).toEqual(users)
      expect(wantedTaints(node('n1', 'True', { spec: { taints: users } }), false, NOW_MS)).toBeUndefined()
    },
  )

  lesson(
    'change sides when an unreachable node says that it is not ready',
    {
      scenario: 'Ready goes from Unknown to False.',
      rule: 'The taint of the old condition goes, that of the new one comes.',
      source: 'kubernetes node_lifecycle_controller.go: processTaintBaseEviction',
    },
    () => {
      const ours = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: UNREACHABLE, effect, timeAdded: ago(60) }))
      const taints = wantedTaints(node('n1', 'False', { spec: { taints: ours } }), false, NOW_MS)
      expect(taints).toEqual([{ key: NOT_READY, effect: 'NoSchedule', ...added }])
    },
  )

  lesson(
    'never evict when no node is ready',
    {
      scenario: 'All nodes are silent, and this one already has NoExecute.',
      rule: 'It is more likely that we cannot hear than that everybody died: nothing is evicted, and NoExecute is taken back.',
      source: 'kubernetes node_lifecycle_controller.go: handleDisruption (full disruption)',
    },
    () => {
      const ours = ['NoSchedule', 'NoExecute'].map((effect) => ({ key: UNREACHABLE, effect, timeAdded: ago(60) }))
      const taints = wantedTaints(node('n1', 'Unknown', { spec: { taints: ours } }), true, NOW_MS)
      expect(taints?.map(({ effect }) => effect)).toEqual(['NoSchedule'])
      expect(wantedTaints(node('n1', 'Unknown', { spec: { taints } }), true, NOW_MS)).toBeUndefined()
    },
  )
})

describe('a toleration', () => {
  const taint: Taint = { key: 'k', value: 'v', effect: 'NoExecute' }
  lesson(
    'matches key, value and effect, as far as it states them',
    {
      scenario: 'A taint k=v:NoExecute and tolerations of all sorts.',
      rule: 'Equal compares the value; Exists does not; no effect means any effect; no key with Exists means any key.',
      source: 'k8s.io/api core/v1 toleration.go: ToleratesTaint',
    },
    () => {
      const all = { key: 'k', operator: 'Equal', value: 'v', effect: 'NoExecute' }
      expect({
        'Equal, all the same': tolerates(all, taint),
        'no operator, same value': tolerates({ key: 'k', value: 'v' }, taint),
        'Exists, same key': tolerates({ key: 'k', operator: 'Exists' }, taint),
        'Exists, no key': tolerates({ operator: 'Exists' }, taint),
        'another value': tolerates({ key: 'k', value: 'other' }, taint),
        'Exists, another key': tolerates({ key: 'other', operator: 'Exists' }, taint),
        'Equal, another key': tolerates({ ...all, key: 'other' }, taint),
        'another effect': tolerates({ key: 'k', operator: 'Exists', effect: 'NoSchedule' }, taint),
        'no value on both sides': tolerates({ key: 'k' }, { key: 'k', effect: 'NoExecute' }),
      }).toEqual({
        'Equal, all the same': true,
        'no operator, same value': true,
        'Exists, same key': true,
        'Exists, no key': true,
        'another value': false,
        'Exists, another key': false,
        'Equal, another key': false,
        'another effect': false,
        'no value on both sides': true,
      })
    },
  )
})

describe('eviction', () => {
  const seen = NOW_MS - 1_000
  const taints: Taint[] = [{ key: UNREACHABLE, effect: 'NoExecute', timeAdded: ago(10) }]
  const tolerating = (...tolerations: object[]) => pod('a', { node: 'n1', spec: { tolerations } })
  const lasting = (tolerationSeconds: number) => ({
    key: UNREACHABLE,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds,
  })

  lesson(
    'is at once for a pod that does not tolerate a taint',
    {
      scenario: 'A pod without tolerations; one that tolerates only one of two taints.',
      rule: 'Every NoExecute taint must be tolerated.',
      source: 'kubernetes taint_eviction.go: processPodOnNode; recording node-taint-NoExecute-by-user',
    },
    () => {
      expect(evictionTimeMs(pod('a'), taints, seen)).toBe(seen)
      const two = [...taints, { key: 'k', effect: 'NoExecute' }]
      expect(evictionTimeMs(tolerating(lasting(300)), two, seen)).toBe(seen)
    },
  )

  lesson(
    'is when the toleration runs out, counted from the taint',
    {
      scenario:
        "The taint is 10 s old; the pod tolerates it for 300 s. Then a user's taint, which does not say when it was added.",
      rule: 'timeAdded + tolerationSeconds, so that a restarted controller does not start over; without timeAdded, from when it was seen.',
      source: 'KEP-166: timeAdded (upstream counts from when its controller saw the taint)',
    },
    () => {
      expect(evictionTimeMs(tolerating(lasting(300)), taints, seen)).toBe(NOW_MS - 10_000 + 300_000)
      const users = [{ key: 'k', effect: 'NoExecute' }]
      expect(evictionTimeMs(tolerating({ key: 'k', operator: 'Exists', tolerationSeconds: 4 }), users, seen)).toBe(
        seen + 4_000,
      )
      expect(evictionTimeMs(tolerating(lasting(-5)), taints, seen), 'negative means at once').toBe(NOW_MS - 10_000)
    },
  )

  lesson(
    'is never for a pod that tolerates for ever, and not for other effects',
    {
      scenario:
        'A toleration without tolerationSeconds; a NoSchedule taint; several tolerations of which the first that matches counts.',
      rule: 'No tolerationSeconds means for ever. Only NoExecute evicts.',
      source: 'kubernetes helper: GetMatchingTolerations',
    },
    () => {
      expect({
        'tolerates for ever': evictionTimeMs(tolerating({ operator: 'Exists' }), taints, seen),
        'a NoSchedule taint': evictionTimeMs(pod('a'), [{ key: 'k', effect: 'NoSchedule' }], seen),
        'the first that matches is for ever': evictionTimeMs(
          tolerating({ operator: 'Exists' }, lasting(5)),
          taints,
          seen,
        ),
      }).toEqual({
        'tolerates for ever': undefined,
        'a NoSchedule taint': undefined,
        'the first that matches is for ever': undefined,
      })
    },
  )

  lesson(
    'is by the shortest of several tolerations that are used',
    {
      scenario: 'Two taints of the same age, tolerated for 300 s and for 60 s.',
      rule: 'The first that runs out decides.',
      source: 'kubernetes taint_eviction.go: getMinTolerationTime',
    },
    () => {
      const two = [...taints, { key: 'k', effect: 'NoExecute', timeAdded: ago(10) }]
      const patient = tolerating(lasting(300), { key: 'k', operator: 'Exists', tolerationSeconds: 60 })
      expect(evictionTimeMs(patient, two, seen)).toBe(NOW_MS - 10_000 + 60_000)
    },
  )

  lesson(
    'marks the pod, then deletes it',
    {
      scenario: 'The time has come for one pod, and not for another.',
      rule: 'First the condition DisruptionTarget, which tells why, then the deletion of exactly this pod.',
      source: 'recording node-failure-kubelet-killed; KEP-3329',
    },
    () => {
      const one = node('n1', 'Unknown', { spec: { taints } })
      const world = { pod: tolerating(lasting(5)), node: one, seenMs: seen, nowMs: NOW_MS }
      const { actions } = reconcileEviction(world)
      expect(actions.map((action) => action.do)).toEqual(['note', 'patch', 'delete'])
      expect(actions[1]).toMatchObject({
        patch: {
          metadata: { uid: 'uid-a' },
          status: { conditions: [{ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' }] },
        },
      })
      expect(reconcileEviction({ ...world, pod: tolerating(lasting(60)) })).toEqual({
        actions: [],
        requeueAfterMs: 50_000,
      })
    },
  )
})

lesson(
  'one look at a dead node after another does one thing after another',
  {
    scenario:
      'A node has been silent for too long, with a ready pod on it. Each decision is carried out before the next look.',
    rule: 'Conditions Unknown; pods not ready and NoSchedule; NoExecute; then nothing.',
    source: 'recording node-failure-kubelet-killed',
  },
  () => {
    let one = node('n1', 'True')
    let pods = [pod('a', { node: 'n1', readyFor: 60 })]
    let heartbeat = { seen: `undefined ${ago(30)}`, sinceMs: NOW_MS - 60_000 }
    const looks: string[][] = []
    for (let look = 0; look < 4; look++) {
      const world = { node: one, lease: undefined, pods, heartbeat, noneReady: false, nowMs: NOW_MS, graceMs: GRACE_MS }
      const decision = reconcileNode(world)
      heartbeat = decision.heartbeat
      looks.push(
        decision.actions.map((action) => ('resource' in action ? `${action.do} ${action.resource}` : action.do)),
      )
      for (const action of decision.actions) {
        if (action.do === 'update') one = action.object as typeof one
        if (action.do === 'patch' && action.resource === 'pods') pods = [pod('a', { node: 'n1' })]
        if (action.do === 'patch' && action.resource === 'nodes')
          one = { ...one, spec: (action.patch as { spec: object }).spec }
      }
    }
    expect(looks).toEqual([['update nodes'], ['patch pods', 'patch nodes'], ['patch nodes'], []])
  },
)
