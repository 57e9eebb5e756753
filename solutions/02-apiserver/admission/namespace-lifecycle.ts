/**
 * NamespaceLifecycle: nothing is created in a namespace that does not exist or is on its way out, and the namespaces that
 * the cluster itself lives in are not deleted.
 *
 * Without it, controllers would refill a namespace as fast as the namespace controller empties it.
 *
 * Source: apiserver `pkg/admission/plugin/namespace/lifecycle/admission.go`.
 */
import type { ApiObject, Namespace } from '#kit/api/objects.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { forbidden, notFound } from '../errors.ts'
import type { AdmissionReview } from './chain.ts'

const IMMORTAL: readonly string[] = ['default', 'kube-system', 'kube-public']
const NAMESPACES = { group: '', plural: 'namespaces' }

/**
 * Throws when the write may not be:
 * - deleting a namespace of `IMMORTAL`: Forbidden, "this namespace may not be deleted";
 * - creating something in a namespace (`namespace` is what the store has; only asked for when a namespaced kind is created)
 *   that is not there: NotFound about the namespace;
 * - or that is being deleted, as its `deletionTimestamp` or its phase (Terminating) says: Forbidden about what is created,
 *   "unable to create new content in namespace <name> because it is being terminated", with the cause
 *   `{reason: "NamespaceTerminating", message: "namespace <name> is being terminated", field: "metadata.namespace"}` added
 *   to its details.
 *
 * Everything else passes: updates, deletions, and kinds that have no namespace.
 *
 * @lab 2.12 Guard namespaces
 */
export function checkNamespace(
  review: Pick<AdmissionReview, 'operation' | 'namespace' | 'name'> & { readonly row: Pick<KindRow, 'resource'> },
  namespace: ApiObject | undefined,
): void {
  const { operation, row } = review
  if (operation === 'DELETE' && row.resource.kind === 'Namespace' && IMMORTAL.includes(review.name)) {
    throw forbidden(NAMESPACES, review.name, 'this namespace may not be deleted')
  }
  if (operation !== 'CREATE' || !row.resource.namespaced) return
  if (!namespace) throw notFound(NAMESPACES, review.namespace)

  const { metadata, status } = namespace as Namespace
  if (!metadata?.deletionTimestamp && status?.phase !== 'Terminating') return
  const why = `unable to create new content in namespace ${review.namespace} because it is being terminated`
  const refusal = forbidden(row.resource, review.name, why)
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${review.namespace} is being terminated`,
    field: 'metadata.namespace',
  }
  throw new StatusError(refusal.code, refusal.reason, refusal.message, { ...refusal.details, causes: [cause] })
}
