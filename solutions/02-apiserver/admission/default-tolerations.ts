/**
 * DefaultTolerationSeconds: when a node falls silent its pods do not move at once, they wait five minutes, since most
 * silences are short.
 *
 * Source: kubernetes `plugin/pkg/admission/defaulttolerationseconds/admission.go`.
 */
import type { ApiObject, Pod, Toleration } from '#kit/api/objects.ts'

const PATIENCE_SECONDS = 300
const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const

/**
 * Appends to a pod draft a toleration (operator Exists, effect NoExecute, 300 seconds) for each of the two `TAINTS`, in
 * their order, unless the pod already tolerates that taint's NoExecute effect: by its key or by no key (which tolerates
 * all), with effect NoExecute or no effect (which is all). Changes the draft.
 *
 * @lab 2.12 Let pods wait for a silent node
 */
export function assignDefaultTolerations(draft: ApiObject): void {
  const { spec } = draft as Pod
  if (!spec) return
  const tolerations = spec.tolerations ?? []
  const isTolerated = (taint: string) =>
    tolerations.some(({ key, effect }) => (!key || key === taint) && (!effect || effect === 'NoExecute'))
  const added = TAINTS.filter((taint) => !isTolerated(taint)).map(
    (key): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: PATIENCE_SECONDS }),
  )
  if (added.length > 0) spec.tolerations = [...tolerations, ...added]
}
