/**
 * Brings pod statuses to the API server: one write at a time per pod, always the latest, again and again until it arrives.
 *
 * What is written is not a status but a way to compute it: the newest object may already be another one (a controller set a
 * condition, the API server was away), and the status is computed on top of it. Equal statuses are not written at all.
 *
 * Source: kubernetes `pkg/kubelet/status/status_manager.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Pod, PodStatus, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason, StatusError } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'

export type MakeStatus = (pod: Stored<Pod>) => PodStatus

export interface StatusWriter {
  /** The newest object that the watch has seen. */
  seen(pod: Stored<Pod>): void
  /** The newest object that anyone has seen: the watch, or our own writes. */
  newest(podUid: string): Stored<Pod> | undefined
  /** Replaces what waits to be written for this pod. */
  write(podUid: string, make: MakeStatus): void
  /** Resolves when nothing waits to be written for this pod any more. */
  flush(podUid: string): Promise<void>
  forget(podUid: string): void
}

const RETRY_MS = 1000

interface Entry {
  pod: Stored<Pod>
  make: MakeStatus | undefined
  writing: Promise<void> | undefined
}

export function createStatusWriter({
  client,
  clock,
  log,
}: {
  client: ApiClient
  clock: Clock
  log: Log
}): StatusWriter {
  const entries = new Map<string, Entry>()

  async function writeAll(entry: Entry): Promise<void> {
    while (entry.make) {
      const { make, pod } = entry
      entry.make = undefined
      const status = make(pod)
      if (isDeepStrictEqual(plain(status), plain(pod.status))) continue
      try {
        entry.pod = (await client.update<Stored<Pod>>(resources.pods, { ...pod, status }, 'status')) as Stored<Pod>
      } catch (error) {
        await recover(entry, make, error)
      }
    }
  }

  async function recover(entry: Entry, make: MakeStatus, error: unknown): Promise<void> {
    const { uid, namespace, name } = entry.pod.metadata
    if (hasGone(error, entry.pod)) return
    try {
      if (!hasReason(error, 'Conflict')) throw error
      const fresh = await client.get<Pod>(resources.pods, { namespace, name })
      // Another pod of the same name: ours is gone.
      if (fresh.metadata.uid !== uid) return
      entry.pod = fresh
    } catch (second) {
      if (hasGone(second, entry.pod)) return
      if (second instanceof StatusError) log.error(`status of pod ${namespace}/${name}`, second)
      await new Promise<void>((resolve) => clock.setTimer(RETRY_MS, resolve))
    }
    if (entries.get(uid) === entry) entry.make ??= make
  }

  return {
    seen(pod) {
      const entry = entries.get(pod.metadata.uid)
      if (!entry) entries.set(pod.metadata.uid, { pod, make: undefined, writing: undefined })
      else if (!isNewer(entry.pod, pod)) entry.pod = pod
    },
    newest: (podUid) => entries.get(podUid)?.pod,
    write(podUid, make) {
      const entry = entries.get(podUid)
      if (!entry) return
      entry.make = make
      entry.writing ??= writeAll(entry)
        .catch((error: unknown) => log.error(`status of pod ${entry.pod.metadata.name}`, error))
        .finally(() => {
          entry.writing = undefined
        })
    },
    flush: async (podUid) => entries.get(podUid)?.writing,
    forget(podUid) {
      const entry = entries.get(podUid)
      if (entry) entry.make = undefined
      entries.delete(podUid)
    },
  }
}

/** A pod that has gone is nobody's; and of pods that are not its own, the server only tells a node that they are forbidden. */
export function hasGone(error: unknown, { metadata }: Stored<Pod>): boolean {
  return hasReason(error, 'NotFound') || (hasReason(error, 'Forbidden') && metadata.deletionTimestamp !== undefined)
}

/** Resource versions are opaque in principle; in practice they are etcd revisions, and the watch may lag behind our writes. */
function isNewer(a: Stored<Pod>, b: Stored<Pod>): boolean {
  return Number(a.metadata.resourceVersion) > Number(b.metadata.resourceVersion)
}

/** As it will look when it comes back: without undefined fields, empty objects as the API server keeps them. */
function plain(status: PodStatus | undefined): unknown {
  return JSON.parse(JSON.stringify(status ?? {}))
}
