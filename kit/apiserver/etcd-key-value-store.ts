/**
 * The API server's few etcd calls, spoken in etcd's v3 gRPC: to our members and to the real etcd alike.
 */
import type {
  KeyRange,
  KeyValue,
  KeyValueBatch,
  KeyValueEvent,
  KeyValueStore,
  KeyValueWatch,
} from '../contracts/key-value-store.ts'
import { CompactedError } from '../contracts/key-value-store.ts'
import type { EtcdClient, EtcdError } from '../etcd-api/client.ts'
import type { KeyValue as EtcdKeyValue, KeyEvent } from '../etcd-api/messages.ts'
import { KeyVersions } from './key-versions.ts'

/** Asks the member for its version once, to know whether its progress notifications can be believed. */
export async function createEtcdKeyValueStore(client: EtcdClient): Promise<KeyValueStore> {
  const progressIsReliable = isAtLeast((await client.status()).version, '3.5.13')
  const versions = new KeyVersions(client)
  return {
    progressIsReliable,

    async range({ from, to, limit = 0, revision = 0 }) {
      try {
        const answer = await client.range({ key: from, rangeEnd: to, limit, revision })
        return { revision: answer.header?.revision ?? 0, kvs: answer.kvs.map(toKeyValue), count: answer.count }
      } catch (error) {
        throw isCompacted(error) ? new CompactedError(error.compactRevision ?? revision) : error
      }
    },

    versionOf: (key) => versions.of(key),

    async changedSince({ from, to, revision, count }) {
      const newer = { key: from, rangeEnd: to, minModRevision: revision + 1, keysOnly: true, limit: 1 }
      const answer = await client.range(newer)
      // etcd counts all keys of the range, also those that are not newer.
      return answer.kvs.length > 0 || answer.count !== count
    },

    async txn({ compare, success, failure }) {
      const answer = await client.txn({
        compare: [{ target: 'MOD', result: 'EQUAL', ...compare }],
        success: ['put' in success ? { requestPut: success.put } : { requestDeleteRange: { key: success.delete.key } }],
        failure: failure ? [{ requestRange: { key: failure.get.key, limit: 1 } }] : [],
      })
      const found = answer.succeeded ? undefined : answer.responses[0]?.responseRange?.kvs[0]
      const current = found && toKeyValue(found)
      return { succeeded: answer.succeeded, revision: answer.header?.revision ?? 0, current }
    },

    watch: ({ from, to, startRevision }) => new EtcdWatch(client, { from, to }, startRevision),

    async grantLease(ttlSeconds) {
      return (await client.leaseGrant({ TTL: ttlSeconds, ID: '0' })).ID
    },

    async compact(revision) {
      await client.compact({ revision })
    },

    close: () => client.close(),
  }
}

class EtcdWatch implements KeyValueWatch {
  readonly requestProgress: () => void
  readonly cancel: () => void
  #pending: KeyValueBatch[] = []
  #ended: { readonly error?: Error } | undefined
  #wake: (() => void) | undefined

  constructor(client: EtcdClient, { from, to }: KeyRange, startRevision: number) {
    const handle = client.watch(
      { key: from, rangeEnd: to, startRevision, prevKv: true, progressNotify: true },
      {
        onEvents: (events) => this.#push({ revision: events.at(-1)?.kv.modRevision ?? 0, events: events.map(toEvent) }),
        onProgress: (revision) => this.#push({ revision, events: [] }),
        onEnd: (error) => {
          this.#ended = error ? { error: isCompacted(error) ? compacted(error) : error } : {}
          this.#wake?.()
        },
      },
    )
    this.cancel = () => handle.cancel()
    this.requestProgress = () => handle.requestProgress()
  }

  #push(batch: KeyValueBatch): void {
    this.#pending.push(batch)
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<KeyValueBatch> {
    for (;;) {
      const batches = this.#pending
      this.#pending = []
      yield* batches
      if (this.#pending.length > 0) continue
      if (this.#ended?.error) throw this.#ended.error
      if (this.#ended) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

function isAtLeast(version: string, wanted: string): boolean {
  return version.localeCompare(wanted, 'en', { numeric: true }) >= 0
}

function toKeyValue({ key, value, modRevision }: EtcdKeyValue): KeyValue {
  return { key: key.toString(), value: value.toString(), modRevision }
}

function toEvent(event: KeyEvent): KeyValueEvent {
  return event.type === 'PUT' ? new Put(event) : new Delete(event)
}

/** Values become text when somebody asks: of what the API server has written itself it needs neither the new nor the old one. */
class Delete implements KeyValueEvent {
  readonly type: KeyValueEvent['type'] = 'delete'
  readonly key: string
  readonly modRevision: number
  readonly bytes: number
  readonly #previous: Buffer | undefined

  constructor({ kv, prevKv }: KeyEvent) {
    this.key = kv.key.toString()
    this.bytes = kv.value.length
    this.modRevision = kv.modRevision
    this.#previous = prevKv?.value
  }

  get previous(): string | undefined {
    return this.#previous?.toString()
  }
}

class Put extends Delete {
  override readonly type = 'put'
  readonly #value: Buffer

  constructor(event: KeyEvent) {
    super(event)
    this.#value = event.kv.value
  }

  get value(): string {
    return this.#value.toString()
  }
}

function isCompacted(error: unknown): error is EtcdError {
  return error instanceof Error && /required revision has been compacted/.test(error.message)
}

function compacted(error: EtcdError): CompactedError {
  return new CompactedError(error.compactRevision ?? 0)
}
