/** Step 4.3: as many pods as asked for, no more, no less, and none that are somebody else's. */
import { describe, expect } from 'vitest'
import { claim } from '#controllers/claims.ts'
import { Expectations } from '#controllers/replicaset/expectations.ts'
import { podsToDelete } from '#controllers/replicaset/ranking.ts'
import { type ReplicaSetWorld, reconcileReplicaSet } from '#controllers/replicaset/reconcile.ts'
import { slowStartBatches } from '#controllers/replicaset/slow-start.ts'
import type { Pod, Stored } from '#kit/api/objects.ts'
import type { Action } from '#kit/contracts/controllers.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { ago, controlledBy, NOW_MS, pod, replicaSet, stored } from './support/objects.ts'

const owner = replicaSet('web', 3)
const own = (name: string, traits: Parameters<typeof pod>[1] = {}) =>
  pod(name, { readyFor: 60, node: 'n1', ...traits, metadata: { ...controlledBy(owner), ...traits.metadata } })
const names = (pods: readonly Stored<Pod>[]) => pods.map(({ metadata }) => metadata.name)
const inNames = ({ claimed, adopt, release }: ReturnType<typeof claim<Pod>>) => ({
  claimed: names(claimed),
  adopt: names(adopt),
  release: names(release),
})
const world = (more: Partial<ReplicaSetWorld>): ReplicaSetWorld => ({
  owner,
  resource: 'replicaSets',
  pods: [],
  expectationsMet: true,
  nowMs: NOW_MS,
  ...more,
})
/** "create", "delete p1", "patch p1", "status", and "together 2 create" for batches. */
const words = (actions: readonly Action[]) =>
  actions.map((action) => {
    if (action.do === 'together') return `together ${action.writes.length} ${action.writes[0]?.do}`
    if (action.do === 'update') return action.subresource ?? 'update'
    return 'name' in action ? `${action.do} ${action.name}` : action.do
  })

describe('claiming pods', () => {
  lesson(
    'keeps its own, adopts matching orphans, lets go of what no longer matches',
    {
      scenario:
        "Six pods: ours; ours with another label; nobody's with our label; nobody's with another; and two of another ReplicaSet, which was deleted and had our name.",
      rule: 'Ownership is the controller reference; the selector decides about adopting and releasing; nothing is taken from others.',
      source: 'kubernetes pkg/controller/controller_ref_manager.go: ClaimObject',
    },
    () => {
      const other = replicaSet('web', 1, { metadata: { uid: 'uid-of-the-deleted' } })
      const elsewhere = { labels: { app: 'api' } }
      const claims = claim(owner, { matchLabels: { app: 'web' } }, [
        own('ours'),
        own('relabelled', { metadata: elsewhere }),
        pod('orphan'),
        pod('stranger', { metadata: elsewhere }),
        pod('others', { metadata: controlledBy(other) }),
        pod('others-relabelled', { metadata: { ...controlledBy(other), ...elsewhere } }),
      ])
      expect(inNames(claims)).toEqual({ claimed: ['ours', 'orphan'], adopt: ['orphan'], release: ['relabelled'] })
    },
  )

  lesson(
    'asks who controls, not who else is an owner',
    {
      scenario:
        'Two pods with our label: each has a ConfigMap among its owners; one has another ReplicaSet as its controller.',
      rule: 'Of many owner references at most one has `controller: true`, in any place; the others are for the garbage collector.',
      source: 'kubernetes pkg/controller/controller_ref_manager.go: ClaimObject; metav1.GetControllerOf',
    },
    () => {
      const plain = { apiVersion: 'v1', kind: 'ConfigMap', name: 'settings', uid: 'uid-settings' }
      const { ownerReferences } = controlledBy(replicaSet('other', 1))
      const claims = claim(owner, { matchLabels: { app: 'web' } }, [
        pod('orphan', { metadata: { ownerReferences: [plain] } }),
        pod('others', { metadata: { ownerReferences: [plain, ...ownerReferences] } }),
      ])
      expect(inNames(claims)).toEqual({ claimed: ['orphan'], adopt: ['orphan'], release: [] })
    },
  )

  lesson(
    'adopts nothing that is on its way out',
    {
      scenario: 'A matching orphan is being deleted. Then the ReplicaSet itself is, and has two pods, one relabelled.',
      rule: 'A leaving pod is not adopted. A leaving owner keeps what matches, and adopts and releases nothing any more.',
      source: 'kubernetes pkg/controller/controller_ref_manager.go: ClaimObject',
    },
    () => {
      const leaving = { deletionTimestamp: ago(1) }
      const selector = { matchLabels: { app: 'web' } }
      expect(inNames(claim(owner, selector, [pod('orphan', { metadata: leaving })]))).toEqual({
        claimed: [],
        adopt: [],
        release: [],
      })
      const leavingOwner = replicaSet('web', 3, { metadata: leaving })
      const claims = claim(leavingOwner, selector, [
        own('ours'),
        pod('orphan'),
        own('relabelled', { metadata: { labels: { app: 'api' } } }),
      ])
      expect(inNames(claims)).toEqual({ claimed: ['ours'], adopt: [], release: [] })
    },
  )

  lesson(
    'without a selector claims nothing',
    {
      scenario: 'An owner without selector and an orphan pod.',
      rule: 'No selector selects nothing; an empty one would select everything.',
      source: 'apimachinery meta/v1: LabelSelectorAsSelector',
    },
    () => expect(inNames(claim(owner, undefined, [pod('orphan')]))).toEqual({ claimed: [], adopt: [], release: [] }),
  )
})

describe('slow start', () => {
  lesson(
    'doubles the batches',
    {
      scenario: 'Batches for 0, 1, 2, 10 and 500 creations.',
      rule: '1, 2, 4, … and what is left: the sizes add up to the count.',
      source:
        'kubernetes pkg/controller/replicaset/replica_set.go: slowStartBatch; recording rs-create-20-slow-start-batches',
    },
    () => {
      expect({
        0: slowStartBatches(0),
        1: slowStartBatches(1),
        2: slowStartBatches(2),
        10: slowStartBatches(10),
        'all of 500 together': slowStartBatches(500).reduce((sum, size) => sum + size, 0),
      }).toEqual({ 0: [], 1: [1], 2: [1, 1], 10: [1, 2, 4, 3], 'all of 500 together': 500 })
    },
  )
})

describe('which pods go first', () => {
  const first = (...pods: Stored<Pod>[]) => names(podsToDelete(pods, 1))[0]
  const cost = (value: string) => ({
    metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': value } },
  })

  const cases: [string, Stored<Pod>, Stored<Pod>][] = [
    ['without a node before those on one', own('good', { phase: 'Pending' }), own('bad', { node: undefined })],
    ['pending before running', own('good'), own('bad', { phase: 'Pending' })],
    ['not ready before ready', own('good'), own('bad', { readyFor: undefined })],
    ['with the lower deletion cost', own('good', cost('0')), own('bad', cost('-5'))],
    ['ready for a shorter time', own('good', { readyFor: 600 }), own('bad', { readyFor: 6 })],
    ['with more restarts', own('good', { restarts: 1 }), own('bad', { restarts: 4 })],
    [
      'created later',
      own('good', { metadata: { creationTimestamp: ago(90) } }),
      own('bad', { metadata: { creationTimestamp: ago(9) } }),
    ],
  ]
  for (const [which, good, bad] of cases) {
    lesson(
      `those ${which}`,
      {
        scenario: `Two pods differ only in this. One has to go: of "good" and "bad" it is "bad", ${which}.`,
        rule: 'The pod goes whose loss costs least.',
        source: 'kubernetes pkg/controller/controller_utils.go: ActivePodsWithRanks',
      },
      () => {
        expect({ 'given good and bad': first(good, bad), 'given bad and good': first(bad, good) }).toEqual({
          'given good and bad': 'bad',
          'given bad and good': 'bad',
        })
      },
    )
  }

  lesson(
    'those on the node with more of them, so that they stay spread',
    {
      scenario: 'Two pods on n1, one on n2, all alike.',
      rule: 'Among equals, the pods of the fuller node go first.',
      source: 'kubernetes pkg/controller/controller_utils.go: ActivePodsWithRanks (Rank)',
    },
    () =>
      expect(
        first(own('alone', { node: 'n2' }), own('crowded-a', { node: 'n1' }), own('crowded-b', { node: 'n1' })),
      ).toMatch(/crowded/),
  )

  lesson(
    'by the first rule in which they differ, not by the sum of all',
    {
      scenario:
        'A pod that is not ready but has deletion cost 100, against a ready one with cost -100, and one without a node that is both.',
      rule: 'The rules form an order: an earlier one is never outvoted.',
      source: 'kubernetes pkg/controller/controller_utils.go: ActivePodsWithRanks.Less',
    },
    () => {
      const dear = own('dear-but-not-ready', { readyFor: undefined, ...cost('100') })
      const cheap = own('cheap-but-ready', cost('-100'))
      const unassigned = own('unassigned', { node: undefined, ...cost('1000') })
      const pods = Object.freeze([cheap, dear, unassigned]) as readonly Stored<Pod>[]
      expect(names(podsToDelete(pods, 3))).toEqual(['unassigned', 'dear-but-not-ready', 'cheap-but-ready'])
    },
  )
})

describe('expectations', () => {
  const deletions = ['default/a', 'default/b']

  lesson(
    'are met by an owner that expects nothing',
    {
      scenario: 'A key that has never been reconciled.',
      rule: 'Nothing asked for, nothing to wait for.',
      source: 'kubernetes pkg/controller/controller_utils.go: SatisfiedExpectations',
    },
    () => expect({ met: new Expectations().met('default/web', 0) }).toEqual({ met: true }),
  )

  lesson(
    'are met when all that was asked for has been seen',
    {
      scenario: 'Two creations and the deletions of a and b are expected; they are seen one after another, a twice.',
      rule: 'A creation counts each time, a deletion once per pod: a pod that is going is seen more than once.',
      source: 'kubernetes pkg/controller/controller_utils.go: UIDTrackingControllerExpectations',
    },
    () => {
      const expectations = new Expectations()
      const met: Record<string, boolean> = {}
      expectations.expect('web', { creations: 2, deletions }, 0)
      met['at first'] = expectations.met('web', 0)
      expectations.creationSeen('web')
      expectations.deletionSeen('web', 'default/a')
      expectations.deletionSeen('web', 'default/a')
      expectations.deletionSeen('web', 'default/b')
      met['one creation seen, and both deletions'] = expectations.met('web', 0)
      expectations.expect('web', { creations: 2, deletions }, 0)
      expectations.creationSeen('web')
      expectations.creationSeen('web')
      expectations.deletionSeen('web', 'default/a')
      expectations.deletionSeen('web', 'default/a')
      met['both creations seen, and a deleted twice'] = expectations.met('web', 0)
      expectations.deletionSeen('web', 'default/b')
      met['b deleted, too'] = expectations.met('web', 0)
      expect(met).toEqual({
        'at first': false,
        'one creation seen, and both deletions': false,
        'both creations seen, and a deleted twice': false,
        'b deleted, too': true,
      })
    },
  )

  lesson(
    'replace those of the look before, and are of one owner only',
    {
      scenario:
        'Three creations are expected of web; before they are seen, one of web and one of api. Then one pod of web is seen.',
      rule: 'Each decision starts from a copy that had caught up, or from lost news: what was expected before is over.',
      source: 'kubernetes pkg/controller/controller_utils.go: SetExpectations',
    },
    () => {
      const expectations = new Expectations()
      expectations.expect('web', { creations: 3, deletions: ['default/a'] }, 0)
      expectations.expect('web', { creations: 1, deletions: [] }, 0)
      expectations.expect('api', { creations: 1, deletions: [] }, 0)
      expectations.creationSeen('web')
      expect({ web: expectations.met('web', 0), api: expectations.met('api', 0) }).toEqual({ web: true, api: false })
    },
  )

  lesson(
    'never go below zero',
    {
      scenario: 'A creation is seen of which nobody had asked; then one creation is expected.',
      rule: 'Others create pods too (a user, an adoption); they must not pay for ours.',
      source: 'kubernetes pkg/controller/controller_utils.go: ControlleeExpectations',
    },
    () => {
      const expectations = new Expectations()
      expectations.creationSeen('web')
      expectations.expect('web', { creations: 0, deletions: ['default/a'] }, 0)
      expectations.creationSeen('web')
      expectations.deletionSeen('web', 'default/a')
      const afterTheDeletion = expectations.met('web', 0)
      expectations.expect('web', { creations: 1, deletions: [] }, 0)
      expect({
        'met when the deletion was seen': afterTheDeletion,
        'met when one creation is expected': expectations.met('web', 0),
      }).toEqual({ 'met when the deletion was seen': true, 'met when one creation is expected': false })
    },
  )

  lesson(
    'of a deletion that nobody expects are harmless',
    {
      scenario: 'A pod of an unknown owner goes.',
      rule: 'News about others change nothing.',
      source: 'kubernetes pkg/controller/controller_utils.go: DeletionObserved',
    },
    () => {
      const expectations = new Expectations()
      expectations.deletionSeen('web', 'default/a')
      expect({ met: expectations.met('web', 0) }).toEqual({ met: true })
    },
  )

  lesson(
    'expire after five minutes',
    {
      scenario: 'A creation is expected and never seen.',
      rule: 'A lost event may delay an owner, but not stop it for ever.',
      source: 'kubernetes pkg/controller/controller_utils.go: ExpectationsTimeout',
    },
    () => {
      const expectations = new Expectations()
      expectations.expect('web', { creations: 1, deletions: [] }, 0)
      expect({
        'met after 299 s': expectations.met('web', 299_000),
        'met after 300.001 s': expectations.met('web', 300_001),
      }).toEqual({ 'met after 299 s': false, 'met after 300.001 s': true })
    },
  )
})

describe('a ReplicaSet', () => {
  lesson(
    'creates what is missing, from its template, as its controller',
    {
      scenario: '3 replicas wanted, one there.',
      rule: "A pod gets the template's labels and spec, a generated name and the controller reference; creations start slowly.",
      source: 'recording rs-create-3',
    },
    () => {
      const { actions } = reconcileReplicaSet(world({ pods: [own('a')] }))
      expect(words(actions)).toEqual(['together 1 create', 'together 1 create', 'status'])
      const [batch] = actions
      expect(batch?.do === 'together' && batch.writes[0]).toMatchObject({
        do: 'create',
        resource: 'pods',
        object: {
          metadata: {
            generateName: 'web-',
            labels: { app: 'web' },
            ownerReferences: [
              {
                apiVersion: 'apps/v1',
                kind: 'ReplicaSet',
                name: 'web',
                uid: 'uid-web',
                controller: true,
                blockOwnerDeletion: true,
              },
            ],
          },
          spec: { containers: [{ name: 'main', image: 'web:1' }] },
        },
        onSuccess: { reason: 'SuccessfulCreate', message: 'Created pod: {name}' },
      })
    },
  )

  lesson(
    'deletes what is too much, all at once',
    {
      scenario: '3 wanted, 5 there, of which two are not ready.',
      rule: 'The excess goes, ranked.',
      source: 'recording rs-scale-down-not-ready-first',
    },
    () => {
      const pods = [own('a'), own('b', { readyFor: undefined }), own('c'), own('d', { readyFor: undefined }), own('e')]
      const [deletions] = reconcileReplicaSet(world({ pods })).actions
      expect(deletions?.do === 'together' && words(deletions.writes).sort()).toEqual(['delete b', 'delete d'])
    },
  )

  lesson(
    'does not count pods that are finished or leaving',
    {
      scenario: '3 wanted; one pod runs, one has failed, one succeeded, one is being deleted.',
      rule: 'Only active pods are replicas: two are missing.',
      source: 'kubernetes pkg/controller: FilterActivePods; recording rs-failed-pod-replaced',
    },
    () => {
      const pods = [
        own('a'),
        own('b', { phase: 'Failed' }),
        own('c', { phase: 'Succeeded' }),
        own('d', { metadata: { deletionTimestamp: ago(1) } }),
      ]
      expect(words(reconcileReplicaSet(world({ pods })).actions)).toEqual([
        'together 1 create',
        'together 1 create',
        'status',
      ])
    },
  )

  lesson(
    'adopts before it counts, and releases',
    {
      scenario: '3 wanted, 2 own pods, a matching orphan, and an own pod whose label was changed.',
      rule: 'The orphan becomes the third; the relabelled pod is let go; nothing is created.',
      source: 'recordings rs-orphan-pod-created-when-complete, rs-label-changed-pod-released',
    },
    () => {
      const pods = [own('a'), own('b'), pod('orphan'), own('gone', { metadata: { labels: { app: 'api' } } })]
      const { actions } = reconcileReplicaSet(world({ pods }))
      expect(words(actions)).toEqual(['patch orphan', 'patch gone', 'status'])
      expect(actions[0]).toMatchObject({
        patch: { metadata: { uid: 'uid-orphan', ownerReferences: [{ uid: 'uid-web', controller: true }] } },
      })
      expect(actions[1]).toMatchObject({
        patch: { metadata: { uid: 'uid-gone', ownerReferences: [{ $patch: 'delete', uid: 'uid-web' }] } },
      })
    },
  )

  lesson(
    'neither creates nor deletes while the copy is behind',
    {
      scenario: '3 wanted, none in the copy, but three creations were sent a moment ago.',
      rule: 'With open expectations pods are not counted; the status still follows the copy.',
      source: 'kubernetes pkg/controller/replicaset: syncReplicaSet',
    },
    () => {
      expect(words(reconcileReplicaSet(world({ expectationsMet: false })).actions)).toEqual(['status'])
      const five = ['a', 'b', 'c', 'd', 'e'].map((name) => own(name))
      expect(words(reconcileReplicaSet(world({ pods: five, expectationsMet: false })).actions)).toEqual(['status'])
    },
  )

  lesson(
    'adopts and releases even while the copy is behind',
    {
      scenario: 'Expectations are open; there is a matching orphan, and an own pod whose label was changed.',
      rule: 'Open expectations forbid to count, nothing else: whose a pod is can be seen without counting.',
      source: 'kubernetes pkg/controller/replicaset: syncReplicaSet claims before it asks needsSync',
    },
    () => {
      const pods = [pod('orphan'), own('gone', { metadata: { labels: { app: 'api' } } })]
      const { actions } = reconcileReplicaSet(world({ pods, expectationsMet: false }))
      expect(words(actions)).toEqual(['patch orphan', 'patch gone', 'status'])
    },
  )

  lesson(
    'that says no number wants one pod',
    {
      scenario: 'A ReplicaSet without `replicas`, and no pods.',
      rule: 'Absent is 1; 0 must be said.',
      source: 'kubernetes apps/v1 ReplicaSetSpec.replicas',
    },
    () => {
      const { replicas: _, ...spec } = owner.spec!
      const creations = words(reconcileReplicaSet(world({ owner: { ...owner, spec } })).actions)
      expect(creations).toEqual(['together 1 create', 'status'])
      const none = words(reconcileReplicaSet(world({ owner: replicaSet('web', 0) })).actions)
      expect(none, 'with replicas: 0').not.toContain('together 1 create')
    },
  )

  lesson(
    'that is being deleted leaves its pods to the garbage collector',
    {
      scenario: 'A ReplicaSet of 3 with a deletionTimestamp; once it has no pods, once five.',
      rule: 'Creating pods for an owner that goes would only make garbage, and those that are there may be meant to stay.',
      source: 'kubernetes pkg/controller/replicaset: syncReplicaSet',
    },
    () => {
      const leaving = replicaSet('web', 3, { metadata: { deletionTimestamp: ago(1) } })
      const five = ['a', 'b', 'c', 'd', 'e'].map((name) => own(name))
      const actions = (pods: readonly Stored<Pod>[]) =>
        words(reconcileReplicaSet(world({ owner: leaving, pods })).actions)
      expect({ 'no pods': actions([]), 'five pods': actions(five) }).toEqual({
        'no pods': ['status'],
        'five pods': ['status'],
      })
    },
  )

  lesson(
    'asks for at most 500 pods at once',
    {
      scenario: '2000 replicas wanted, none there; then none wanted, and 600 there.',
      rule: 'One owner must not keep the others waiting: no more than 500 creations, or deletions, in one look.',
      source: 'kubernetes pkg/controller/replicaset: BurstReplicas',
    },
    () => {
      const writes = (replicas: number, pods: readonly Stored<Pod>[]) =>
        reconcileReplicaSet(world({ owner: replicaSet('web', replicas), pods })).actions.reduce(
          (sum, action) => sum + (action.do === 'together' ? action.writes.length : 0),
          0,
        )
      const many = Array.from({ length: 600 }, (_, index) => own(`p${index}`))
      expect({ created: writes(2000, []), deleted: writes(0, many) }).toEqual({ created: 500, deleted: 500 })
    },
  )

  lesson(
    'decides nothing when all is well',
    {
      scenario: 'Three ready pods, and a status that says so.',
      rule: 'A stable world costs no write.',
      source: 'recording kcm-restart-with-stable-objects',
    },
    () => {
      const status = {
        replicas: 3,
        fullyLabeledReplicas: 3,
        readyReplicas: 3,
        availableReplicas: 3,
        observedGeneration: 1,
      }
      const settled = replicaSet('web', 3, { status, metadata: { generation: 1 } })
      expect(reconcileReplicaSet(world({ owner: settled, pods: [own('a'), own('b'), own('c')] })).actions).toEqual([])
    },
  )

  lesson(
    'looks again when a pod will have been ready for long enough',
    {
      scenario: 'minReadySeconds is 30; a pod has been ready for 20 s.',
      rule: 'Becoming available by waiting is no event: only the clock says so.',
      source: 'kubernetes pkg/controller/replicaset: syncReplicaSet, enqueueRSAfter',
    },
    () => {
      const patient = replicaSet('web', 1, { spec: { minReadySeconds: 30 } as never })
      const { actions, requeueAfterMs } = reconcileReplicaSet(
        world({ owner: { ...patient, spec: { ...patient.spec!, replicas: 1 } }, pods: [own('a', { readyFor: 20 })] }),
      )
      expect(requeueAfterMs).toBe(10_000)
      const [status] = actions
      expect(status?.do === 'update' && (status.object as typeof patient).status?.availableReplicas).toBeUndefined()
    },
  )

  lesson(
    'and a ReplicationController are the same, but for their selectors',
    {
      scenario: 'A ReplicationController with selector {app: web}, 2 wanted, one orphan pod with that label.',
      rule: 'A map as selector means equality; everything else is shared.',
      source:
        'kubernetes pkg/controller/replication: a conversion around the ReplicaSet controller; recording rc-create-2',
    },
    () => {
      const spec = { replicas: 2, selector: { app: 'web' }, template: { metadata: { labels: { app: 'web' } } } }
      const controller = stored('ReplicationController', 'rc', { spec, status: { replicas: 0 } })
      const { actions } = reconcileReplicaSet(
        world({ owner: controller, resource: 'replicationControllers', pods: [pod('orphan')] }),
      )
      expect(words(actions)).toEqual(['patch orphan', 'together 1 create', 'status'])
      expect(actions[0]).toMatchObject({
        patch: { metadata: { ownerReferences: [{ kind: 'ReplicationController', uid: 'uid-rc' }] } },
      })
    },
  )
})

lesson(
  'from any beginning, with creations that fail and copies that lag, a ReplicaSet ends up with what it asked for',
  {
    scenario:
      'Random pods of all sorts; decisions are carried out, some writes fail, some pods die. Then the faults stop.',
    rule: 'Level-triggered: it does not matter how the world came to be as it is.',
    source: 'the idea of a reconcile loop',
  },
  ({ seed }) => {
    for (let round = 1; round <= 60; round++) {
      seed(round)
      const random = createRandom(round)
      let count = 0
      const wanted = random.below(7)
      let pods: Stored<Pod>[] = Array.from({ length: random.below(9) }, () => {
        const traits = {
          readyFor: random.chance(0.5) ? 30 : undefined,
          phase: random.pick(['Running', 'Pending', 'Failed']),
        }
        const name = `p${count++}`
        return random.chance(0.7) ? own(name, traits) : pod(name, traits)
      })
      for (let turn = 0; turn < 25; turn++) {
        const faulty = turn < 15
        const decision = reconcileReplicaSet(world({ owner: replicaSet('web', wanted), pods }))
        const writes = decision.actions.flatMap((action): readonly Action[] =>
          action.do === 'together' ? action.writes : [action],
        )
        for (const write of writes) {
          if (faulty && random.chance(0.3)) continue
          if (write.do === 'create') pods.push(own(`p${count++}`))
          else if (write.do === 'delete') pods = pods.filter(({ metadata }) => metadata.name !== write.name)
          else if (write.do === 'patch') {
            pods = pods.map((one) => (one.metadata.name === write.name ? own(write.name, {}) : one))
          }
        }
        if (faulty && random.chance(0.2)) pods = pods.slice(1)
      }
      const active = pods.filter(({ status }) => status?.phase !== 'Failed')
      expect(active, `wanted ${wanted}`).toHaveLength(wanted)
    }
  },
)
