/**
 * Get and list.
 *
 * The newest state is asked of etcd, but hardly fetched: one small read tells the revision, and when the cache has come that
 * far, its objects are as new as etcd's. Only pages (of lists longer than `limit`), lists of an exact old revision, and
 * caches that lag are read from etcd.
 *
 * Source: apiserver `pkg/storage/cacher/cacher.go` (GetList), `pkg/storage/etcd3/store.go` (GetList).
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { ApiRequest, KindRow, ListObject } from '#kit/contracts/apiserver.ts'
import { CompactedError } from '#kit/contracts/key-value-store.ts'
import { expired, notFound, resourceVersionTooLarge } from '../errors.ts'
import { kindPrefix, storageRange } from '../storage/keys.ts'
import { decodeObject } from '../storage/object-store.ts'
import { type ApiContext, keyOf, present, type Target } from './context.ts'
import { decodeContinueToken, encodeContinueToken } from './continue-token.ts'
import { type ListOptions, parseListOptions } from './list-options.ts'

/** How long a request may wait for a version that the server does not know yet. */
const FUTURE_PATIENCE_MS = 3_000
/** A cache that takes longer to catch up is passed by. */
const CATCH_UP_MS = 200

/**
 * The object as it is now, or with `resourceVersion=0` as the cache has it. Of an object that the cache knows, etcd is only
 * asked whether it is still the newest; it is fetched when it is not.
 */
export async function getObject(context: ApiContext, target: Target, query: ApiRequest['query']): Promise<ApiObject> {
  const { row, name } = target
  const key = keyOf(target)
  const { cache } = context.caches.of(row)
  const known = cache.get(key)
  if (known) {
    if (query.resourceVersion?.[0] === '0') return present(row, known)
    const { modRevision } = await context.store.versionOf(key)
    const cached = [known, cache.get(key)].find((object) => object?.metadata.resourceVersion === String(modRevision))
    if (cached) return present(row, cached)
  }
  const found = await context.objects.get(key)
  if (!found) throw notFound(row.resource, name)
  return present(row, found)
}

export async function listObjects(
  context: ApiContext,
  { row, namespace }: Omit<Target, 'name'>,
  query: ApiRequest['query'],
): Promise<ListObject> {
  const options = parseListOptions({ query }, row)
  const page = await pageOf(context, row, namespace, options)
  const { resource } = row
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: {
      resourceVersion: String(page.revision),
      ...(page.continue && { continue: page.continue }),
      ...(page.remaining !== undefined && { remainingItemCount: page.remaining }),
    } as ApiObject['metadata'] & object,
    items: page.objects.map((object) => present(row, object)),
  }
}

interface Page {
  readonly revision: number
  readonly objects: readonly Stored<ApiObject>[]
  readonly continue?: string
  /** How many are left, where that is known. */
  readonly remaining?: number
}

async function pageOf(context: ApiContext, row: KindRow, namespace: string, options: ListOptions): Promise<Page> {
  if (options.continue) return nextPage(context, row, namespace, options)
  const { resourceVersion, resourceVersionMatch, limit } = options
  if (resourceVersionMatch === 'Exact' && resourceVersion) {
    return storedPage(context, row, namespace, options, { revision: resourceVersion, afterKey: '' })
  }
  const { cache } = context.caches.of(row)
  if (!(await isFreshEnough(context, row, resourceVersion))) return storedPage(context, row, namespace, options)
  const page = cachedPage(context, row, namespace, options)
  const fits = limit <= 0 || resourceVersion === 0 || page.objects.length <= limit
  return fits ? { ...page, revision: cache.revision } : storedPage(context, row, namespace, options)
}

/**
 * Whether the cache may answer: always for `resourceVersion=0`, after a wait for a given version (too long a wait is the
 * client's error: it must come from the future), and for the newest when it has caught up with etcd.
 */
async function isFreshEnough(context: ApiContext, row: KindRow, wanted: number | undefined): Promise<boolean> {
  const kind = context.caches.of(row)
  await kind.synced()
  if (wanted === 0) return true
  if (wanted !== undefined) {
    if (await kind.waitFor(wanted, FUTURE_PATIENCE_MS)) return true
    const newest = await newestRevision(context, row)
    if (newest < wanted) throw resourceVersionTooLarge(wanted, newest)
    return false
  }
  if (!context.store.progressIsReliable) return false
  return kind.waitFor(await newestRevision(context, row), CATCH_UP_MS)
}

/** etcd's revision now, by the smallest read that tells it. */
export async function newestRevision(context: Pick<ApiContext, 'store'>, row: KindRow): Promise<number> {
  const { revision } = await context.store.versionOf(kindPrefix(row))
  return revision
}

function cachedPage(context: ApiContext, row: KindRow, namespace: string, options: ListOptions): Page {
  const kind = context.caches.of(row)
  const { from } = storageRange(row, namespace || undefined)
  const objects: Stored<ApiObject>[] = []
  for (const [key, object] of kind.sortedEntries()) {
    if (key.startsWith(from) && options.matches(object)) objects.push(object)
  }
  return { revision: kind.cache.revision, objects }
}

async function nextPage(context: ApiContext, row: KindRow, namespace: string, options: ListOptions): Promise<Page> {
  const token = decodeContinueToken(options.continue)
  try {
    return await storedPage(context, row, namespace, options, token)
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.',
    )
  }
}

/** Reads from etcd, as many times as it takes to find `limit` objects that match. */
async function storedPage(
  context: ApiContext,
  row: KindRow,
  namespace: string,
  { limit, matches, matchesAll }: ListOptions,
  start: { readonly revision?: number; readonly afterKey: string } = { afterKey: '' },
): Promise<Page> {
  const prefix = kindPrefix(row)
  const range = storageRange(row, namespace || undefined)
  const { cache } = context.caches.of(row)
  const objects: Stored<ApiObject>[] = []
  let from = start.afterKey ? `${prefix}${start.afterKey}\0` : range.from
  let { revision } = start
  for (;;) {
    const answer = await context.store.range({
      from,
      to: range.to,
      ...(limit > 0 && { limit }),
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
        const next = encodeContinueToken({ revision, afterKey: key.slice(prefix.length) })
        return { revision, objects, continue: next, ...(matchesAll && { remaining: left }) }
      }
    }
    const last = answer.kvs.at(-1)
    if (!last || answer.count <= answer.kvs.length) return { revision, objects }
    from = `${last.key}\0`
  }
}
