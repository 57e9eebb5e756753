/**
 * An etcd in memory behind a slow network: every question takes a random time to get there, and its answer a random time to
 * come back, so answers overtake each other; changes reach watchers in order, but late. On virtual time, from a seed.
 *
 * For tests of what may be believed while messages are under way.
 */
import { KeyVersions } from '../apiserver/key-versions.ts'
import type { Clock } from '../contracts/clock.ts'
import type { KeyValueBatch, KeyValueStore, KeyValueWatch } from '../contracts/key-value-store.ts'
import type { EtcdClient } from '../etcd-api/client.ts'
import type { SimEtcdStore } from './etcd-store.ts'
import type { Random } from './random.ts'

export interface SlowStoreOptions {
  readonly etcd: SimEtcdStore
  readonly clock: Clock
  readonly random: Random
  /** One way, at most. */
  readonly maxDelayMs: number
  readonly progressIsReliable: boolean
}

export function createSlowStore({
  etcd,
  clock,
  random,
  maxDelayMs,
  progressIsReliable,
}: SlowStoreOptions): KeyValueStore {
  const pause = () => new Promise<void>((resolve) => clock.setTimer(random.below(maxDelayMs + 1), resolve))
  /** There, done at one moment, and back. */
  const asked = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    await pause()
    const answer = await ask()
    await pause()
    return answer
  }
  const versions = new KeyVersions(versionCalls(etcd, asked))
  return {
    progressIsReliable,
    range: (options) => asked(() => etcd.range(options)),
    versionOf: (key) => versions.of(key),
    changedSince: (known) => asked(() => etcd.changedSince(known)),
    txn: (request) => asked(() => etcd.txn(request)),
    watch: (options) => delayed(etcd.watch(options), pause),
    grantLease: (ttlSeconds) => asked(() => etcd.grantLease(ttlSeconds)),
    compact: (revision) => asked(() => etcd.compact(revision)),
    close: () => etcd.close(),
  }
}

/** The two calls with which versions are asked for, as etcd answers them. */
function versionCalls(
  etcd: SimEtcdStore,
  asked: <Answer>(ask: () => Promise<Answer>) => Promise<Answer>,
): Pick<EtcdClient, 'range' | 'txn'> {
  const found = (key: unknown) => {
    const kv = etcd.contents().get(String(key))
    return { kvs: kv ? [{ modRevision: kv.modRevision }] : [] }
  }
  const header = () => ({ revision: etcd.revision })
  const range: unknown = ({ key }: { key: string }) => asked(async () => ({ header: header(), ...found(key) }))
  const txn: unknown = ({ success }: { success: readonly { requestRange: { key: string } }[] }) =>
    asked(async () => ({
      header: header(),
      responses: success.map(({ requestRange }) => ({ responseRange: found(requestRange.key) })),
    }))
  return { range, txn } as Pick<EtcdClient, 'range' | 'txn'>
}

function delayed(watch: KeyValueWatch, pause: () => Promise<void>): KeyValueWatch {
  return {
    requestProgress: () => void pause().then(() => watch.requestProgress()),
    cancel: () => watch.cancel(),
    async *[Symbol.asyncIterator](): AsyncIterator<KeyValueBatch> {
      for await (const batch of watch) {
        await pause()
        yield batch
      }
    },
  }
}
