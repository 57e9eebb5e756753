/**
 * Putting a configuration into an object, and taking fields out of one.
 *
 * Source: structured-merge-diff `typed/{merge,remove}.go`.
 */
import type { FieldType } from '#kit/contracts/field-types.ts'
import { isMap, type JsonMap } from '../patch/merge-patch.ts'
import { fieldElement, hasParts, itemElement } from './elements.ts'
import { type FieldSet, isMember } from './field-set.ts'

/**
 * The live value with an applied one put into it. Nothing goes away by that; what is sent wins.
 *
 * - Where neither side has parts (`hasParts`), the applied value is taken. It need not be there, then the live one stays.
 * - Structs and maps are merged field by field: first the live value's, then what is new. Fields that the type does not know
 *   (a name, a resourceVersion) are as leaves.
 * - Lists with parts, by `mergeItems`.
 *
 * Neither argument is changed.
 *
 * @lab 2.15 Put a configuration into an object
 */
export function mergeApplied(type: FieldType | undefined, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live
  if (live === undefined || !type || (!hasParts(type, live) && !hasParts(type, applied))) return applied
  if (type.shape === 'list' || type.shape === 'set') return mergeItems(type, asList(live), asList(applied))
  if (type.shape === 'leaf') return applied
  const merged: Record<string, unknown> = { ...(live as JsonMap) }
  for (const [name, value] of Object.entries(applied as JsonMap)) {
    merged[name] = mergeApplied(type.field(name), Object.hasOwn(merged, name) ? merged[name] : undefined, value)
  }
  return merged
}

type ListType = Extract<FieldType, { shape: 'list' | 'set' }>

/**
 * The items of both lists, those of the same element (`itemElement`) merged. The applied items come in their own order. A
 * live item that is not among them stays where it is: before the first live item behind it that has not been put yet.
 *
 * So go through the live items. One that was not sent is put. One that was sent, and is the next in the applied order of
 * those that both lists have, is put together with all applied items up to it; any other is passed over, since its turn
 * comes. In the end come the applied items that are left.
 *
 * @lab 2.15 Put items into a list
 */
export function mergeItems(type: ListType, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const elementOf = (item: unknown) => itemElement(type, item)
  const liveItems = new Map(live.map((item) => [elementOf(item), item]))
  const waiting = applied.map((item) => ({ element: elementOf(item), item }))
  const sent = new Set(waiting.map(({ element }) => element))
  const merged: unknown[] = []
  const putNext = () => {
    const { element, item } = waiting.shift()!
    const before = liveItems.get(element)
    merged.push(type.shape === 'list' ? mergeApplied(type.items, before, item) : item)
    return element
  }
  for (const item of live) {
    const element = elementOf(item)
    if (!sent.has(element)) merged.push(item)
    else if (waiting.find((next) => liveItems.has(next.element))?.element === element) {
      while (putNext() !== element);
    }
  }
  while (waiting.length > 0) putNext()
  return merged
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value without the fields of a set. A field in the set goes with all that is in it. Undefined when nothing is left. */
export function withoutFields(type: FieldType, value: unknown, unwanted: FieldSet): unknown {
  if (!hasParts(type, value)) return undefined
  if (type.shape === 'list' || type.shape === 'set') {
    const items = asList(value).flatMap((item) => {
      const node = unwanted[itemElement(type, item)]
      if (!node) return [item]
      return isMember(node) || type.shape === 'set' ? [] : [withoutFields(type.items, item, node) ?? {}]
    })
    return items.length > 0 ? items : undefined
  }
  if (type.shape === 'leaf' || !isMap(value)) return undefined
  const rest = Object.entries(value).flatMap(([name, field]) => {
    const node = unwanted[fieldElement(name)]
    if (!node) return [[name, field] as const]
    const fieldType = type.field(name)
    if (isMember(node) || !fieldType) return []
    const kept = withoutFields(fieldType, field, node)
    return kept === undefined ? [] : [[name, kept] as const]
  })
  return rest.length > 0 ? Object.fromEntries(rest) : undefined
}
