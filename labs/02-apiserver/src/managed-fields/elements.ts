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
