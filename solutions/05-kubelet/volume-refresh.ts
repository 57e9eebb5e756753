/**
 * ConfigMaps, Secrets and labels change while a pod runs, and its token grows old: its volumes follow, about once a minute.
 *
 * A container that is started gets its volumes first (start-containers.ts). Here are those that run already. What cannot be
 * renewed now stays as it is: that is no reason to disturb a pod.
 *
 * Source: kubernetes `pkg/kubelet/volumemanager` (MarkRemountRequired), `pkg/kubelet/util/manager`.
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { describeError } from '#kit/contracts/log.ts'
import { eventSubject } from './pod-containers.ts'
import type { PodMemory, SyncParts } from './sync-parts.ts'
import { isMadeOfFiles } from './volume-files.ts'
import { prepareVolumes } from './volumes.ts'

const REFRESH_MS = 60_000
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 122_000

/** When volumes were made, and from which labels and annotations: those are files in some. */
export interface MadeVolumes {
  readonly atMs: number
  readonly metadata: string
}

/** After so many failures the volumes are tried again after this time. */
export function mountRetryMs(failures: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS)
}

/** Makes the pod's volumes and remembers when; without success it throws, and remembers that. */
export async function makeVolumes(
  parts: SyncParts,
  pod: Stored<Pod>,
  memory: PodMemory,
  podIp: string,
): Promise<Record<string, string>> {
  try {
    const volumes = await prepareVolumes(pod, parts.rootDir, parts.volumeSources(podIp))
    memory.volumes = { atMs: parts.clock.now(), metadata: metadataOf(pod) }
    memory.mountFailures = 0
    return volumes
  } catch (error) {
    memory.mountFailures++
    parts.recorder.record(eventSubject(pod), 'Warning', 'FailedMount', describeError(error))
    throw error
  }
}

/** Renews the volumes of a running pod if it is time. Returns when to look again, if ever. */
export async function refreshVolumes(
  parts: SyncParts,
  pod: Stored<Pod>,
  memory: PodMemory,
  podIp: string,
): Promise<number | undefined> {
  if (!pod.spec?.volumes?.some(isMadeOfFiles)) return undefined
  const { atMs = Number.NEGATIVE_INFINITY, metadata } = memory.volumes ?? {}
  const dueMs = atMs + REFRESH_MS - parts.clock.now()
  if (dueMs > 0 && metadata === metadataOf(pod)) return dueMs
  return makeVolumes(parts, pod, memory, podIp).then(
    () => REFRESH_MS,
    () => mountRetryMs(memory.mountFailures - 1),
  )
}

function metadataOf({ metadata: { labels, annotations } }: Stored<Pod>): string {
  return JSON.stringify([labels, annotations])
}
