/**
 * Strategic merge patch: a merge patch that knows which lists are really sets of named things.
 *
 * `{"spec":{"containers":[{"name":"web","image":"web:2"}]}}` as a merge patch would throw away every other container, and
 * the ports of this one. Strategically, containers have a merge key (`name`), so the item is found and merged. What a
 * merge cannot say is said by directives, which are fields with a `$`:
 *
 *     {"$patch": "delete", "name": "web"}       in a keyed list: take this item away
 *     {"$patch": "replace", …}                  this map, instead of the old one; in a list: these items, instead of the old
 *     "$setElementOrder/containers": [{"name": "web"}, {"name": "side"}]         the order wanted afterwards
 *     "$retainKeys": ["type"]                   take away all fields of this map but these
 *     "$deleteFromPrimitiveList/finalizers": ["x"]      take values from a list of plain values
 *
 * Source: apimachinery `pkg/util/strategicpatch/patch.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { isMap, type Json, type JsonMap } from './merge-patch.ts'
import type { FieldPatchRule, PatchSchema } from './patch-schema.ts'

const NO_RULES: PatchSchema = { fields: {} }

/**
 * The map after the patch. Neither argument is changed.
 *
 * - `$patch: replace` gives the patch itself (without directives), `$patch: delete` an empty map.
 * - `$retainKeys` comes first: fields that it does not name go.
 * - A null takes a field away; maps are merged with the rules of their field; a list whose field has a `mergeKey` is merged
 *   by `mergeList`, with the order of `$setElementOrder/<field>` if there is one; all else replaces.
 * - `$deleteFromPrimitiveList/<field>` and `$setElementOrder/<field>` also work on a field that the patch does not name.
 * - What is new, in a map or in a list, comes without directives and nulls, however deep they are.
 *
 * @lab 2.8 Merge maps strategically
 */
export function strategicMerge(target: JsonMap, patch: JsonMap, schema: PatchSchema): JsonMap {
  throw new NotImplemented(
    '2.8',
    'strategicMerge',
    'Merge maps strategically',
    'labs/02-apiserver/src/patch/strategic-merge.ts',
  )
}

/**
 * A list with a merge key after the patch; `identityOf` tells which items are the same.
 *
 * - An item `{"$patch": "replace"}` (nothing else in it) means: the other items of the patch are the whole new list.
 * - An item with `$patch: delete` takes the item of its identity away.
 * - Any other is merged into the item of its identity, or is new. New items come without directives and nulls.
 *
 * Then `arrange` puts them in order: with `order`, the items that it names come as it says; without, the items of the patch
 * come in the patch's order.
 *
 * @lab 2.8 Merge lists by key
 */
export function mergeList(
  target: readonly Json[],
  patch: readonly Json[],
  rule: FieldPatchRule,
  order?: readonly Json[],
): Json[] {
  throw new NotImplemented('2.8', 'mergeList', 'Merge lists by key', 'labs/02-apiserver/src/patch/strategic-merge.ts')
}

/**
 * The items in order: those named in `wanted` as it says, and each other one before the wanted items that stood behind it
 * in the old list (`before`). So what the patch does not speak of stays where it was, as far as that can be.
 *
 * Two queues, the wanted items and the others (in their old order), are taken from by turns: the head of the others goes
 * first if both heads are in the old list and it stood in front; otherwise the head of the wanted does.
 */
export function arrange(
  items: ReadonlyMap<string, Json>,
  before: readonly string[],
  wanted: readonly string[],
): Json[] {
  const wantedQueue = wanted.filter((identity) => items.has(identity))
  const otherQueue = [...items.keys()].filter((identity) => !wanted.includes(identity))
  const arranged: Json[] = []
  while (wantedQueue.length > 0 || otherQueue.length > 0) {
    const [nextWanted, nextOther] = [wantedQueue[0], otherQueue[0]]
    const oldWanted = nextWanted === undefined ? Number.POSITIVE_INFINITY : before.indexOf(nextWanted)
    const oldOther = nextOther === undefined ? -1 : before.indexOf(nextOther)
    const takeOther = nextOther !== undefined && (nextWanted === undefined || (oldOther >= 0 && oldOther < oldWanted))
    const taken = takeOther ? otherQueue.shift() : wantedQueue.shift()
    arranged.push(items.get(taken ?? ''))
  }
  return arranged
}

/** What makes an item of a merged list itself: its merge key's value, or the plain value. */
export function identityOf(item: Json, { mergeKey }: FieldPatchRule): string {
  return JSON.stringify(mergeKey && isMap(item) ? item[mergeKey] : item) ?? ''
}

/** The fields that a patch changes, by value or only in their order. */
function patchedFields(patch: JsonMap): Set<string> {
  const names = Object.keys(patch).map((name) =>
    name.startsWith('$') ? directiveField(name, '$setElementOrder/') : name,
  )
  return new Set(names.filter((name) => name !== undefined))
}

function directiveField(name: string, directive: string): string | undefined {
  return name.startsWith(directive) ? name.slice(directive.length) : undefined
}

/** A new part of the object must not carry the patch's directives, nor its nulls. */
function withoutDirectives(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutDirectives)
  if (!isMap(value)) return value
  const kept = Object.entries(value).filter(([name, item]) => !name.startsWith('$') && item !== null)
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutDirectives(item)]))
}
