/**
 * ServiceAccount: every pod runs as somebody; "default" when it does not say.
 *
 * (Upstream also mounts a token for it. Here pods get none yet.)
 *
 * Source: kubernetes `plugin/pkg/admission/serviceaccount/admission.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { PodSpec } from '#kit/api/objects.ts'

/**
 * A pod's spec with its account: `serviceAccountName` and `serviceAccount` are both what either of them says (the first
 * wins), or else "default".
 *
 * @lab 2.12 Give every pod an identity
 */
export function withServiceAccount(spec: PodSpec): PodSpec & { serviceAccountName: string } {
  throw new NotImplemented(
    '2.12',
    'withServiceAccount',
    'Give every pod an identity',
    'labs/02-apiserver/src/admission/service-account.ts',
  )
}
