/**
 * JSON of API objects, made once per object and shared by all who read it.
 *
 * Stored objects never change, so the text can be remembered by identity: a hundred watchers of a pod cost one
 * serialisation, and a list of objects that were listed before costs only their concatenation.
 * Guarantee: items of a list do not name their kind and version (the list has said it), whatever the form; single objects do.
 * Source: apiserver `pkg/storage/cacher/caching_object.go`, the same idea.
 */
import type { ApiObject, Stored } from '../api/objects.ts'

const texts = new WeakMap<object, string>()

export function jsonText(object: object): string {
  let text = texts.get(object)
  if (text === undefined) {
    text = JSON.stringify(object)
    texts.set(object, text)
  }
  return text
}

/** Objects are stored with their kind and version first, then their metadata: here a version fits in. */
const BEGINNING = /^\{"kind":"[^"\\]*","apiVersion":"[^"\\]*","metadata":\{(?!\})/
const VERSION = /^"resourceVersion":"\d+",/

/**
 * An object that was made of a stored text has the same text, but for its version, which is not stored: so nobody needs to
 * serialise it for the answer. Returns the object.
 */
export function rememberStoredText<T extends Stored<ApiObject>>(object: T, stored: string): T {
  const beginning = BEGINNING.exec(stored)?.[0]
  const version = `"resourceVersion":"${object.metadata.resourceVersion}",`
  if (beginning && VERSION.test(version)) texts.set(object, beginning + version + stored.slice(beginning.length))
  return object
}

/** The inverse: the text without the version, if it can be had from the one that is known. */
export function knownStoredText(object: object): string | undefined {
  const text = texts.get(object)
  const beginning = text && BEGINNING.exec(text)?.[0]
  if (!text || !beginning) return undefined
  const rest = text.slice(beginning.length)
  const version = VERSION.exec(rest)?.[0]
  return version && beginning + rest.slice(version.length)
}

/** Pieces of at least this many characters, so that a big list is not one huge string. */
const PIECE_CHARACTERS = 64 * 1024

/** The text of an object or list, in pieces. */
export function* jsonPieces(answer: ApiObject): Generator<string> {
  if (!isList(answer)) {
    yield jsonText(answer)
    return
  }
  const { items, ...envelope } = answer
  const textOf = itemWriter(answer)
  let piece = `${JSON.stringify(envelope).slice(0, -1)},"items":[`
  for (const [index, item] of items.entries()) {
    piece += index === 0 ? textOf(item) : `,${textOf(item)}`
    if (piece.length < PIECE_CHARACTERS) continue
    yield piece
    piece = ''
  }
  yield `${piece}]}`
}

/** An answer as it is sent: of a list, the items do not repeat which kind they are. */
export function asSent(answer: ApiObject): ApiObject {
  if (!isList(answer) || !saysKindOfItems(answer)) return answer
  return { ...answer, items: answer.items.map(withoutKind) }
}

/**
 * Objects begin with their kind and version (that is the order in which they are stored), so an item's text is that of the object
 * from a later place on: nothing is serialised again. An object in another order is.
 */
function itemWriter(list: List): (item: ApiObject) => string {
  if (!saysKindOfItems(list)) return jsonText
  const { kind, apiVersion } = list
  const beginning = `${JSON.stringify({ kind: kind?.replace(/List$/, ''), apiVersion }).slice(0, -1)},`
  return (item) => {
    const text = jsonText(item)
    return text.startsWith(beginning) ? `{${text.slice(beginning.length)}` : JSON.stringify(withoutKind(item))
  }
}

type List = ApiObject & { readonly items: readonly ApiObject[] }

function isList(answer: ApiObject): answer is List {
  return Array.isArray(answer.items)
}

/** A list of metadata says of what sort its items are, too: they are no objects of the kind that was asked for. */
function saysKindOfItems({ kind = '' }: List): boolean {
  return kind.endsWith('List') && kind !== 'PartialObjectMetadataList'
}

function withoutKind({ kind: _listSaysIt, apiVersion: _thisToo, ...item }: ApiObject): ApiObject {
  return item
}
