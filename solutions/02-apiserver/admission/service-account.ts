/**
 * ServiceAccount: every pod runs as somebody; "default" when it does not say.
 *
 * (Upstream also mounts a token for it. Here pods get none yet.)
 *
 * Source: kubernetes `plugin/pkg/admission/serviceaccount/admission.go`.
 */
import type { ApiObject, Pod } from '#kit/api/objects.ts'

/**
 * Sets `spec.serviceAccountName` and `spec.serviceAccount` of a pod draft to the account that it names in either, or to
 * "default", and returns it. Changes the draft.
 *
 * @lab 2.12 Give every pod an identity
 */
export function assignServiceAccount(draft: ApiObject): string {
  const { spec } = draft as Pod
  const account = spec?.serviceAccountName || spec?.serviceAccount || 'default'
  if (spec) {
    spec.serviceAccountName = account
    spec.serviceAccount = account
  }
  return account
}
