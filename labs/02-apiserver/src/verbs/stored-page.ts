/**
 * Pages of a list, read from etcd: all of one revision, however long the client takes from one to the next.
 *
 * When etcd has forgotten that revision, the client is told so, and gets a token with which it can go on all the same: with
 * what is there by then.
 *
 * Source: apiserver `pkg/storage/etcd3/store.go` (GetList), `pkg/storage/etcd3/errors.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { CompactedError } from '#kit/contracts/key-value-store.ts'
import { expired } from '../errors.ts'
import { storageRange } from '../storage/keys.ts'
import { decodeObject } from '../storage/object-store.ts'
import type { ApiContext } from './context.ts'
import { decodeContinueToken, encodeContinueToken, LATEST } from './continue-token.ts'
import type { ListOptions } from './list-options.ts'

/** Where few objects match, more are read at a time, up to this many. */
const MOST_AT_A_TIME = 10_000

export interface Page {
  readonly revision: number
  readonly objects: readonly Stored<ApiObject>[]
  readonly continue?: string
  /** How many are left, where that is known. */
  readonly remaining?: number
}

/** Where a page begins; without a revision, at the newest. */
interface Start {
  readonly revision?: number | undefined
  /** Below the prefix of the range. */
  readonly key?: string
}

/** The page that a continue token speaks of. */
export async function nextPage(
  context: ApiContext,
  row: KindRow,
  namespace: string,
  options: ListOptions,
): Promise<Page> {
  const { revision, startKey } = decodeContinueToken(options.continue)
  const start: Start = { revision: revision === LATEST ? undefined : revision, key: startKey }
  try {
    return await readPage(context, row, namespace, options, start)
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error
    const latest = encodeContinueToken({ revision: LATEST, startKey })
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      latest,
    )
  }
}

/** The first page, or all of it when there is no limit. */
export async function storedPage(
  context: ApiContext,
  row: KindRow,
  namespace: string,
  options: ListOptions,
  start: Start = {},
): Promise<Page> {
  try {
    return await readPage(context, row, namespace, options, start)
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error
    throw expired('The resourceVersion for the provided list is too old.')
  }
}

/** Reads as many times as it takes to find `limit` objects that match. */
async function readPage(
  context: ApiContext,
  row: KindRow,
  namespace: string,
  { limit, matches, matchesAll }: ListOptions,
  start: Start,
): Promise<Page> {
  const range = storageRange(row, namespace || undefined)
  const { cache } = context.caches.of(row)
  const objects: Stored<ApiObject>[] = []
  let from = `${range.from}${start.key ?? ''}`
  let { revision } = start
  let atATime = limit
  for (;;) {
    const answer = await context.store.range({
      from,
      to: range.to,
      ...(limit > 0 && { limit: atATime }),
      ...(revision && { revision }),
    })
    revision ??= answer.revision
    for (const [i, { key, value, modRevision }] of answer.kvs.entries()) {
      const cached = cache.get(key)
      const isSame = cached?.metadata.resourceVersion === String(modRevision)
      const object = isSame ? cached : decodeObject(value, modRevision)
      if (matches(object)) objects.push(object)
      const left = answer.count - i - 1
      if (limit > 0 && objects.length === limit && left > 0) {
        const next = encodeContinueToken({ revision, startKey: `${key.slice(range.from.length)}\0` })
        return { revision, objects, continue: next, ...(matchesAll && { remaining: left }) }
      }
    }
    const last = answer.kvs.at(-1)
    if (!last || answer.count <= answer.kvs.length) return { revision, objects }
    from = `${last.key}\0`
    atATime = Math.min(atATime * 2, MOST_AT_A_TIME)
  }
}
