/**
 * Which nodes a pod asks for by their labels: `spec.nodeSelector`, the plain form, and `spec.affinity.nodeAffinity`, the
 * expressive one. If both are given, both must hold.
 *
 * Read aloud: a node selector is an OR of terms, a term is an AND of requirements. So an empty OR matches nothing; and a term
 * without requirements, which logic would let match everything, matches nothing either, because upstream says so.
 *
 * Source: `k8s.io/component-helpers/scheduling/corev1/nodeaffinity`, apimachinery `pkg/labels/selector.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '#kit/api/objects.ts'

/**
 * One requirement about one value; `undefined` is a label that the node does not have.
 *
 * `In`, `Exists`, `Gt`, `Lt` need the label; `NotIn` and `DoesNotExist` hold without it. `Gt` and `Lt` compare whole numbers, and
 * hold never when the node's value or the requirement's is not one.
 *
 * @lab 3.5 Judge one requirement
 */
export function requirementHolds(
  { operator, values = [] }: NodeSelectorRequirement,
  value: string | undefined,
): boolean {
  throw new NotImplemented('3.5', 'requirementHolds', 'Judge one requirement', 'labs/03-scheduler/src/node-selector.ts')
}

/**
 * All `matchExpressions` (about the node's labels) and all `matchFields` (the only field is `metadata.name`) must hold. A term
 * without any matches no node.
 *
 * @lab 3.5 Judge one term
 */
export function termMatches({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  throw new NotImplemented('3.5', 'termMatches', 'Judge one term', 'labs/03-scheduler/src/node-selector.ts')
}

/**
 * Everything that the pod requires of the node's labels: all pairs of `nodeSelector`, and at least one term of
 * `requiredDuringSchedulingIgnoredDuringExecution`, if that is given.
 *
 * @lab 3.5 Put selector and affinity together
 */
export function matchesNodeRequirements(pod: Pod, node: Node): boolean {
  throw new NotImplemented(
    '3.5',
    'matchesNodeRequirements',
    'Put selector and affinity together',
    'labs/03-scheduler/src/node-selector.ts',
  )
}

/** NaN, with which no comparison holds, for everything that is not a whole number. */
function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
}

function fieldOf(node: Node, field: string): string | undefined {
  return field === 'metadata.name' ? node.metadata?.name : undefined
}
