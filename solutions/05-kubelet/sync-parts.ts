/** What a look at a pod needs, and what is remembered between two looks. */

import type { Pod } from '#kit/api/objects.ts'
import type { EventRecorder } from '#kit/client/event-recorder.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { RuntimeService } from '#kit/contracts/cri.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { Backoff } from './backoff.ts'
import type { ImagePuller } from './images.ts'
import type { PodAddresses } from './pod-addresses.ts'
import type { PodTokens } from './pod-tokens.ts'
import type { Prober } from './prober.ts'
import type { ResizeVerdict } from './resize-verdict.ts'
import type { WaitingReason } from './status/container-statuses.ts'
import type { StatusWriter } from './status-writer.ts'
import type { VolumeSources } from './volume-files.ts'
import type { MadeVolumes } from './volume-refresh.ts'

/** Everything that a sync needs, the same for all pods. */
export interface SyncParts {
  readonly runtime: RuntimeService
  readonly runtimeName: string
  readonly images: ImagePuller
  readonly prober: Prober
  readonly client: ApiClient
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventRecorder
  readonly statuses: StatusWriter
  readonly addresses: PodAddresses
  readonly backoff: Backoff
  readonly tokens: PodTokens
  readonly volumeSources: (podIp: string) => VolumeSources
  readonly rootDir: string
  readonly hostIp: string
  /** Whether this node has room for a pod as it should be now. */
  readonly judgeResize: (pod: Pod) => ResizeVerdict
}

/** What must be remembered of a pod between two looks. Losing it, in a restart, costs nothing but patience. */
export interface PodMemory {
  /** Never looked at since this kubelet started, and unknown to the runtime: nothing can be running. */
  isNew: boolean
  /** Why containers could not be started, by name. */
  waiting: Record<string, WaitingReason>
  /** When the pod's volumes were last made. */
  volumes?: MadeVolumes
  /** How often in a row they could not be. */
  mountFailures: number
}

export function newPodMemory(isNew: boolean): PodMemory {
  return { isNew, waiting: {}, mountFailures: 0 }
}
