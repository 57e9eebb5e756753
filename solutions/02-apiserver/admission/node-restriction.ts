/**
 * NodeRestriction: what a kubelet may write into the objects that it may write at all (auth/node-authorizer.ts).
 *
 * A stolen kubelet must not lure pods, and with them their secrets: so it sets no labels by which pods choose trusted nodes, takes
 * no taints away, creates no pods but those that show what it runs anyway, and has no tokens but those of its pods.
 *
 * Source: kubernetes `plugin/pkg/admission/noderestriction/admission.go`, `staging/src/k8s.io/kubelet/pkg/apis`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Node, OwnerReference, Pod, Stored } from '#kit/api/objects.ts'
import { nodeNameOf, referencedNames } from '../auth/node-authorizer.ts'
import { forbidden, notFound } from '../errors.ts'
import type { AdmissionReview, ClusterView } from './chain.ts'
import { MIRROR_ANNOTATION } from './pod-identity.ts'

/** Why not, or undefined. */
type Check = (
  node: string,
  review: AdmissionReview,
  cluster: ClusterView,
) => Promise<string | undefined> | string | undefined

/** By operation, resource and subresource. */
const checks: Readonly<Record<string, Check>> = {
  'CREATE pods': checkMirrorPod,
  'UPDATE pods/status': (node, { draft, old }) =>
    isDeepStrictEqual(draft?.metadata?.labels ?? {}, old?.metadata.labels ?? {})
      ? undefined
      : `node "${node}" cannot update labels through pod status`,
  'CREATE nodes': checkNewNode,
  'UPDATE nodes': checkNode,
  'UPDATE nodes/status': checkNode,
  'CREATE serviceaccounts/token': checkToken,
  'CREATE leases': (node, { draft }) =>
    draft?.metadata?.name === node ? undefined : 'can only access node lease with the same name as the requesting node',
  'CREATE csinodes': (node, { draft }) =>
    draft?.metadata?.name === node ? undefined : 'can only access CSINode with the same name as the requesting node',
}

/** Throws Forbidden when a kubelet writes what only others may. */
export async function restrictNode(review: AdmissionReview, cluster: ClusterView): Promise<void> {
  const node = review.user && nodeNameOf(review.user)
  if (node === undefined) return
  const { operation, row, subresource, name } = review
  const check = checks[`${operation} ${row.resource.plural}${subresource && `/${subresource}`}`]
  const why = await check?.(node, review, cluster)
  if (why !== undefined) throw forbidden(row.resource, name, why)
}

/** A pod that a kubelet runs by itself is shown to others by a pod of the API, and that is all that it is. */
async function checkMirrorPod(
  node: string,
  { draft }: AdmissionReview,
  cluster: ClusterView,
): Promise<string | undefined> {
  const pod = draft as Pod
  if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] === undefined) {
    return `pod does not have "${MIRROR_ANNOTATION}" annotation, node "${node}" can only create mirror pods`
  }
  if (pod.spec?.nodeName !== node) return `node "${node}" can only create pods with spec.nodeName set to itself`
  const owned = checkOwner(node, pod.metadata.ownerReferences ?? [], await cluster.node(node))
  if (owned !== undefined) return owned
  if (pod.spec.serviceAccountName) return `node "${node}" can not create pods that reference a service account`
  const referred = (['secrets', 'configmaps', 'persistentvolumeclaims'] as const).find(
    (kind) => referencedNames(pod, kind).length > 0,
  )
  return referred && `node "${node}" can not create pods that reference ${referred}`
}

function checkOwner(
  node: string,
  owners: readonly OwnerReference[],
  found: Stored<ApiObject> | undefined,
): string | undefined {
  const itself = `node "${node}" can only create pods with`
  const [owner] = owners
  if (owners.length > 1) return `${itself} a single owner reference set to itself`
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    return `${itself} an owner reference set to itself`
  }
  if (!owner.controller) return `${itself} a controller owner reference set to itself`
  if (owner.blockOwnerDeletion) return `node "${node}" must not set blockOwnerDeletion on an owner reference`
  if (!found) throw notFound({ group: '', plural: 'nodes' }, node)
  const { uid } = found.metadata
  return owner.uid === uid ? undefined : `node ${node} UID mismatch: expected ${owner.uid} got ${uid}`
}

function checkNewNode(node: string, { draft }: AdmissionReview): string | undefined {
  const name = draft?.metadata?.name
  if (name !== node) return `node "${node}" is not allowed to modify node "${name}"`
  const labels = forbiddenLabels(draft?.metadata?.labels, {})
  return labels && `node "${node}" is not allowed to set the following labels: ${labels}`
}

function checkNode(node: string, { draft, old }: AdmissionReview): string | undefined {
  const [now, before] = [draft as Node, old as Stored<Node> | undefined]
  if (!isDeepStrictEqual(now.spec?.taints ?? [], before?.spec?.taints ?? [])) {
    return `node "${node}" is not allowed to modify taints`
  }
  if (!isDeepStrictEqual(now.metadata?.ownerReferences ?? [], before?.metadata.ownerReferences ?? [])) {
    return `node "${node}" is not allowed to modify ownerReferences`
  }
  const labels = forbiddenLabels(now.metadata?.labels, before?.metadata.labels)
  return labels && `is not allowed to modify labels: ${labels}`
}

type Labels = Readonly<Record<string, string>>

/** Those of the labels that differ which are not a kubelet's to write; undefined when all of them are. */
function forbiddenLabels(now: Labels = {}, before: Labels = {}): string | undefined {
  const changed = Object.keys({ ...now, ...before }).filter((key) => now[key] !== before[key])
  return changed.filter(isForbidden).sort().join(', ') || undefined
}

function isForbidden(key: string): boolean {
  const domain = key.includes('/') ? (key.split('/')[0] ?? '') : ''
  const isBelow = (parent: string) => domain === parent || domain.endsWith(`.${parent}`)
  if (isBelow('node-restriction.kubernetes.io')) return true
  if (!isBelow('kubernetes.io') && !isBelow('k8s.io')) return false
  return !(KUBELET_LABELS.includes(key) || isBelow('kubelet.kubernetes.io') || isBelow('node.kubernetes.io'))
}

/** Of the labels of Kubernetes' own, those that describe the machine. */
const KUBELET_LABELS = [
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.kubernetes.io/zone',
  'failure-domain.kubernetes.io/region',
]

interface TokenRequestSpec {
  readonly audiences?: readonly string[]
  readonly boundObjectRef?: {
    readonly kind?: string
    readonly apiVersion?: string
    readonly name?: string
    readonly uid?: string
  } | null
}

/** Bound to a pod of this node, and for an audience that the pod has asked for. */
async function checkToken(
  nodeName: string,
  { draft, namespace }: AdmissionReview,
  cluster: ClusterView,
): Promise<string | undefined> {
  const { boundObjectRef: bound, audiences = [] } = (draft?.spec ?? {}) as TokenRequestSpec
  if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name)
    return 'node requested token not bound to a pod'
  if (!bound.uid) return 'node requested token with a pod binding without a uid'
  const pod = (await cluster.pod(namespace, bound.name)) as Stored<Pod> | undefined
  if (!pod) throw notFound({ group: '', plural: 'pods' }, bound.name)
  if (pod.metadata.uid !== bound.uid) {
    return `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`
  }
  if (pod.spec?.nodeName !== nodeName) return 'node requested token bound to a pod scheduled on a different node'
  const [other] = audiences.filter((audience) => !audiencesOf(pod).includes(audience))
  return (
    other &&
    `audience "${other}" not found in pod spec volume, ${other} is not authorized to request tokens for this audience`
  )
}

function audiencesOf({ spec }: Pod): string[] {
  const sources = (spec?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? [])
  return sources.flatMap(({ serviceAccountToken }) => serviceAccountToken?.audience ?? [])
}
