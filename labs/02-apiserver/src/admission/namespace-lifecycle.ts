/**
 * NamespaceLifecycle: nothing is created in a namespace that does not exist or is on its way out, and the namespaces that
 * the cluster itself lives in are not deleted.
 *
 * Without it, controllers would refill a namespace as fast as the namespace controller empties it.
 *
 * Source: apiserver `pkg/admission/plugin/namespace/lifecycle/admission.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject } from '#kit/api/objects.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
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
  throw new NotImplemented(
    '2.12',
    'checkNamespace',
    'Guard namespaces',
    'labs/02-apiserver/src/admission/namespace-lifecycle.ts',
  )
}
