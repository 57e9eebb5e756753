/**
 * Admission: after we know who may, and before anything is stored, a chain of plugins looks at each write. Some fill in what
 * policy wants, some refuse. Each is one file.
 *
 * Source: apiserver `pkg/admission`; the order is upstream's (`pkg/kubeapiserver/options/plugins.go`).
 */
import type { ApiObject, Pod, PodSpec, PriorityClass, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { KindRow, UserInfo } from '#kit/contracts/apiserver.ts'
import type { PolicyView } from '../auth/policy-view.ts'
import { forbidden } from '../errors.ts'
import { withDefaultTolerations } from './default-tolerations.ts'
import { checkEscalation } from './escalation.ts'
import { checkNamespace } from './namespace-lifecycle.ts'
import { SYSTEM_CLASSES, withPriority } from './priority.ts'
import { withServiceAccount } from './service-account.ts'

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
  serviceAccountExists(namespace: string, name: string): Promise<boolean>
  priorityClass(name: string): Promise<PriorityClass | undefined>
  /** For pods that name none. */
  defaultPriorityClass(): PriorityClass | undefined
  readonly policy: Pick<PolicyView, 'now'>
}

/** Throws a StatusError when the write is not admitted. */
export async function admit(review: AdmissionReview, cluster: ClusterView): Promise<void> {
  const isMain = review.subresource === ''
  if (review.row.resource.namespaced && review.operation === 'CREATE') {
    checkNamespace(review, await cluster.namespace(review.namespace))
  } else {
    checkNamespace(review, undefined)
  }
  if (review.user && review.row.resource.group === RBAC_GROUP && review.draft) {
    checkEscalation(review, review.user, review.draft, await cluster.policy.now())
  }
  const isNewPod = isMain && review.operation === 'CREATE' && review.row.resource.kind === 'Pod'
  if (isNewPod && review.draft) await admitPod(review, review.draft as Pod, cluster)
}

async function admitPod(review: AdmissionReview, pod: Pod, cluster: ClusterView): Promise<void> {
  if (!pod.spec) return
  const spec = withServiceAccount(pod.spec)
  const account = spec.serviceAccountName
  if (account !== 'default' && !(await cluster.serviceAccountExists(review.namespace, account))) {
    throw missingServiceAccount(review, account)
  }
  const priorityClass = await priorityClassOf(review, spec, cluster)
  pod.spec = withPriority({ ...spec, tolerations: withDefaultTolerations(spec.tolerations ?? []) }, priorityClass)
}

async function priorityClassOf({ row, name }: AdmissionReview, spec: PodSpec, cluster: ClusterView) {
  const wanted = spec.priorityClassName
  if (!wanted) return cluster.defaultPriorityClass()
  const found =
    SYSTEM_CLASSES.find(({ metadata }) => metadata?.name === wanted) ?? (await cluster.priorityClass(wanted))
  if (!found) throw forbidden(row.resource, name, `no PriorityClass with name ${wanted} was found`)
  return found
}

function missingServiceAccount({ row, namespace, name }: AdmissionReview, account: string): Error {
  const why = `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`
  return forbidden(row.resource, name, why)
}
