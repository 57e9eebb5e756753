/**
 * Admission: after we know who may, and before anything is stored, a chain of plugins looks at each write. Some fill in what
 * policy wants, some refuse. Each is one file.
 *
 * Source: apiserver `pkg/admission`; names and order are upstream's (`pkg/kubeapiserver/options/plugins.go`).
 */
import type {
  ApiObject,
  LimitRange,
  Node,
  Pod,
  PodSpec,
  PriorityClass,
  ServiceAccount,
  Stored,
} from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { KindRow, UserInfo } from '#kit/contracts/apiserver.ts'
import type { PolicyView } from '../auth/policy-view.ts'
import { forbidden } from '../errors.ts'
import { withDefaultTolerations } from './default-tolerations.ts'
import { checkEscalation } from './escalation.ts'
import { checkLimits } from './limit-ranger.ts'
import { checkNamespace } from './namespace-lifecycle.ts'
import { restrictNode } from './node-restriction.ts'
import { withNotReadyTaint } from './node-taints.ts'
import { admitPodIdentity } from './pod-identity.ts'
import { SYSTEM_CLASSES, withPriority } from './priority.ts'
import type { QuotaKeeper } from './resource-quota.ts'

const RBAC_GROUP = resources.roles.group

/** One write, as admission sees it. */
export interface AdmissionReview {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly row: KindRow
  /** "" for the main resource. */
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** Who writes; absent: the server itself. */
  readonly user?: UserInfo | undefined
  /** Of an update: what is there now. */
  readonly old?: Stored<ApiObject>
  /** What is to be stored; plugins may change it. Absent for a deletion. */
  readonly draft?: ApiObject
}

/** What plugins may look up. */
export interface ClusterView {
  /** The namespace as the store has it. */
  namespace(name: string): Promise<Stored<ApiObject> | undefined>
  limitRanges(namespace: string): readonly LimitRange[]
  serviceAccount(namespace: string, name: string): Promise<ServiceAccount | undefined>
  pod(namespace: string, name: string): Promise<Stored<ApiObject> | undefined>
  node(name: string): Promise<Stored<ApiObject> | undefined>
  priorityClass(name: string): Promise<PriorityClass | undefined>
  /** For pods that name none. */
  defaultPriorityClass(): PriorityClass | undefined
  readonly policy: Pick<PolicyView, 'now'>
  readonly quotas: QuotaKeeper
  /** Names of plugins that are left out (`--disable-admission-plugins`). */
  readonly disabledPlugins: readonly string[]
  /** Five random characters. */
  newSuffix(): string
  pause(ms: number): Promise<void>
}

/** Looks at every write; fills in, or throws a StatusError. */
interface AdmissionPlugin {
  readonly name: string
  admit(review: AdmissionReview, cluster: ClusterView): void | Promise<void>
}

const plugins: readonly AdmissionPlugin[] = [
  {
    name: 'NamespaceLifecycle',
    async admit(review, cluster) {
      const isAsked = review.row.resource.namespaced && review.operation === 'CREATE'
      checkNamespace(
        { ...review, name: nameAsSent(review) },
        isAsked ? await cluster.namespace(review.namespace) : undefined,
      )
    },
  },
  {
    name: 'LimitRanger',
    admit(review, cluster) {
      if (review.namespace && review.draft) checkLimits(review, cluster.limitRanges(review.namespace))
    },
  },
  {
    name: 'ServiceAccount',
    async admit(review, cluster) {
      const pod = newObject<Pod>('Pod', review)
      if (pod) await admitPodIdentity(review, pod, cluster)
    },
  },
  { name: 'NodeRestriction', admit: restrictNode },
  {
    name: 'TaintNodesByCondition',
    admit(review) {
      const node = newObject<Node>('Node', review)
      if (node) node.spec = { ...node.spec, taints: withNotReadyTaint(node.spec?.taints ?? []) }
    },
  },
  {
    name: 'Priority',
    async admit(review, cluster) {
      const pod = newObject<Pod>('Pod', review)
      if (pod?.spec) pod.spec = withPriority(pod.spec, await priorityClassOf(review, pod.spec, cluster))
    },
  },
  {
    name: 'DefaultTolerationSeconds',
    admit(review) {
      const { spec } = newObject<Pod>('Pod', review) ?? {}
      if (spec) spec.tolerations = withDefaultTolerations(spec.tolerations ?? [])
    },
  },
]

/** Throws a StatusError when the write is not admitted. */
export async function admit(review: AdmissionReview, cluster: ClusterView): Promise<void> {
  // Not a plugin, upstream neither: it is part of storing roles, and cannot be switched off.
  if (review.user && review.row.resource.group === RBAC_GROUP && review.draft) {
    checkEscalation(review, review.user, review.draft, await cluster.policy.now())
  }
  for (const plugin of plugins) {
    if (!cluster.disabledPlugins.includes(plugin.name)) await plugin.admit(review, cluster)
  }
}

/**
 * ResourceQuota, the last of all: asked when the object has been found valid, so that nothing is charged for what is not
 * going to be.
 */
export async function charge(review: AdmissionReview, cluster: ClusterView, dryRun: boolean): Promise<void> {
  if (!cluster.disabledPlugins.includes('ResourceQuota')) await cluster.quotas.charge(review, dryRun)
}

/** Before a name is made up, refusals speak of what it is made from. */
function nameAsSent({ name, draft }: AdmissionReview): string {
  const { generateName = '' } = draft?.metadata ?? {}
  const isGenerated = generateName !== '' && name.startsWith(generateName) && name !== generateName
  return isGenerated ? generateName : name
}

/** The draft, if it is a new object of this kind of the core group. */
function newObject<T>(kind: string, { operation, subresource, row, draft }: AdmissionReview): T | undefined {
  const isOne = row.resource.kind === kind && row.resource.group === ''
  return operation === 'CREATE' && subresource === '' && isOne ? (draft as T | undefined) : undefined
}

async function priorityClassOf({ row, name }: AdmissionReview, spec: PodSpec, cluster: ClusterView) {
  const wanted = spec.priorityClassName
  if (!wanted) return cluster.defaultPriorityClass()
  const found =
    SYSTEM_CLASSES.find(({ metadata }) => metadata?.name === wanted) ?? (await cluster.priorityClass(wanted))
  if (!found) throw forbidden(row.resource, name, `no PriorityClass with name ${wanted} was found`)
  return found
}
