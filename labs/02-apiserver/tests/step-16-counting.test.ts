/** Step 2.16 ★: counting together, quotas and disruption budgets. */
import { describe, expect } from 'vitest'
import { mayGoUnhealthy, servesNobody, takeDisruption } from '#apiserver/counting/disruptions.ts'
import { addedBy, chargeAll, chargeQuota, type QuotaShelf } from '#apiserver/counting/quotas.ts'
import type { Pod, PodDisruptionBudget, ResourceQuota, Stored } from '#kit/api/objects.ts'
import type { Random } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { NOW, randomFor, refusalOf, stored } from './fixtures.ts'

const QUOTA = 'apiserver pkg/admission/plugin/resourcequota/controller.go'
const EVICTION = 'kubernetes pkg/registry/core/pod/storage/eviction.go'

function quota(hard: Record<string, string>, used: Record<string, string>, name = 'q'): Stored<ResourceQuota> {
  return stored({ name }, { kind: 'ResourceQuota', spec: { hard }, status: { hard, used } }) as Stored<ResourceQuota>
}

type BudgetStatus = NonNullable<PodDisruptionBudget['status']>

/** Three of three pods are healthy and two have to be, unless the test says otherwise. */
function budget(status: Partial<BudgetStatus> = {}, spec: object = {}): Stored<PodDisruptionBudget> {
  const numbers = { disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 3 }
  return stored(
    { name: 'b', generation: 2 },
    { kind: 'PodDisruptionBudget', spec, status: { observedGeneration: 2, ...numbers, ...status } },
  ) as Stored<PodDisruptionBudget>
}

function pod(phase: string, ready?: 'True' | 'False', metadata: object = {}): Stored<Pod> {
  const conditions = ready && [
    { type: 'PodScheduled', status: 'True' },
    { type: 'Ready', status: ready },
  ]
  return stored({ ...metadata }, { status: { phase, ...(conditions && { conditions }) } }) as unknown as Stored<Pod>
}

/**
 * A place for one object each that many change at once, with optimistic concurrency; every read and write takes a random while,
 * so that who is first differs from seed to seed.
 */
function racetrack<T>(objects: Map<string, T>, random: Random) {
  const aWhile = async () => {
    for (let steps = random.below(6); steps > 0; steps--) await Promise.resolve()
  }
  const read = async (name: string): Promise<T> => {
    await aWhile()
    const found = objects.get(name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
  }
  const update = async (name: string, decide: (current: T) => T): Promise<void> => {
    for (;;) {
      const seen = await read(name)
      const wanted = decide(seen)
      await aWhile()
      if (objects.get(name) !== seen) continue
      objects.set(name, wanted)
      return
    }
  }
  return { read, update }
}

describe('a quota', () => {
  lesson(
    'is charged with what a write adds',
    {
      scenario:
        'A claim of 3Gi is created; it grows to 5Gi; a Service changes from NodePort with two ports to ClusterIP.',
      rule: 'A creation adds all it uses, an update what has risen. What falls, and what stays, adds nothing.',
      source: `${QUOTA} (CheckRequest: SubtractWithNonNegativeResult, RemoveZeros)`,
    },
    () => {
      const small = { persistentvolumeclaims: '1', 'requests.storage': '3Gi' }
      expect({
        created: addedBy(small),
        grown: addedBy({ ...small, 'requests.storage': '5Gi' }, small),
        'given back': addedBy(
          { services: '1', 'services.nodeports': '0' },
          { services: '1', 'services.nodeports': '2' },
        ),
        'of nothing': addedBy({ services: '1', 'services.nodeports': '0' }),
      }).toEqual({
        created: small,
        grown: { 'requests.storage': '2Gi' },
        'given back': {},
        'of nothing': { services: '1' },
      })
    },
  )

  lesson(
    'takes what fits, to the last',
    {
      scenario:
        'Two of three pods, 1500m of 2 cpus and one of five Services are used; a pod comes that wants 500m, and memory, which nobody limits.',
      rule: 'Only what the quota limits is counted, and exactly the limit is allowed. Amounts are quantities: 1500m and 500m are 2. What is used by others stays on record.',
      source: `${QUOTA} (CheckRequest: Mask, Add, LessThanOrEqual)`,
    },
    () => {
      const before = quota(
        { pods: '3', 'requests.cpu': '2', services: '5' },
        { pods: '2', 'requests.cpu': '1500m', services: '1' },
      )
      const copy = structuredClone(before)
      const outcome = chargeQuota(before, { pods: '1', 'requests.cpu': '500m', 'requests.memory': '1Gi' })
      const { hard } = before.status ?? {}
      expect(outcome).toEqual({
        fits: true,
        quota: { ...before, status: { hard, used: { pods: '3', 'requests.cpu': '2', services: '1' } } },
      })
      expect(before, 'the quota that was passed in').toEqual(copy)
    },
  )

  lesson(
    'refuses what does not, and says by which of its limits',
    {
      scenario: 'Three of three pods are used, 100m of 1 cpu; a pod comes that wants 200m.',
      rule: 'What was asked for, what is used and the limit, each for what would be exceeded only.',
      source: `${QUOTA} (CheckRequest: "exceeded quota")`,
    },
    () => {
      const full = quota({ pods: '3', 'requests.cpu': '1' }, { pods: '3', 'requests.cpu': '100m' })
      expect(chargeQuota(full, { pods: '1', 'requests.cpu': '200m' })).toEqual({
        fits: false,
        why: 'exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3',
      })
      const both = quota({ pods: '3', 'requests.cpu': '1' }, { pods: '3', 'requests.cpu': '900m' }, 'tight')
      expect(chargeQuota(both, { pods: '1', 'requests.cpu': '0.2' })).toEqual({
        fits: false,
        why: 'exceeded quota: tight, requested: pods=1,requests.cpu=200m, used: pods=3,requests.cpu=900m, limited: pods=3,requests.cpu=1',
      })
    },
  )

  lesson(
    'that is over its limit already refuses only what it limits',
    {
      scenario: 'Five pods are used when the limit is lowered to three. A ConfigMap is created, then a pod.',
      rule: 'A limit may be set below what is used: nothing is taken away, but nothing is added.',
      source: `${QUOTA} (CheckRequest: maskedNewUsage)`,
    },
    () => {
      const over = quota({ pods: '3', configmaps: '9' }, { pods: '5', configmaps: '1' })
      const fits = (name: string) => chargeQuota(over, { [name]: '1' }).fits
      expect({ 'a ConfigMap fits': fits('configmaps'), 'a pod fits': fits('pods') }).toEqual({
        'a ConfigMap fits': true,
        'a pod fits': false,
      })
    },
  )

  lesson(
    'limits what its status says, not yet what its spec asks for',
    {
      scenario:
        'An administrator has just raised the limit from two pods to nine, and added one for Secrets; two pods are used.',
      rule: 'A limit holds from when the controller has counted what it limits: only then is `used` about the same names.',
      source: `${QUOTA} (CheckRequest: resourceQuota.Status.Hard)`,
    },
    () => {
      const changed: Stored<ResourceQuota> = {
        ...quota({ pods: '2' }, { pods: '2' }),
        spec: { hard: { pods: '9', secrets: '1' } },
      }
      expect({
        'a pod': chargeQuota(changed, { pods: '1' }),
        'a Secret': chargeQuota(changed, { secrets: '1' }),
      }).toEqual({
        'a pod': { fits: false, why: 'exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2' },
        'a Secret': { fits: true, quota: changed },
      })
    },
  )

  lesson(
    'is not charged in vain when another one is full',
    {
      scenario: 'Two quotas count pods. The first has room, the second is full.',
      rule: 'First all are asked, then all are charged: whoever tries again every second must not fill the first one up.',
      source: `${QUOTA} (checkQuotas, phases 1 and 3)`,
    },
    async () => {
      const quotas = new Map([
        ['roomy', quota({ pods: '10' }, { pods: '0' }, 'roomy')],
        ['full', quota({ pods: '1' }, { pods: '1' }, 'full')],
      ])
      const shelf: QuotaShelf = {
        read: async (name) => quotas.get(name)!,
        async update(name, decide) {
          quotas.set(name, decide(quotas.get(name)!))
        },
      }
      const why = await chargeAll(['roomy', 'full'], { pods: '1' }, shelf)
      expect({ why, used: quotas.get('roomy')?.status?.used }).toEqual({
        why: 'exceeded quota: full, requested: pods=1, used: pods=1, limited: pods=1',
        used: { pods: '0' },
      })
      expect(await chargeAll(['roomy'], { pods: '1' }, shelf), 'what stands in the way of the other').toBeUndefined()
      expect(quotas.get('roomy')?.status?.used).toEqual({ pods: '1' })
    },
  )

  lesson(
    'says what it says about its newest version',
    {
      scenario:
        'There was room when it was asked. The update finds the quota full, and when it is tried again, a pod has been given back. Then the other way round.',
      rule: 'An update may decide several times, and only the decision about what is replaced counts: no charge with a refusal, no admission without a charge.',
      source: `${QUOTA} (checkQuotas: retries)`,
    },
    async () => {
      const free = quota({ pods: '2' }, { pods: '1' })
      const full = quota({ pods: '2' }, { pods: '2' })
      /** What comes of it when the update shows these versions, one after the other. */
      const whenShown = async (...versions: Stored<ResourceQuota>[]) => {
        let kept = free
        const why = await chargeAll(
          ['q'],
          { pods: '1' },
          {
            read: async () => free,
            async update(_name, decide) {
              for (const version of versions) kept = decide(version)
            },
          },
        )
        return { why, used: kept.status?.used?.pods }
      }
      const refused = 'exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
      expect({
        'full, then free': await whenShown(full, free),
        'free, then full': await whenShown(free, full),
        'free, twice': await whenShown(free, free),
      }).toEqual({
        'full, then free': { why: undefined, used: '2' },
        'free, then full': { why: refused, used: '2' },
        'free, twice': { why: undefined, used: '2' },
      })
    },
  )

  lesson(
    'is never exceeded, however many come at once',
    {
      scenario:
        'Thirty pods for two quotas, of ten and of twelve pods, all at the same time; fifty times, in different orders.',
      rule: 'The charge is stored only if the quota is still the one that was read; else it is decided again. So ten get in: no more, and no fewer.',
      source: `${QUOTA} (checkQuotas: UpdateQuotaStatus, retries)`,
    },
    async (context) => {
      const random = randomFor(context)
      for (let round = 0; round < 50; round++) {
        const quotas = new Map([
          ['ten', quota({ pods: '10' }, { pods: '0' }, 'ten')],
          ['twelve', quota({ pods: '12' }, { pods: '0' }, 'twelve')],
        ])
        const track = racetrack(quotas, random)
        const order = random.chance(0.5) ? ['ten', 'twelve'] : ['twelve', 'ten']
        const answers = await Promise.all(Array.from({ length: 30 }, () => chargeAll(order, { pods: '1' }, track)))
        const admitted = answers.filter((why) => why === undefined).length
        expect(admitted, `admitted in round ${round}`).toBeLessThanOrEqual(10)
        if (order[0] === 'ten') expect(admitted, `admitted in round ${round}`).toBe(10)
        expect(quotas.get('ten')?.status?.used, 'what the smaller quota says').toEqual({ pods: '10' })
      }
    },
  )
})

describe('an eviction', () => {
  lesson(
    'of a pod that serves nobody asks nobody',
    {
      scenario:
        'Pods that wait, run, have finished well and badly; one that runs and is being deleted; one of whose node nothing is heard.',
      rule: 'A budget protects those whom a pod serves. Who has not begun, has finished, or is going anyway, serves nobody. Of whom nothing is known may.',
      source: `${EVICTION} (canIgnorePDB)`,
    },
    () => {
      expect({
        pending: servesNobody(pod('Pending')),
        running: servesNobody(pod('Running', 'True')),
        'running, not ready': servesNobody(pod('Running', 'False')),
        succeeded: servesNobody(pod('Succeeded')),
        failed: servesNobody(pod('Failed')),
        going: servesNobody(pod('Running', 'True', { deletionTimestamp: NOW })),
        unknown: servesNobody(pod('Unknown')),
      }).toEqual({
        pending: true,
        running: false,
        'running, not ready': false,
        succeeded: true,
        failed: true,
        going: true,
        unknown: false,
      })
    },
  )

  lesson(
    'of a broken pod takes nothing from the budget, unless the application is in trouble',
    {
      scenario:
        'Two have to be healthy. A pod that is not ready, while two, one and three are; with the policies; with nothing to be healthy.',
      rule: 'IfHealthyBudget (the default): only while enough others are healthy, since it may be coming up to help. AlwaysAllow: always.',
      source: 'KEP-3017 PodHealthyPolicy for PodDisruptionBudget',
    },
    () => {
      const broken = pod('Running', 'False')
      const silent = pod('Running')
      const when = (currentHealthy: number, spec = {}) => mayGoUnhealthy(broken, budget({ currentHealthy }, spec))
      const always = { unhealthyPodEvictionPolicy: 'AlwaysAllow' }
      expect({
        'enough healthy': when(2),
        'more than enough': when(3),
        'too few healthy': when(1),
        'too few, IfHealthyBudget': when(1, { unhealthyPodEvictionPolicy: 'IfHealthyBudget' }),
        'too few, AlwaysAllow': when(1, always),
        'none has to be': mayGoUnhealthy(broken, budget({ desiredHealthy: 0 })),
        'says nothing about ready': mayGoUnhealthy(silent, budget()),
        'a ready pod': mayGoUnhealthy(pod('Running', 'True'), budget()),
        'a ready pod, AlwaysAllow': mayGoUnhealthy(pod('Running', 'True'), budget({}, always)),
      }).toEqual({
        'enough healthy': true,
        'more than enough': true,
        'too few healthy': false,
        'too few, IfHealthyBudget': false,
        'too few, AlwaysAllow': true,
        'none has to be': false,
        'says nothing about ready': true,
        'a ready pod': false,
        'a ready pod, AlwaysAllow': false,
      })
    },
  )

  lesson(
    'takes one from the budget, and leaves the name of the pod',
    {
      scenario: 'Two disruptions are allowed; web-1 is evicted, then web-2.',
      rule: 'The number goes down by one, the pod counts as gone from now on, and with the last one the condition says so.',
      source: `${EVICTION} (checkAndDecrement)`,
    },
    () => {
      const fresh = budget({ disruptionsAllowed: 2, currentHealthy: 4 })
      const copy = structuredClone(fresh)
      const once = takeDisruption(fresh, 'web-1', NOW)
      expect(once.status).toMatchObject({ disruptionsAllowed: 1, disruptedPods: { 'web-1': NOW } })
      const twice = takeDisruption(once, 'web-2', NOW)
      expect(twice.status).toMatchObject({
        disruptionsAllowed: 0,
        currentHealthy: 4,
        disruptedPods: { 'web-1': NOW, 'web-2': NOW },
        conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
      })
      expect(fresh, 'the budget that was passed in').toEqual(copy)
    },
  )

  lesson(
    'is refused when the budget is used up',
    {
      scenario: 'No disruption is allowed: two have to be healthy, and two are.',
      rule: 'TooManyRequests, since the same request may succeed later. Nobody knows when, so it says nothing about that.',
      source: `${EVICTION} (checkAndDecrement)`,
    },
    () => {
      const empty = budget({ disruptionsAllowed: 0, currentHealthy: 2 })
      expect(refusalOf(() => takeDisruption(empty, 'web-1', NOW))).toEqual({
        code: 429,
        reason: 'TooManyRequests',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        details: {
          causes: [
            { reason: 'DisruptionBudget', message: 'The disruption budget b needs 2 healthy pods and has 2 currently' },
          ],
        },
      })
    },
  )

  lesson(
    'waits for a budget that has changed',
    {
      scenario:
        'The spec of the budget is of generation 2, its status about generation 1, and it allows five; or there is no status yet.',
      rule: 'Numbers about another spec mean nothing. Ten seconds later the controller will have counted.',
      source: `${EVICTION} (checkAndDecrement: ObservedGeneration)`,
    },
    () => {
      const stale = budget({ disruptionsAllowed: 5, observedGeneration: 1 })
      const busy = {
        code: 429,
        details: {
          retryAfterSeconds: 10,
          causes: [
            {
              reason: 'DisruptionBudget',
              message: 'The disruption budget b is still being processed by the server.',
            },
          ],
        },
      }
      expect(refusalOf(() => takeDisruption(stale, 'web-1', NOW), 'by a status of generation 1')).toMatchObject(busy)
      const { status: _none, ...uncounted } = budget()
      expect(refusalOf(() => takeDisruption(uncounted, 'web-1', NOW), 'without a status')).toMatchObject(busy)
    },
  )

  lesson(
    'is forbidden when nobody seems to count',
    {
      scenario:
        'A budget that allows minus one; one with 2001 evicted pods that nobody has seen go, also when it is used up; and one with 2000.',
      rule: 'A budget that makes no sense allows nothing, and more than 2000 unseen evictions mean that the controller is not there: to come again later would not help.',
      source: `${EVICTION} (MaxDisruptedPodSize)`,
    },
    () => {
      const evicted = (count: number, disruptionsAllowed = 1) =>
        budget({
          disruptionsAllowed,
          disruptedPods: Object.fromEntries(Array.from({ length: count }, (_, i) => [`web-${i}`, NOW])),
        })
      const why = (of: Stored<PodDisruptionBudget>) => {
        const { code, message } = refusalOf(() => takeDisruption(of, 'web', NOW))
        return `${code} ${message}`
      }
      const forbidden = '403 poddisruptionbudget.policy "b" is forbidden:'
      const tooMany = `${forbidden} DisruptedPods map too big - too many evictions not confirmed by PDB controller`
      expect({
        'minus one': why(budget({ disruptionsAllowed: -1 })),
        '2001 unseen': why(evicted(2001)),
        '2001 unseen, and used up': why(evicted(2001, 0)),
      }).toEqual({
        'minus one': `${forbidden} pdb disruptions allowed is negative`,
        '2001 unseen': tooMany,
        '2001 unseen, and used up': tooMany,
      })
      expect(takeDisruption(evicted(2000), 'web', NOW).status?.disruptionsAllowed, 'what 2000 unseen leave').toBe(0)
    },
  )

  lesson(
    'never takes more than is allowed, however many come at once',
    {
      scenario: 'Twenty pods are evicted at the same time, and three may go; fifty times, in different orders.',
      rule: 'Three succeed, whoever they are; seventeen are told to come again; and just those three are on record.',
      source: `${EVICTION} (Create: RetryOnConflict)`,
    },
    async (context) => {
      const random = randomFor(context)
      for (let round = 0; round < 50; round++) {
        const budgets = new Map([['b', budget({ disruptionsAllowed: 3, currentHealthy: 20, desiredHealthy: 17 })]])
        const track = racetrack(budgets, random)
        const names = Array.from({ length: 20 }, (_, i) => `web-${i}`)
        const outcomes = await Promise.allSettled(
          names.map((name) => track.update('b', (current) => takeDisruption(current, name, NOW))),
        )
        const evicted = names.filter((_, i) => outcomes[i]?.status === 'fulfilled')
        expect(evicted, `evicted in round ${round}`).toHaveLength(3)
        const { disruptionsAllowed, disruptedPods = {} } = budgets.get('b')?.status ?? {}
        expect({ disruptionsAllowed, onRecord: Object.keys(disruptedPods).sort() }).toEqual({
          disruptionsAllowed: 0,
          onRecord: evicted.sort(),
        })
      }
    },
  )
})
