/**
 * A store that keeps count: what is asked of etcd, about which resource, and how long it takes.
 *
 * Source: apiserver `pkg/storage/etcd3/metrics/metrics.go` (names, labels and operations).
 */
import type { KindRow } from '../../contracts/apiserver.ts'
import type { KeyValueStore, TxnRequest } from '../../contracts/key-value-store.ts'
import { Histogram, labelText, REQUEST_SECONDS, Sum } from './series.ts'

export interface StoreMetrics {
  readonly store: KeyValueStore
  lines(): readonly string[]
}

export function measureStore(store: KeyValueStore, kinds: readonly KindRow[]): StoreMetrics {
  const total = new Sum({ name: 'etcd_requests_total', help: 'Requests to etcd.', type: 'counter' })
  const errors = new Sum({ name: 'etcd_request_errors_total', help: 'Requests that etcd refused.', type: 'counter' })
  const seconds = new Histogram(
    { name: 'etcd_request_duration_seconds', help: 'How long requests to etcd took, in seconds.' },
    REQUEST_SECONDS,
  )
  const typeOf = typesByKey(kinds)

  async function measured<T>(operation: string, key: string, work: Promise<T>): Promise<T> {
    const labels = labelText({ operation, type: typeOf(key) })
    const startedMs = performance.now()
    total.add(labels)
    try {
      return await work
    } catch (error) {
      errors.add(labels)
      throw error
    } finally {
      seconds.observe(labels, (performance.now() - startedMs) / 1000)
    }
  }

  return {
    store: {
      progressIsReliable: store.progressIsReliable,
      range: (options) => measured(options.limit === 1 ? 'get' : 'list', options.from, store.range(options)),
      versionOf: (key) => measured('get', key, store.versionOf(key)),
      changedSince: (known) => measured('list', known.from, store.changedSince(known)),
      txn: (request) => measured(operationOf(request), request.compare.key, store.txn(request)),
      watch: (options) => store.watch(options),
      grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
      compact: (revision) => store.compact(revision),
      close: () => store.close(),
    },
    lines: () => [total, errors, seconds].flatMap((series) => series.lines()),
  }
}

function operationOf({ compare, success }: TxnRequest): string {
  if ('delete' in success) return 'delete'
  return compare.modRevision === 0 ? 'create' : 'update'
}

/** "/registry/minions/node-1" is about "nodes". */
function typesByKey(kinds: readonly KindRow[]): (key: string) => string {
  const types = new Map<string, string>()
  for (const { storagePrefix, resource } of kinds) {
    if (!types.has(storagePrefix)) types.set(storagePrefix, qualified(resource))
  }
  const known = new Map<string, string>()
  return (key) => {
    const [, , first = '', second = ''] = key.split('/')
    const place = `${first}/${second}`
    let type = known.get(first) ?? known.get(place)
    if (type === undefined) {
      const prefix = types.has(first) ? first : place
      type = types.get(prefix) ?? ''
      // Names of namespaces are many; only places that are a kind's own are worth remembering.
      if (type) known.set(prefix, type)
    }
    return type
  }
}

/** How many objects there are of each kind that is stored. */
export function objectCounts(kinds: readonly KindRow[], countOf: (row: KindRow) => number): readonly string[] {
  const counts = new Sum({ name: 'apiserver_storage_objects', help: 'Objects stored, by kind.', type: 'gauge' })
  for (const row of kinds) {
    if (!row.virtual && !row.conversion) counts.set(labelText({ resource: qualified(row.resource) }), countOf(row))
  }
  return counts.lines()
}

function qualified({ group, plural }: KindRow['resource']): string {
  return group ? `${plural}.${group}` : plural
}
