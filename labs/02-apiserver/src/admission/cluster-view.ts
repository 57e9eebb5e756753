/** What admission plugins may look up: read from the watch caches, and from etcd only what those do not know (yet). */
import type { ApiObject, LimitRange, PriorityClass, ServiceAccount, Stored } from '#kit/api/objects.ts'
import { type Resource, resources } from '#kit/api/resources.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { PolicyView } from '../auth/policy-view.ts'
import type { OptionalSteps } from '../optional-steps.ts'
import { storageKey } from '../storage/keys.ts'
import type { KindCaches } from '../storage/kind-caches.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { randomSuffix } from '../verbs/random-suffix.ts'
import type { ClusterView } from './chain.ts'
import { defaultClass } from './priority.ts'
import { createQuotaKeeper } from './resource-quota.ts'

export interface ClusterViewOptions {
  readonly objects: ObjectStore
  readonly caches: KindCaches
  readonly policy: PolicyView
  readonly clock: Clock
  readonly random: () => number
  readonly optional: OptionalSteps
  readonly disabledPlugins: readonly string[]
}

/** What a kind is stored under: its plural, for most. */
type StoredUnder = Pick<Resource, 'plural'>

export function createClusterView(options: ClusterViewOptions): ClusterView {
  const { objects, caches, policy, clock, random, disabledPlugins } = options
  const cacheOf = ({ plural }: StoredUnder) => caches.of({ storagePrefix: plural }).cache
  /** The cache's word is good enough for what it knows; what it does not know may be new. */
  async function find<T = Stored<ApiObject>>(resource: StoredUnder, namespace: string | undefined, name: string) {
    const key = storageKey({ storagePrefix: resource.plural }, namespace, name)
    return (cacheOf(resource).get(key) ?? (await objects.get(key))) as T | undefined
  }
  const all = <T>(resource: StoredUnder) => [...cacheOf(resource).entries().values()] as Stored<T>[]
  return {
    namespace: (name) => find(resources.namespaces, undefined, name),
    limitRanges: (namespace) =>
      all<LimitRange>(resources.limitRanges).filter(({ metadata }) => metadata.namespace === namespace),
    serviceAccount: (namespace, name) => find<ServiceAccount>(resources.serviceAccounts, namespace, name),
    pod: (namespace, name) => find(resources.pods, namespace, name),
    node: (name) => find({ plural: 'minions' }, undefined, name),
    priorityClass: (name) => find<PriorityClass>(resources.priorityClasses, undefined, name),
    defaultPriorityClass: () => defaultClass(all<PriorityClass>(resources.priorityClasses)),
    policy,
    quotas: createQuotaKeeper(options),
    disabledPlugins,
    newSuffix: () => randomSuffix(random),
    pause: (ms) => new Promise((resolve) => clock.setTimer(ms, resolve)),
  }
}
