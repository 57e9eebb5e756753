/**
 * What the real kube-controller-manager left behind, our controllers must leave alone: the final objects of each recorded
 * situation are a world in which nothing is to be done.
 *
 * Skipped where the recordings are not at hand; the product does not need them.
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { reconcileDeployment } from '#controllers/deployment/reconcile.ts'
import { reconcileBudget } from '#controllers/disruption/reconcile.ts'
import { podEndpoint, selectedPods } from '#controllers/endpoints/pod-endpoint.ts'
import { MANAGED_BY, OUR_NAME, SERVICE_NAME } from '#controllers/endpoints/reconcile.ts'
import { reconcileQuota } from '#controllers/quota/reconcile.ts'
import { reconcileReplicaSet } from '#controllers/replicaset/reconcile.ts'
import type {
  ApiObject,
  Deployment,
  Endpoint,
  EndpointSlice,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  ResourceQuota,
  Service,
  Stored,
} from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { matchesLabelSelector } from '#kit/api/selectors.ts'
import type { Action } from '#kit/contracts/controllers.ts'

const RECORDINGS = new URL('../../../../shared/upstream/controllers/recordings.jsonl.gz', import.meta.url)
const NOW_MS = Date.UTC(2026, 0, 1)

interface RecordedPod {
  readonly kind: 'Pod'
  readonly name: string
  readonly phase?: string
  readonly ready?: string
  readonly node?: string
  readonly labels?: Record<string, string>
  readonly owner?: string[]
  readonly deletionTimestamp?: boolean
}
interface Recorded {
  readonly kind: string
  readonly metadata?: { name: string }
  readonly [field: string]: unknown
}
interface Situation {
  readonly scenario: string
  readonly final: readonly Recorded[]
}

/** Times are recorded relative to the beginning, "<t+5s>"; uids are left out, so a name stands for one. */
function restore(text: string): Situation {
  const times = text.replace(/<t([+-]\d+)s>/g, (_, seconds) => new Date(NOW_MS + Number(seconds) * 1000).toISOString())
  return JSON.parse(times) as Situation
}

function objects<T>(situation: Situation, kind: string): Stored<T>[] {
  return situation.final
    .filter((object) => object.kind === kind && object.metadata)
    .map((object) => {
      const metadata = {
        namespace: 'NS',
        resourceVersion: '1',
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...object.metadata,
      }
      const ownerReferences = (metadata as { ownerReferences?: { kind: string; name: string }[] }).ownerReferences?.map(
        (owner) => ({ ...owner, uid: `${owner.kind}/${owner.name}` }),
      )
      const uid = `${kind}/${object.metadata?.name}`
      return {
        ...object,
        metadata: { ...metadata, uid, ...(ownerReferences && { ownerReferences }) },
      } as unknown as Stored<T>
    })
}

function podsOf(situation: Situation): Stored<Pod>[] {
  const slices = objects<EndpointSlice>(situation, 'EndpointSlice')
  const ips = new Map(
    slices.flatMap(({ endpoints }) =>
      // An empty list is recorded as null. A reference is shortened to "Pod/name".
      (endpoints ?? []).map((one) => [one.targetRef as unknown as string, one.addresses[0]]),
    ),
  )
  return situation.final
    .filter((object): object is Recorded & RecordedPod => object.kind === 'Pod' && typeof object.name === 'string')
    .map((pod) => {
      const [kind, name = ''] = pod.owner?.[0]?.split('/') ?? []
      const owner = { apiVersion: '', kind: kind ?? '', name, uid: `${kind}/${name}`, controller: true }
      const ip = ips.get(`Pod/${pod.name}`)
      return {
        metadata: {
          namespace: 'NS',
          name: pod.name,
          uid: `Pod/${pod.name}`,
          resourceVersion: '1',
          creationTimestamp: '2026-01-01T00:00:00Z',
          ...(pod.labels && { labels: pod.labels }),
          ...(kind && { ownerReferences: [owner] }),
          ...(pod.deletionTimestamp && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
        },
        spec: { containers: [], ...(pod.node && { nodeName: pod.node }) },
        status: {
          ...(pod.phase && { phase: pod.phase }),
          ...(ip && { podIP: ip }),
          conditions: [{ type: 'Ready', status: pod.ready ?? 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }],
        },
      }
    })
}

const words = (actions: readonly Action[]) =>
  actions.map((action) =>
    action.do === 'together' ? `${action.writes.length} ${action.writes[0]?.do}` : JSON.stringify(action).slice(0, 300),
  )

describe.skipIf(!existsSync(RECORDINGS))('what upstream left behind', () => {
  const situations = existsSync(RECORDINGS)
    ? gunzipSync(readFileSync(RECORDINGS)).toString('utf8').trim().split('\n').slice(1).map(restore)
    : []
  const nowMs = NOW_MS + 600_000

  // Where there are a hundred pods, they are not recorded. What a quota stops, a reconcile tries again.
  const withReplicaSets = situations.filter(
    (situation) =>
      objects(situation, 'ReplicaSet').length > 0 &&
      podsOf(situation).length > 0 &&
      !situation.scenario.includes('quota'),
  )
  it.each(withReplicaSets.map((situation) => ({ situation, name: situation.scenario })))(
    'is settled for our ReplicaSet controller: $name',
    ({ situation }) => {
      const world = { resource: 'replicaSets', pods: podsOf(situation), expectationsMet: true, nowMs } as const
      for (const owner of objects<ReplicaSet>(situation, 'ReplicaSet')) {
        expect(words(reconcileReplicaSet({ ...world, owner }).actions), owner.metadata.name).toEqual([])
      }
    },
  )

  const withDeployments = situations.filter((situation) => objects(situation, 'Deployment').length > 0)
  it.each(withDeployments.map((situation) => ({ situation, name: situation.scenario })))(
    'is settled for our Deployment controller: $name',
    ({ situation }) => {
      const replicaSets = objects<ReplicaSet>(situation, 'ReplicaSet')
      for (const deployment of objects<Deployment>(situation, 'Deployment')) {
        const decision = reconcileDeployment({ deployment, replicaSets, pods: podsOf(situation), nowMs })
        expect(words(decision.actions), deployment.metadata.name).toEqual([])
      }
    },
  )

  const withSlices = situations.filter((situation) => objects(situation, 'EndpointSlice').length > 0)
  it.each(withSlices.map((situation) => ({ situation, name: situation.scenario })))(
    'has the endpoints that we would list: $name',
    ({ situation }) => {
      const slices = objects<EndpointSlice>(situation, 'EndpointSlice').filter(
        ({ metadata }) => metadata.labels?.[MANAGED_BY] === OUR_NAME,
      )
      for (const service of objects<Service>(situation, 'Service').filter(({ spec }) => spec?.selector)) {
        const ours = selectedPods(service, podsOf(situation)).map((pod) => podEndpoint(service, pod))
        const theirs = slices
          .filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === service.metadata.name)
          .flatMap(({ endpoints }) => endpoints ?? [])
        expect(lines(ours), service.metadata.name).toEqual(lines(theirs))
      }
    },
  )

  const withBudgets = situations.filter((situation) => objects(situation, 'PodDisruptionBudget').length > 0)
  it.each(withBudgets.map((situation) => ({ situation, name: situation.scenario })))(
    'is settled for our disruption controller: $name',
    ({ situation }) => {
      const owners = objects<ReplicaSet>(situation, 'ReplicaSet')
      for (const budget of objects<PodDisruptionBudget>(situation, 'PodDisruptionBudget')) {
        const { actions } = reconcileBudget({
          budget,
          pods: podsOf(situation).filter((pod) => matchesLabelSelector(budget.spec?.selector, pod.metadata.labels)),
          scaleOf({ uid }) {
            const owner = owners.find(({ metadata }) => metadata.uid === uid)
            return owner ? { uid, replicas: owner.spec?.replicas ?? 1 } : { problem: 'not recorded' }
          },
          nowMs,
        })
        expect(words(actions.filter((action) => action.do !== 'note')), budget.metadata.name).toEqual([])
      }
    },
  )

  // What pods ask for is not recorded, only how many there are.
  const withQuotas = situations.flatMap((situation) =>
    objects<ResourceQuota>(situation, 'ResourceQuota')
      .filter(({ spec }) => Object.keys(spec?.hard ?? {}).join() === 'pods' && !spec?.scopes)
      .map((quota) => ({ situation, quota, name: situation.scenario })),
  )
  it.each(withQuotas)('is settled for our quota controller: $name', ({ situation, quota }) => {
    const pods = podsOf(situation).map((pod) => [resources.pods, pod as unknown as ApiObject] as const)
    expect(words(reconcileQuota({ quota, objects: pods, nowMs }).actions)).toEqual([])
  })
})

/** "10.0.0.1 node-1 {ready…}", sorted. */
function lines(endpoints: readonly Endpoint[]): string[] {
  return endpoints
    .map(({ addresses, nodeName, conditions }) => `${addresses[0]} ${nodeName} ${JSON.stringify(conditions)}`)
    .sort()
}
