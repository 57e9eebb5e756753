/**
 * Tells etcd every five minutes to forget what is older than five minutes. Of several API servers only one does it each
 * time: whoever is first to write down that it did.
 *
 * Source: apiserver `pkg/storage/etcd3/compact.go`.
 */
import { type Clock, systemClock } from '#kit/contracts/clock.ts'
import type { KeyValueStore } from '#kit/contracts/key-value-store.ts'
import type { Log } from '#kit/contracts/log.ts'

const PERIOD_MS = 5 * 60_000
const MARKER_KEY = 'compact_rev_key'

export function startCompactor(store: KeyValueStore, clock: Clock = systemClock, log?: Log): { stop(): void } {
  let timer = clock.setTimer(PERIOD_MS, () => void turn())
  let stopped = false
  /** What the marker was when we last looked: if it is still that, nobody else has compacted. */
  let seen = { modRevision: 0, revision: 0 }

  const turn = async () => {
    try {
      seen = await compactOnce(store, seen)
    } catch (error) {
      log?.warn(`compaction failed: ${String(error)}`)
    }
    if (!stopped) timer = clock.setTimer(PERIOD_MS, () => void turn())
  }
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}

/** Compacts to the revision of five minutes ago, if the marker has not moved since. Returns what to remember for next time. */
export async function compactOnce(
  store: KeyValueStore,
  seen: { readonly modRevision: number; readonly revision: number },
): Promise<{ modRevision: number; revision: number }> {
  const answer = await store.txn({
    compare: { key: MARKER_KEY, modRevision: seen.modRevision },
    success: { put: { key: MARKER_KEY, value: String(seen.revision) } },
    failure: { get: { key: MARKER_KEY } },
  })
  if (answer.succeeded) {
    if (seen.revision > 0) await store.compact(seen.revision)
    return { modRevision: answer.revision, revision: answer.revision }
  }
  return { modRevision: answer.current?.modRevision ?? 0, revision: answer.revision }
}
