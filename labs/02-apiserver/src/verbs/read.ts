/**
 * Get and list.
 *
 * The newest state is asked of etcd, but hardly fetched: one small read tells whether the cache is as new as etcd (or how far it
 * has to come), and then its objects are. Only pages (of lists longer than `limit`), lists of an exact old revision, and
 * caches that lag are read from etcd.
 *
 * Source: apiserver `pkg/storage/cacher/cacher.go` (GetList), `pkg/storage/etcd3/store.go` (GetList).
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { ApiRequest, KindRow, ListObject } from '#kit/contracts/apiserver.ts'
import { notFound, resourceVersionTooLarge } from '../errors.ts'
import { kindPrefix, storageRange } from '../storage/keys.ts'
import { type ApiContext, keyOf, present, type Target } from './context.ts'
import { type ListOptions, parseListOptions, resourceVersionOf } from './list-options.ts'
import { nextPage, type Page, storedPage } from './stored-page.ts'

/** How long a request may wait for a version that the server does not know yet. */
const FUTURE_PATIENCE_MS = 3_000
/** A cache that takes longer to catch up is passed by. */
const CATCH_UP_MS = 200

/**
 * The object as it is now, or with `resourceVersion=0` as the cache has it; a version that is still to come is waited for.
 * etcd is only asked which version is the newest; the object is fetched when the cache has another.
 */
export async function getObject(context: ApiContext, target: Target, query: ApiRequest['query']): Promise<ApiObject> {
  const { row, name } = target
  const key = keyOf(target)
  const { cache } = context.caches.of(row)
  const wanted = resourceVersionOf(query.resourceVersion?.[0])
  if (wanted) await isFreshEnough(context, row, wanted)
  const known = cache.get(key)
  if (known && wanted === 0) return present(row, known)
  const { modRevision } = await context.store.versionOf(key)
  if (modRevision === 0) throw notFound(row.resource, name)
  const cached = [known, cache.get(key)].find((object) => object?.metadata.resourceVersion === String(modRevision))
  if (cached) return present(row, cached)
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

async function pageOf(context: ApiContext, row: KindRow, namespace: string, options: ListOptions): Promise<Page> {
  if (options.continue) return nextPage(context, row, namespace, options)
  const { resourceVersion, resourceVersionMatch: match, limit } = options
  // Without a word about it, a page of a given version means just that version: so it was before there was a word.
  if (resourceVersion && (match === 'Exact' || (!match && limit > 0))) {
    return pageAt(context, row, namespace, options, resourceVersion)
  }
  const { cache } = context.caches.of(row)
  if (!(await isFreshEnough(context, row, resourceVersion))) return storedPage(context, row, namespace, options)
  const page = cachedPage(context, row, namespace, options)
  const fits = limit <= 0 || resourceVersion === 0 || page.objects.length <= limit
  return fits ? { ...page, revision: cache.revision } : storedPage(context, row, namespace, options)
}

/** The list as it was at a version, if etcd still knows it. */
async function pageAt(context: ApiContext, row: KindRow, namespace: string, options: ListOptions, revision: number) {
  const newest = await newestRevision(context, row)
  if (newest < revision) throw resourceVersionTooLarge(revision, newest)
  return storedPage(context, row, namespace, options, { revision })
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
  return kind.isNewest(CATCH_UP_MS)
}

/** etcd's revision now, by the smallest read that tells it. */
export async function newestRevision(context: Pick<ApiContext, 'store'>, row: KindRow): Promise<number> {
  const { revision } = await context.store.versionOf(kindPrefix(row))
  return revision
}

function cachedPage(context: ApiContext, row: KindRow, namespace: string, options: ListOptions): Page {
  const kind = context.caches.of(row)
  const objects: Stored<ApiObject>[] = []
  for (const [, object] of kind.entriesWithin(storageRange(row, namespace || undefined))) {
    if (options.matches(object)) objects.push(object)
  }
  return { revision: kind.cache.revision, objects }
}
