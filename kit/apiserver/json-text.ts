/**
 * JSON of API objects, made once per object and shared by all who read it.
 *
 * Stored objects never change, so the text can be remembered by identity: a hundred watchers of a pod cost one
 * serialisation, and a list of objects that were listed before costs only their concatenation.
 * Source: apiserver `pkg/storage/cacher/caching_object.go`, the same idea.
 */
import type { ApiObject } from '../api/objects.ts'

const texts = new WeakMap<object, string>()

export function jsonText(object: object): string {
  let text = texts.get(object)
  if (text === undefined) {
    text = JSON.stringify(object)
    texts.set(object, text)
  }
  return text
}

/** Pieces of at least this many characters, so that a big list is not one huge string. */
const PIECE_CHARACTERS = 64 * 1024

/** The text of an object or list, in pieces. */
export function* jsonPieces(answer: ApiObject): Generator<string> {
  if (!Array.isArray(answer.items)) {
    yield jsonText(answer)
    return
  }
  const { items, ...envelope } = answer as ApiObject & { items: readonly ApiObject[] }
  let piece = `${JSON.stringify(envelope).slice(0, -1)},"items":[`
  for (const [index, item] of items.entries()) {
    piece += index === 0 ? jsonText(item) : `,${jsonText(item)}`
    if (piece.length < PIECE_CHARACTERS) continue
    yield piece
    piece = ''
  }
  yield `${piece}]}`
}
