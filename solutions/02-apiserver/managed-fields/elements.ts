/**
 * From values to the elements of paths: which item of a list is "the same" item after a change?
 *
 * Source: structured-merge-diff `typed/helpers.go` (listItemToPathElement), `fieldpath/serialize-pe.go`.
 */
import type { FieldType } from '#kit/contracts/field-types.ts'
import { isMap, type JsonMap } from '../patch/merge-patch.ts'

type ListType = Extract<FieldType, { shape: 'list' | 'set' }>

/** `f:replicas` */
export function fieldElement(name: string): string {
  return `f:${name}`
}

/** `k:{"containerPort":80,"protocol":"TCP"}` for an item of a list with keys, `v:"x"` for a value of a set. */
export function itemElement(type: ListType, item: unknown): string {
  if (type.shape === 'set') return `v:${JSON.stringify(item)}`
  const fields = isMap(item) ? item : {}
  const keys = type.keys.flatMap(({ name, fallback }) => {
    const value = fields[name] ?? fallback
    return value === undefined ? [] : [`${JSON.stringify(name)}:${JSON.stringify(value)}`]
  })
  return `k:{${keys.join(',')}}`
}

/**
 * The children of a value, by element: the fields of a struct or map, the items of a list. Fields that the type does not
 * know are left out. Of items that cannot be told apart (a variable that is set twice) there is one child, the list of them.
 */
export function childrenOf(type: FieldType, value: unknown): ReadonlyMap<string, Child> {
  const children = new Map<string, Child>()
  if (type.shape === 'struct' || type.shape === 'map') {
    for (const [name, field] of Object.entries((value ?? {}) as JsonMap)) {
      const fieldType = type.field(name)
      if (fieldType) children.set(fieldElement(name), { type: fieldType, value: field })
    }
  } else if (type.shape === 'list' || type.shape === 'set') {
    for (const item of (value ?? []) as readonly unknown[]) addItem(children, type, item)
  }
  return children
}

export interface Child {
  readonly type: FieldType
  readonly value: unknown
}

/** The same child of two values of a type; undefined on the side where it is not. */
export interface Pair {
  readonly element: string
  /** If the two sides are of different types (a list whose items were all different, and now are not), the newer one. */
  readonly type: FieldType
  readonly before: unknown
  readonly after: unknown
}

/** The children of two values, side by side. Those that are identical are left out, which saves most of the work. */
export function pairsOf(type: FieldType, before: unknown, after: unknown): Pair[] {
  const isStruct = type.shape === 'struct' || type.shape === 'map'
  return isStruct
    ? fieldPairs(type, (before ?? {}) as JsonMap, (after ?? {}) as JsonMap)
    : itemPairs(type, before, after)
}

type StructType = Extract<FieldType, { shape: 'struct' | 'map' }>

function fieldPairs(type: StructType, before: JsonMap, after: JsonMap): Pair[] {
  const pairs: Pair[] = []
  const add = (name: string, old: unknown, now: unknown) => {
    const field = old === now ? undefined : type.field(name)
    if (field) pairs.push({ element: fieldElement(name), type: field, before: old, after: now })
  }
  for (const name in after) add(name, Object.hasOwn(before, name) ? before[name] : undefined, after[name])
  for (const name in before) if (!Object.hasOwn(after, name)) add(name, before[name], undefined)
  return pairs
}

function itemPairs(type: FieldType, before: unknown, after: unknown): Pair[] {
  const [old, now] = [childrenOf(type, before), childrenOf(type, after)]
  return [...new Set([...now.keys(), ...old.keys()])]
    .map((element) => {
      const [was, is] = [old.get(element), now.get(element)]
      return { element, type: (is ?? was)!.type, before: was?.value, after: is?.value }
    })
    .filter((pair) => pair.before !== pair.after)
}

const LEAF: FieldType = { shape: 'leaf' }

function addItem(children: Map<string, Child>, type: ListType, item: unknown): void {
  const element = itemElement(type, item)
  const twin = children.get(element)
  if (!twin) children.set(element, { type: type.shape === 'list' ? type.items : LEAF, value: item })
  else if (type.shape === 'list') {
    const twins = twin.type.shape === 'leaf' && Array.isArray(twin.value) ? twin.value : [twin.value]
    children.set(element, { type: LEAF, value: [...twins, item] })
  }
}

/** Leaves, and containers with nothing in them, cannot be looked into. */
export function hasParts(type: FieldType, value: unknown): boolean {
  if (type.shape === 'leaf' || typeof value !== 'object' || value === null) return false
  for (const _ in value) return true
  return false
}
