/** Step 4.5: a rolling update within its fenceposts, scaling in its middle, and what it says about itself. */
import { describe, expect } from 'vitest'
import { resolveFenceposts } from '#controllers/deployment/fenceposts.ts'
import { obsoleteReplicaSets } from '#controllers/deployment/history.ts'
import { proportionalSizes } from '#controllers/deployment/proportions.ts'
import { reconcileDeployment } from '#controllers/deployment/reconcile.ts'
import { newReplicaSetSize, oldReplicaSetSizes, rollingUpdateStep } from '#controllers/deployment/rolling-update.ts'
import { progress } from '#controllers/deployment/status.ts'
import type { Deployment, DeploymentStatus, ReplicaSet, Stored } from '#kit/api/objects.ts'
import type { Action } from '#kit/contracts/controllers.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { ago, controlledBy, deployment, NOW, NOW_MS, replicaSet, template } from './support/objects.ts'

const rolling = (replicas: number, maxSurge: number | string = '25%', maxUnavailable: number | string = '25%') =>
  deployment({
    replicas,
    template: template('web:2'),
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  })
/** "3/2" is 3 replicas, 2 of them available. */
const set = (
  name: string,
  sizes: string,
  more: { annotations?: Record<string, string>; age?: number } = {},
): Stored<ReplicaSet> => {
  const [replicas = 0, available = replicas] = sizes.split('/').map(Number)
  const metadata = {
    ...controlledBy(deployment({})),
    creationTimestamp: ago(more.age ?? 60),
    labels: { app: 'web' },
    annotations: more.annotations ?? {},
  }
  const status = { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 }
  const image = name === 'new' ? 'web:2' : 'web:1'
  const spec = { replicas, selector: { matchLabels: { app: 'web' } }, template: template(image) }
  return replicaSet(name, replicas, { status, metadata, spec })
}
const rollout = (of: Stored<Deployment>, now: string | undefined, ...old: string[]) => ({
  deployment: of,
  newReplicaSet: now === undefined ? undefined : set('new', now),
  oldReplicaSets: old.map((sizes, index) => set(`old-${index + 1}`, sizes, { age: 1000 - index })),
})

describe('fenceposts', () => {
  lesson(
    'round the surge up and the unavailability down',
    {
      scenario: '25 % and 25 % of 1, 4, 10 and 3 replicas; plain numbers; 0 % and 0 %.',
      rule: 'Rounding errs on the side of availability; both 0 would mean that nothing can move, so then one may be unavailable.',
      source: 'kubernetes deployment_util.go: ResolveFenceposts',
    },
    () => {
      expect(resolveFenceposts('25%', '25%', 1)).toEqual({ maxSurge: 1, maxUnavailable: 0 })
      expect(resolveFenceposts('25%', '25%', 4)).toEqual({ maxSurge: 1, maxUnavailable: 1 })
      expect(resolveFenceposts('25%', '25%', 10)).toEqual({ maxSurge: 3, maxUnavailable: 2 })
      expect(resolveFenceposts(2, 0, 3)).toEqual({ maxSurge: 2, maxUnavailable: 0 })
      expect(resolveFenceposts(0, '10%', 3)).toEqual({ maxSurge: 0, maxUnavailable: 1 })
      expect(resolveFenceposts('0%', 0, 3)).toEqual({ maxSurge: 0, maxUnavailable: 1 })
    },
  )
})

describe('the new ReplicaSet', () => {
  lesson(
    'is created with what the surge allows',
    {
      scenario: '4 replicas with surge 1: without old ones; with 4 old ones.',
      rule: 'All ReplicaSets together ask for at most replicas + maxSurge, and the new one for at most replicas.',
      source: 'recording deployment-rolling-update-default-4: "from 0 to 1"',
    },
    () => {
      expect({
        '4 wanted, no old ones': newReplicaSetSize(rollout(rolling(4), undefined)),
        '4 wanted, 4 old, surge 1': newReplicaSetSize(rollout(rolling(4), undefined, '4')),
        '10 wanted, 10 old, surge 3': newReplicaSetSize(rollout(rolling(10, 3), undefined, '10')),
      }).toEqual({ '4 wanted, no old ones': 4, '4 wanted, 4 old, surge 1': 1, '10 wanted, 10 old, surge 3': 3 })
    },
  )

  lesson(
    'grows as the old ones shrink, and not beyond the wanted size',
    {
      scenario: '4 replicas, surge 1: new 1 with old 4, 3 and 6; new 3 with old 0; new 6.',
      rule: 'Room is what the total leaves; too many are taken back at once.',
      source: 'kubernetes deployment_util.go: NewRSNewReplicas',
    },
    () => {
      expect({
        'new 1, old 4': newReplicaSetSize(rollout(rolling(4), '1', '4')),
        'new 1, old 3': newReplicaSetSize(rollout(rolling(4), '1', '3')),
        'new 3, old 0': newReplicaSetSize(rollout(rolling(4), '3', '0')),
        'new 6': newReplicaSetSize(rollout(rolling(4), '6')),
        'new 1, old 6: no room at all': newReplicaSetSize(rollout(rolling(4), '1', '6')),
      }).toEqual({
        'new 1, old 4': 1,
        'new 1, old 3': 2,
        'new 3, old 0': 4,
        'new 6': 4,
        'new 1, old 6: no room at all': 1,
      })
    },
  )
})

describe('the old ReplicaSets', () => {
  lesson(
    'shrink as far as availability allows',
    {
      scenario:
        '4 replicas, 1 may be unavailable. Old 4, all available; the new one has 1, not available and then available.',
      rule: 'At least replicas - maxUnavailable must stay, counting only what is available.',
      source: 'recording deployment-rolling-update-default-4: "from 4 to 3", "from 3 to 2"',
    },
    () => {
      expect(oldReplicaSetSizes(rollout(rolling(4), '1/0', '4'))).toEqual({ 'old-1': 3 })
      expect(oldReplicaSetSizes(rollout(rolling(4), '1/1', '4'))).toEqual({ 'old-1': 2 })
      expect(oldReplicaSetSizes(rollout(rolling(4), '2/0', '3'))).toEqual({})
    },
  )

  lesson(
    'keep everything when nothing may be unavailable and the new pods are not',
    {
      scenario: '4 replicas, surge 1, none may be unavailable; the new pod is not available yet, then it is.',
      rule: 'A new pod must be available before an old one goes.',
      source: 'recording deployment-rolling-4-surge1-unavailable0',
    },
    () => {
      expect(oldReplicaSetSizes(rollout(rolling(4, 1, 0), '1/0', '4'))).toEqual({})
      expect(oldReplicaSetSizes(rollout(rolling(4, 1, 0), '1/1', '4'))).toEqual({ 'old-1': 3 })
    },
  )

  lesson(
    'give up broken pods first, the oldest ReplicaSet first',
    {
      scenario:
        '4 replicas, 1 may be unavailable, new 1 available. Old ones: 2 available of 2; 1 available of 2, which broke.',
      rule: 'Pods that are not available are missed by nobody; then available ones, from the oldest ReplicaSet on.',
      source: 'kubernetes rolling.go: cleanupUnhealthyReplicas, scaleDownOldReplicaSetsForRollingUpdate',
    },
    () => {
      expect(oldReplicaSetSizes(rollout(rolling(4), '1/1', '2', '2/1'))).toEqual({ 'old-1': 1, 'old-2': 1 })
      expect(oldReplicaSetSizes(rollout(rolling(4, 1, 0), '1/1', '2', '2/1'))).toEqual({ 'old-2': 1 })
    },
  )

  lesson(
    'of a rollout that is stuck are not sacrificed for it',
    {
      scenario:
        '10 replicas, surge 3, 2 may be unavailable; the new ReplicaSet has 5 that never become available, the old one 8.',
      rule: 'The stuck rollout stays stuck: 8 available pods are the promised minimum.',
      source: 'recording deployment-stuck-rollout-10-surge3-unavailable2',
    },
    () => expect(rollingUpdateStep(rollout(rolling(10, 3, 2), '5/0', '8'))).toEqual({ scaleTo: {} }),
  )
})

lesson(
  'a rolling update reaches its end and keeps its promises on the way',
  {
    scenario:
      'Random sizes and fenceposts; pods become available and break at random while the update goes on; then they stop breaking.',
    rule: 'Never more asked for than replicas + maxSurge; no available pod given up below replicas - maxUnavailable; it ends.',
    source: 'kubernetes Deployment: maxSurge, maxUnavailable',
  },
  ({ seed }) => {
    for (let round = 1; round <= 100; round++) {
      seed(round)
      const random = createRandom(round)
      const replicas = 1 + random.below(12)
      const surge = random.below(4)
      const unavailable = surge === 0 ? 1 + random.below(3) : random.below(3)
      const of = rolling(replicas, surge, unavailable)
      const mustStay = replicas - Math.min(unavailable, replicas)
      const sets = new Map([['old-1', { size: replicas, available: replicas }]])
      for (let turn = 0; turn < 200; turn++) {
        const now = sets.get('new')
        const old = [...sets]
          .filter(([name]) => name !== 'new')
          .map(([, { size, available }]) => `${size}/${available}`)
        const step = rollingUpdateStep(rollout(of, now && `${now.size}/${now.available}`, ...old))
        const before = [...sets.values()].reduce((sum, { available }) => sum + available, 0)
        if (step.createWith !== undefined) sets.set('new', { size: step.createWith, available: 0 })
        for (const [name, size] of Object.entries(step.scaleTo)) {
          const one = sets.get(name)!
          sets.set(name, { size, available: Math.min(one.available, size) })
        }
        const after = [...sets.values()].reduce((sum, { available }) => sum + available, 0)
        const asked = [...sets.values()].reduce((sum, { size }) => sum + size, 0)
        const limits = `${replicas} replicas, surge ${surge}, unavailable ${unavailable}`
        if (asked > replicas + surge)
          expect(asked, `asked for at once: ${limits}`).toBeLessThanOrEqual(replicas + surge)
        if (after < before && after < mustStay) expect(after, `available: ${limits}`).toBeGreaterThanOrEqual(mustStay)
        if (sets.get('new')?.size === replicas && sets.get('old-1')?.size === 0) break
        for (const one of sets.values()) {
          if (one.available < one.size && random.chance(0.5)) one.available += 1
          if (turn < 60 && one.available > 0 && random.chance(0.1)) one.available -= 1
        }
      }
      expect(sets.get('new'), `${replicas} replicas, surge ${surge}, unavailable ${unavailable}`).toMatchObject({
        size: replicas,
      })
      expect(sets.get('old-1'), 'the old ReplicaSet in the end').toMatchObject({ size: 0 })
    }
  },
)

describe('scaling in the middle of a rollout', () => {
  const share = (max: number) => ({ annotations: { 'deployment.kubernetes.io/max-replicas': String(max) } })

  lesson(
    'gives each ReplicaSet its share',
    {
      scenario: '10 replicas with surge 3 are in the middle of a rollout, 8 old and 5 new; the user scales to 15.',
      rule: 'Each keeps its share of the total (13, now 18): 8 become 11, 5 become 7.',
      source: 'recording deployment-proportional-scale-up-10-to-15-during-rollout',
    },
    () => {
      const sizes = proportionalSizes(rolling(15, 3, 2), [
        set('old', '8', share(13)),
        set('new', '5', { ...share(13), age: 5 }),
      ])
      expect(sizes).toEqual({ old: 11, new: 7 })
    },
  )

  lesson(
    'gives the remainder to the largest, and among equals to the newest when growing and the oldest when shrinking',
    {
      scenario: 'Two ReplicaSets with 5 each (surge 0); the user scales from 10 to 11, or to 9.',
      rule: 'Every pod of the change is placed, none is invented.',
      source: 'kubernetes deployment/sync.go: ReplicaSetsBySizeNewer, ReplicaSetsBySizeOlder',
    },
    () => {
      const sets = [set('old', '5', { ...share(10), age: 900 }), set('new', '5', { ...share(10), age: 5 })]
      expect(proportionalSizes(rolling(11, 0, 2), sets)).toEqual({ old: 5, new: 6 })
      expect(proportionalSizes(rolling(9, 0, 2), sets)).toEqual({ old: 4, new: 5 })
    },
  )

  lesson(
    'to 0 takes everything',
    {
      scenario: '8 old and 5 new; the user scales to 0.',
      rule: 'For 0 replicas the surge does not count.',
      source: 'kubernetes deployment/sync.go: scale',
    },
    () =>
      expect(proportionalSizes(rolling(0, 3, 2), [set('old', '8', share(13)), set('new', '5', share(13))])).toEqual({
        old: 0,
        new: 0,
      }),
  )

  lesson(
    'always adds up',
    {
      scenario: 'Random sizes and targets.',
      rule: 'All together ask for replicas + maxSurge, and none for less than 0.',
      source: 'kubernetes deployment_util.go: GetReplicaSetProportion',
    },
    ({ seed }) => {
      for (let round = 1; round <= 500; round++) {
        seed(round)
        const random = createRandom(round)
        const sizes = Array.from({ length: 2 + random.below(3) }, () => 1 + random.below(10))
        const before = sizes.reduce((sum, size) => sum + size)
        const sets = sizes.map((size, index) => set(`set-${index}`, String(size), { ...share(before), age: index }))
        const wanted = 1 + random.below(40)
        const after = Object.values(proportionalSizes(rolling(wanted, 2, 1), sets))
        expect(after.reduce((sum, size) => sum + size)).toBe(wanted + 2)
        expect(Math.min(...after)).toBeGreaterThanOrEqual(0)
      }
    },
  )
})

describe('the history', () => {
  const revision = (number: number) => ({ annotations: { 'deployment.kubernetes.io/revision': String(number) } })

  lesson(
    'is kept up to its limit, lowest revision out first',
    {
      scenario:
        'revisionHistoryLimit 2 and four old ReplicaSets without replicas, the youngest of which has the lowest revision.',
      rule: 'What `kubectl rollout undo` can go back to is the newest revisions, not the youngest objects.',
      source: 'recording deployment-revisionHistoryLimit-2; kubernetes deployment/sync.go: cleanupDeployment',
    },
    () => {
      const of = deployment({ replicas: 1, revisionHistoryLimit: 2 })
      const oldReplicaSets = [
        set('r5', '0', revision(5)),
        set('r12', '0', revision(12)),
        set('r3', '0', revision(3)),
        set('r2', '0', { ...revision(2), age: 1 }),
      ]
      expect(obsoleteReplicaSets({ deployment: of, oldReplicaSets }).map(({ metadata }) => metadata.name)).toEqual([
        'r2',
        'r3',
      ])
      expect(obsoleteReplicaSets({ deployment: deployment({}), oldReplicaSets }), 'default limit 10').toEqual([])
    },
  )

  lesson(
    'never loses a ReplicaSet that has or wants pods',
    {
      scenario:
        'revisionHistoryLimit 0; one old ReplicaSet still has a pod, one wants one, one has not noticed its last change.',
      rule: 'Deleting it would delete its pods, or race with its controller.',
      source: 'kubernetes deployment/sync.go: cleanupDeployment',
    },
    () => {
      const of = deployment({ replicas: 1, revisionHistoryLimit: 0 })
      const has = { ...set('has', '0'), status: { replicas: 1 } }
      const stale = set('stale', '0')
      const oldReplicaSets = [has, set('wants', '1'), { ...stale, metadata: { ...stale.metadata, generation: 2 } }]
      expect(obsoleteReplicaSets({ deployment: of, oldReplicaSets })).toEqual([])
    },
  )
})

describe('the condition Progressing', () => {
  const since = (reason: string, seconds: number, status = 'True') => ({
    type: 'Progressing',
    status,
    reason,
    lastUpdateTime: ago(seconds),
    lastTransitionTime: ago(900),
  })
  const judge = (counts: DeploymentStatus, last: DeploymentStatus = {}) => {
    const of = { ...rolling(3), spec: { ...rolling(3).spec!, progressDeadlineSeconds: 60 }, status: last }
    return progress({ deployment: of, newReplicaSet: set('new', '3'), oldReplicaSets: [] }, counts, NOW_MS)
  }
  const all = { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 }

  lesson(
    'says complete when all are updated and available, and none are left over',
    {
      scenario: '3 wanted: 3 updated and available; then the same with one old replica left.',
      rule: '`kubectl rollout status` ends when this says NewReplicaSetAvailable.',
      source: 'recording deployment-create-4; kubernetes deployment_util.go: DeploymentComplete',
    },
    () => {
      expect(judge(all)).toEqual({
        status: 'True',
        reason: 'NewReplicaSetAvailable',
        message: 'ReplicaSet "new" has successfully progressed.',
      })
      expect(judge({ ...all, replicas: 4, availableReplicas: 4 })?.reason).not.toBe('NewReplicaSetAvailable')
    },
  )

  lesson(
    'says progressing when anything got better',
    {
      scenario:
        'Since the last status: one more updated; one more ready; one more available; one old one less; nothing.',
      rule: 'Any of these is progress and starts the deadline anew.',
      source: 'kubernetes deployment_util.go: DeploymentProgressing',
    },
    () => {
      const last = {
        replicas: 4,
        updatedReplicas: 1,
        readyReplicas: 3,
        availableReplicas: 3,
        conditions: [since('ReplicaSetUpdated', 5)],
      }
      const now = { replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3 }
      const progressing = { status: 'True', reason: 'ReplicaSetUpdated', message: 'ReplicaSet "new" is progressing.' }
      for (const better of [
        { updatedReplicas: 2, replicas: 5 },
        { readyReplicas: 4 },
        { availableReplicas: 4 },
        { replicas: 3 },
      ]) {
        expect(judge({ ...now, ...better }, last), JSON.stringify(better)).toEqual(progressing)
      }
      expect(judge(now, last), 'nothing changed').toBeUndefined()
      expect(judge({ ...now, readyReplicas: 2, availableReplicas: 2 }, last), 'worse').toBeUndefined()
    },
  )

  lesson(
    'says timed out when nothing got better for too long',
    {
      scenario: 'The deadline is 60 s; the last progress was 59 s ago, then 61 s ago.',
      rule: 'A rollout without progress for progressDeadlineSeconds has failed, until it moves again.',
      source: 'recording deployment-progressDeadlineSeconds-5-exceeded',
    },
    () => {
      const now = { replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3 }
      expect(judge(now, { ...now, conditions: [since('ReplicaSetUpdated', 59)] })).toBeUndefined()
      expect(judge(now, { ...now, conditions: [since('ReplicaSetUpdated', 61)] })).toEqual({
        status: 'False',
        reason: 'ProgressDeadlineExceeded',
        message: 'ReplicaSet "new" has timed out progressing.',
      })
    },
  )

  lesson(
    'does not begin again when a pod dies after the rollout',
    {
      scenario: 'The rollout was complete an hour ago. Now one of the pods is not available.',
      rule: 'What happens after the end of a rollout is no rollout; the condition Available tells of it.',
      source: 'kubernetes deployment/progress.go: syncRolloutStatus',
    },
    () => {
      const last = { ...all, conditions: [since('NewReplicaSetAvailable', 3600)] }
      expect(judge({ ...all, readyReplicas: 2, availableReplicas: 2 }, last)).toBeUndefined()
    },
  )

  lesson(
    'gives the next rollout all of its time',
    {
      scenario:
        'The last rollout was complete an hour ago. A new template has just been set: the new ReplicaSet exists, and has no pods yet.',
      rule: 'After NewReplicaSetAvailable there is nothing to time out: the deadline starts with the first progress.',
      source: 'kubernetes deployment_util.go: DeploymentTimedOut',
    },
    () => {
      const last = { ...all, conditions: [since('NewReplicaSetAvailable', 3600)] }
      expect(judge({ ...all, updatedReplicas: 0 }, last)).toBeUndefined()
    },
  )

  lesson(
    'times out after ten minutes when the spec does not say',
    {
      scenario: 'No progressDeadlineSeconds; the last progress was 599 s ago, then 601 s ago.',
      rule: 'The default is 600 s.',
      source: 'kubernetes apps/v1 defaults: progressDeadlineSeconds',
    },
    () => {
      const now = { replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3 }
      const reasonAfter = (seconds: number) => {
        const of = { ...rolling(3), status: { ...now, conditions: [since('ReplicaSetUpdated', seconds)] } }
        return progress({ deployment: of, newReplicaSet: set('new', '3'), oldReplicaSets: [] }, now, NOW_MS)?.reason
      }
      expect({ 'after 599 s': reasonAfter(599), 'after 601 s': reasonAfter(601) }).toEqual({
        'after 599 s': undefined,
        'after 601 s': 'ProgressDeadlineExceeded',
      })
    },
  )
})

describe('one look at a Deployment', () => {
  const words = (actions: readonly Action[]) =>
    actions.map((action) => `${action.do} ${'resource' in action ? action.resource : ''}`)

  lesson(
    'creates the new ReplicaSet and says so',
    {
      scenario: 'A new Deployment with 4 replicas (25 %, 25 %).',
      rule: "The ReplicaSet's labels, selector and template carry the hash; its annotations the revision and sizes.",
      source: 'recording deployment-create-4',
    },
    () => {
      const { actions } = reconcileDeployment({ deployment: rolling(4), replicaSets: [], pods: [], nowMs: NOW_MS })
      expect(words(actions)).toEqual(['create replicaSets', 'update deployments', 'patch deployments'])
      const [create, status] = actions
      const object = create?.do === 'create' ? (create.object as ReplicaSet) : undefined
      const hash = object?.metadata?.labels?.['pod-template-hash']
      expect(object?.metadata?.name).toBe(`web-${hash}`)
      expect(object?.metadata?.annotations).toEqual({
        'deployment.kubernetes.io/revision': '1',
        'deployment.kubernetes.io/desired-replicas': '4',
        'deployment.kubernetes.io/max-replicas': '5',
      })
      expect(object?.spec).toMatchObject({
        replicas: 4,
        selector: { matchLabels: { app: 'web', 'pod-template-hash': hash } },
        template: { metadata: { labels: { app: 'web', 'pod-template-hash': hash } } },
      })
      expect(create).toMatchObject({
        onSuccess: { reason: 'ScalingReplicaSet', message: `Scaled up replica set web-${hash} from 0 to 4` },
      })
      expect(status).toMatchObject({
        object: {
          status: {
            observedGeneration: 1,
            conditions: [
              { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', lastUpdateTime: NOW },
              {
                type: 'Progressing',
                status: 'True',
                reason: 'NewReplicaSetCreated',
                message: `Created new replica set "web-${hash}"`,
              },
            ],
          },
        },
      })
    },
  )

  lesson(
    'that is paused scales, but does not roll out',
    {
      scenario: 'A paused Deployment has a new template; the user scales it from 2 to 4.',
      rule: 'The only ReplicaSet gets the new size; no new one is created.',
      source: 'recording deployment-pause-change-scale-resume',
    },
    () => {
      const paused = { ...rolling(4), spec: { ...rolling(4).spec!, paused: true } }
      const old = set('old', '2', {
        annotations: { 'deployment.kubernetes.io/desired-replicas': '2', 'deployment.kubernetes.io/revision': '1' },
      })
      const { actions } = reconcileDeployment({ deployment: paused, replicaSets: [old], pods: [], nowMs: NOW_MS })
      expect(words(actions)).toEqual(['update replicaSets', 'update deployments'])
      expect(actions[0]).toMatchObject({
        object: { spec: { replicas: 4 } },
        onSuccess: { message: 'Scaled up replica set old from 2 to 4' },
      })
      expect(JSON.stringify(actions[1])).toContain('DeploymentPaused')
    },
  )
})
