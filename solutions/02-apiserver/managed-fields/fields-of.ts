/**
 * The fields that a value gives: what an applied configuration claims for its manager.
 *
 * Source: structured-merge-diff `typed/tofieldset.go`.
 */
import type { FieldType } from '#kit/contracts/field-types.ts'
import { childrenOf, hasParts } from './elements.ts'
import { EMPTY, type FieldSet, nodeOf } from './field-set.ts'

/**
 * The set of all fields of a value of a type.
 *
 * - A child (`childrenOf` in `elements.ts`) that is a leaf is a member.
 * - So is one with no parts (`hasParts`), such as `emptyDir: {}`; but an empty list, though it could have items, claims nothing.
 * - For a child with parts it is its parts that are members. If it is an item of a list or an entry of a map it is one, too:
 *   whoever sends an item wants it to be there. A struct is not: whoever sets `spec.replicas` claims nothing else of the spec.
 *
 * `nodeOf` makes nodes.
 *
 * @lab 2.15 List the fields of a configuration
 */
export function fieldsOf(type: FieldType, value: unknown): FieldSet {
  const fields: Record<string, FieldSet> = {}
  for (const [element, child] of childrenOf(type, value)) {
    const isEmptyList = child.type.shape !== 'leaf' && Array.isArray(child.value) && child.value.length === 0
    const node = hasParts(child.type, child.value)
      ? nodeOf(type.shape !== 'struct', fieldsOf(child.type, child.value))
      : isEmptyList
        ? undefined
        : EMPTY
    if (node) fields[element] = node
  }
  return fields
}

/**
 * The set with every struct field in it that it leads through: with `.spec.replicas` also `.spec`. Needed to take away a
 * struct once nothing in it is wanted. Entries of maps and items of lists are members only in their own right.
 *
 * Source: structured-merge-diff `fieldpath/set.go` (EnsureNamedFieldsAreMembers).
 */
export function withStructs(type: FieldType, set: FieldSet): FieldSet {
  const full: Record<string, FieldSet> = {}
  for (const element in set) {
    if (element === '.') continue
    const below = set[element]!
    const isStructField = type.shape === 'struct'
    const isMember = isStructField || '.' in below || Object.keys(below).length === 0
    const inside = typeBelow(type, element)
    full[element] = nodeOf(isMember, inside ? withStructs(inside, below) : below) ?? EMPTY
  }
  return full
}

function typeBelow(type: FieldType, element: string): FieldType | undefined {
  if (type.shape === 'list') return type.items
  return type.shape === 'struct' || type.shape === 'map' ? type.field(element.slice('f:'.length)) : undefined
}
