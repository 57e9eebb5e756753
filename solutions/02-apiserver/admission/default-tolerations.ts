/**
 * DefaultTolerationSeconds: when a node falls silent its pods do not move at once, they wait five minutes, since most
 * silences are short.
 *
 * Source: kubernetes `plugin/pkg/admission/defaulttolerationseconds/admission.go`.
 */
import type { Toleration } from '#kit/api/objects.ts'

const PATIENCE_SECONDS = 300
const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const

/**
 * A pod's tolerations, and behind them one (operator Exists, effect NoExecute, 300 seconds) for each of `TAINTS`, in their
 * order, unless the pod already tolerates that taint's NoExecute effect: by its key or by no key (which tolerates
 * all), with effect NoExecute or no effect (which is all). An empty text is none; operator and value are not asked.
 *
 * @lab 2.12 Let pods wait for a silent node
 */
export function withDefaultTolerations(tolerations: readonly Toleration[]): Toleration[] {
  const isTolerated = (taint: string) =>
    tolerations.some(({ key, effect }) => (!key || key === taint) && (!effect || effect === 'NoExecute'))
  const added = TAINTS.filter((taint) => !isTolerated(taint)).map(
    (key): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: PATIENCE_SECONDS }),
  )
  return [...tolerations, ...added]
}
