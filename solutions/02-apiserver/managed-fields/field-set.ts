/**
 * A set of fields of an object, in the form in which `metadata.managedFields` keeps it (FieldsV1): a tree.
 *
 *     { "f:metadata": { "f:labels": { ".": {}, "f:app": {} } }, "f:spec": { "f:replicas": {} } }
 *
 * has three members: `.metadata.labels`, `.metadata.labels.app` and `.spec.replicas`. A node is a member if nothing is below
 * it, or if it says so with a ".". So `.spec` is not a member here: somebody owns the replicas, and nobody the spec as such.
 *
 * Elements of a path: `f:name` is a field of a struct or an entry of a map, `k:{"name":"web"}` the item of a list with these
 * keys, `v:"x"` a value in a set.
 *
 * Guarantee: no function changes a set that it is given, and one that has nothing to change returns the same set. So a set
 * can be shared between versions of an object, and `===` tells whether anything is different.
 *
 * Source: structured-merge-diff `fieldpath/{set,serialize,element}.go`; KEP-555.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

/** As a node: a member with nothing below it. As a whole set: the empty one. */
export const EMPTY: FieldSet = {}

/** Whether a member of the one set, or of the other, or of both, is to be a member of the result. */
type Keep = (inLeft: boolean, inRight: boolean) => boolean

/** The members of either set. */
export function union(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (inLeft, inRight) => inLeft || inRight)
}

/** The members of the left set that are not in the right one. (Owning `.spec` says nothing about `.spec.replicas`.) */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (inLeft, inRight) => inLeft && !inRight)
}

/** The members of both sets. */
export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return combine(left, right, (inLeft, inRight) => inLeft && inRight)
}

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false
  return true
}

/** Whether a node of the tree is itself a member. */
export function isMember(node: FieldSet): boolean {
  return '.' in node || isEmpty(node)
}

/**
 * The set of all members that `keep` wants: it is asked about the members of either set.
 *
 * Only where both trees have an element is there anything to look into. What only one of them has is kept or left out with
 * all that is below it, since `keep` would say the same about each member there. An element under which no member is left
 * is left out. When the result has the very nodes of `left` it is `left`, and so is each node in it.
 *
 * The "." is no element, but part of what a node is: `isMember` reads it, and `nodeOf` makes a node from what it needs to be.
 *
 * @lab 2.14 Combine two sets of fields
 */
export function combine(left: FieldSet, right: FieldSet, keep: Keep): FieldSet {
  const combined: Record<string, FieldSet> = {}
  let isLeft = true
  for (const element in left) {
    if (element === '.') continue
    const [mine, other] = [left[element]!, right[element]]
    const node = other ? combineNodes(mine, other, keep) : keep(true, false) ? mine : undefined
    if (node) combined[element] = node
    if (node !== mine) isLeft = false
  }
  for (const element in right) {
    if (element === '.' || element in left || !keep(false, true)) continue
    combined[element] = right[element]!
    isLeft = false
  }
  return isLeft ? left : combined
}

/**
 * Undefined when no member is left, here or below.
 *
 * @solution-only
 */
function combineNodes(left: FieldSet, right: FieldSet, keep: Keep): FieldSet | undefined {
  const wasMember = isMember(left)
  const isKept = keep(wasMember, isMember(right))
  const below = combine(left, right, keep)
  return below === left && isKept === wasMember ? left : nodeOf(isKept, below)
}

/** A node that is a member or not, with these nodes below it; undefined when it is not and there are none. */
export function nodeOf(member: boolean, below: FieldSet): FieldSet | undefined {
  if (isEmpty(below)) return member ? EMPTY : undefined
  if (!('.' in below)) return member ? { '.': EMPTY, ...below } : below
  const { '.': _, ...elements } = below
  return nodeOf(member, elements)
}

const MAX_DEPTH = 100

/** Whether a value from outside is a set, in a form that can be trusted from then on. */
export function isFieldSet(value: unknown, depth = 0): value is FieldSet {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > MAX_DEPTH) return false
  return Object.entries(value).every(
    ([element, below]) => (element === '.' || isElement(element)) && isFieldSet(below, depth + 1),
  )
}

function isElement(element: string): boolean {
  const content = element.slice(2)
  if (/^[kv]:/.test(element)) return isJson(content) && (element.startsWith('v') || content.startsWith('{'))
  return element.startsWith('f:') || /^i:\d+$/.test(element)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
