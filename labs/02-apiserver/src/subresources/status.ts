/**
 * Status is a door of its own: users write the spec, controllers write the status, and neither can overwrite the other's
 * part by accident.
 *
 * Source: kubernetes `pkg/registry/…/strategy.go` (the StatusStrategy of each kind).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject, Stored } from '#kit/api/objects.ts'

/**
 * What an update through `/status` may make of an object: its status and its metadata are the draft's, everything else
 * (spec, data, whatever the kind has) is the old object's.
 *
 * @lab 2.10 Update only the status
 */
export function onlyStatus(draft: ApiObject, old: Stored<ApiObject>): ApiObject {
  throw new NotImplemented(
    '2.10',
    'onlyStatus',
    'Update only the status',
    'labs/02-apiserver/src/subresources/status.ts',
  )
}

/**
 * `/finalize` of a namespace: of the spec, only the finalizers change. The namespace controller empties the list when it has emptied
 * the namespace. Source: kubernetes `pkg/registry/core/namespace/strategy.go` (namespaceFinalizeStrategy).
 */
export function onlyFinalizers(draft: ApiObject, old: Stored<ApiObject>): ApiObject {
  const { finalizers } = (draft.spec ?? {}) as { finalizers?: readonly string[] }
  const metadata = draft.metadata ?? old.metadata
  return { ...old, metadata, spec: { ...(old.spec as object), finalizers: finalizers ?? [] } }
}

/**
 * `/approval` of a certificate request: only the conditions, among them Approved or Denied, change; the certificate is the
 * signer's to add. Source: kubernetes `pkg/registry/certificates/certificates/strategy.go` (csrApprovalStrategy).
 */
export function onlyConditions(draft: ApiObject, old: Stored<ApiObject>): ApiObject {
  const { conditions } = (draft.status ?? {}) as { conditions?: readonly object[] }
  const metadata = draft.metadata ?? old.metadata
  return { ...old, metadata, status: { ...(old.status as object), ...(conditions && { conditions }) } }
}
