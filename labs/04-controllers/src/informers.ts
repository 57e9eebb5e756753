/**
 * All informers of one process: one per kind, started when the first controller asks for it, with the indexes that any
 * controller needs.
 */
import type {
  Deployment,
  EndpointSlice,
  Endpoints,
  Lease,
  Namespace,
  Node,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  ReplicationController,
  ResourceQuota,
  Service,
  StatefulSet,
} from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { AnyObject, ResourceName } from '#kit/contracts/controllers.ts'
import type { Log } from '#kit/contracts/log.ts'
import { type Informer, startInformer } from './informer.ts'
import type { IndexPaths } from './informer-store.ts'

/** Paths of the fields by which some controller looks objects up. */
const INDEXES = {
  byNamespace: 'metadata.namespace',
  byOwner: 'metadata.ownerReferences.uid',
  byNode: 'spec.nodeName',
} as const satisfies IndexPaths

/** Which type the objects of a resource have; those not listed are only looked at for their metadata. */
interface KindOf {
  pods: Pod
  nodes: Node
  namespaces: Namespace
  services: Service
  endpoints: Endpoints
  endpointSlices: EndpointSlice
  leases: Lease
  deployments: Deployment
  replicaSets: ReplicaSet
  replicationControllers: ReplicationController
  statefulSets: StatefulSet
  podDisruptionBudgets: PodDisruptionBudget
  resourceQuotas: ResourceQuota
}
export type Kind<Name extends ResourceName> = Name extends keyof KindOf ? KindOf[Name] : AnyObject

export interface Informers {
  of<Name extends ResourceName>(name: Name): Informer<Kind<Name>>
  stop(): void
}

export function createInformers(options: { client: ApiClient; clock: Clock; log: Log }): Informers {
  const started = new Map<ResourceName, Informer<never>>()
  return {
    of<Name extends ResourceName>(name: Name) {
      let informer = started.get(name) as Informer<Kind<Name>> | undefined
      if (!informer) {
        informer = startInformer<Kind<Name>>({ ...options, resource: resources[name], indexes: INDEXES })
        started.set(name, informer as unknown as Informer<never>)
      }
      return informer
    },
    stop() {
      for (const informer of started.values()) informer.stop()
    },
  }
}
