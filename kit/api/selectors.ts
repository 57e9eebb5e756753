/**
 * Which labels match a selector: the question that joins Services to pods, ReplicaSets to pods, pods to nodes.
 *
 * Two forms exist on the wire. An equality map (`Service.spec.selector`) and a LabelSelector object with requirements
 * (`ReplicaSet.spec.selector`). In both, all parts must hold. Text selectors of queries (`?labelSelector=a=b,c in (d)`)
 * are the API server's business.
 *
 * Source: apimachinery `pkg/labels/selector.go` (Requirement.Matches), `meta/v1/helpers.go` (LabelSelectorAsSelector).
 */
import type { LabelSelector } from 'kubernetes-types/meta/v1.js'

export type Labels = Readonly<Record<string, string>>

/**
 * True when every key of `wanted` has exactly that value. An empty map matches everything; where upstream reads an empty
 * map as "nothing" (a Service without selector), the caller asks first.
 */
export function matchesLabels(wanted: Labels, labels: Labels | undefined): boolean {
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value)
}

/**
 * True when all of `matchLabels` and `matchExpressions` hold. No selector (undefined) matches nothing, an empty one
 * matches everything.
 */
export function matchesLabelSelector(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false
  return (
    matchesLabels(selector.matchLabels ?? {}, labels) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) =>
      matchesRequirement(operator, values, labels?.[key]),
    )
  )
}

/** True for a selector without any requirement, which matches everything. */
export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
}

/** One requirement about one label's value; `undefined` is a label that is not there. */
function matchesRequirement(operator: string, values: readonly string[], value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}
