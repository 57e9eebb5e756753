/**
 * ServiceAccount: every pod runs as somebody; "default" when it does not say.
 *
 * (Upstream also mounts a token for it. Here pods get none yet.)
 *
 * Source: kubernetes `plugin/pkg/admission/serviceaccount/admission.go`.
 */
import type { PodSpec } from '#kit/api/objects.ts'

/**
 * A pod's spec with its account: `serviceAccountName` and `serviceAccount` are both what either of them says (the first
 * wins), or else "default".
 *
 * @lab 2.12 Give every pod an identity
 */
export function withServiceAccount(spec: PodSpec): PodSpec & { serviceAccountName: string } {
  const account = spec.serviceAccountName || spec.serviceAccount || 'default'
  return { ...spec, serviceAccountName: account, serviceAccount: account }
}
