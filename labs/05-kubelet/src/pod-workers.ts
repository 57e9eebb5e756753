/**
 * One worker per pod, so that a pod that takes long (pulls an image, ends slowly) keeps no other pod waiting, and so that
 * no two looks at the same pod ever overlap.
 *
 * A worker is told nothing but "look again". If that happens while it looks, it looks once more afterwards, however often
 * it was told. Failures are tried again with a pause.
 *
 * Source: kubernetes `pkg/kubelet/pod_workers.go`.
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import type { Timer } from '#kit/contracts/clock.ts'
import { syncPod, syncTerminatingPod } from './pod-sync.ts'
import { newPodMemory, type PodMemory, type SyncParts } from './sync-parts.ts'

/** As upstream's backOffPeriod. */
const FAILURE_RETRY_MS = 10_000
const FIRST_FAILURE_RETRY_MS = 500
const STILL_RUNNING_RETRY_MS = 500

export interface PodWorker {
  readonly uid: string
  /** The newest object that the API server showed us. */
  pod: Stored<Pod>
  readonly memory: PodMemory
  /** The object is gone from the API server: what runs is an orphan. */
  gone: boolean
  working: boolean
  lookAgain: boolean
  terminating: boolean
  failures: number
  timer: Timer | undefined
}

export class PodWorkers {
  readonly #parts: SyncParts
  readonly #mayWork: () => boolean
  readonly #workers = new Map<string, PodWorker>()

  /** @param mayWork false while the machine is off: then nothing is touched, and `lookAtAll` goes on later. */
  constructor(parts: SyncParts, mayWork: () => boolean) {
    this.#parts = parts
    this.#mayWork = mayWork
  }

  /** The API server shows a pod of this node, new or changed. */
  update(pod: Stored<Pod>, isKnownToRuntime: boolean): void {
    const { uid, resourceVersion } = pod.metadata
    const ownWrite = this.#parts.statuses.newest(uid)?.metadata.resourceVersion === resourceVersion
    this.#parts.statuses.seen(pod)
    const known = this.#workers.get(uid)
    const worker = known ?? this.#add(pod, !isKnownToRuntime)
    const shorter =
      (pod.metadata.deletionGracePeriodSeconds ?? 0) < (worker.pod.metadata.deletionGracePeriodSeconds ?? 0)
    worker.pod = pod
    if (worker.terminating && shorter) void this.#hurry(worker)
    // The echo of a status that we wrote ourselves is no news.
    if (!known || !ownWrite) this.look(uid)
  }

  /** The API server shows the pod no more. */
  remove(pod: Stored<Pod>): void {
    const worker = this.#workers.get(pod.metadata.uid)
    if (!worker) return
    worker.gone = true
    worker.pod = pod
    this.look(worker.uid)
  }

  /** The runtime has something that belongs to no pod that we know. */
  adoptOrphan(pod: Stored<Pod>): void {
    if (this.#workers.has(pod.metadata.uid)) return
    this.#add(pod, false).gone = true
    this.look(pod.metadata.uid)
  }

  has(uid: string): boolean {
    return this.#workers.has(uid)
  }

  list(): readonly PodWorker[] {
    return [...this.#workers.values()]
  }

  look(uid: string): void {
    const worker = this.#workers.get(uid)
    if (!worker) return
    worker.lookAgain = true
    if (!worker.working) void this.#work(worker)
  }

  lookAtAll(): void {
    for (const uid of this.#workers.keys()) this.look(uid)
  }

  stop(): void {
    for (const worker of this.#workers.values()) {
      worker.timer?.cancel()
      worker.lookAgain = false
    }
    this.#workers.clear()
  }

  #add(pod: Stored<Pod>, isNew: boolean): PodWorker {
    const { uid } = pod.metadata
    const worker: PodWorker = {
      uid,
      pod,
      memory: newPodMemory(isNew),
      gone: false,
      working: false,
      lookAgain: false,
      terminating: false,
      failures: 0,
      timer: undefined,
    }
    this.#workers.set(uid, worker)
    return worker
  }

  async #work(worker: PodWorker): Promise<void> {
    worker.working = true
    worker.timer?.cancel()
    let retryAfterMs: number | undefined
    while (worker.lookAgain && this.#mayWork()) {
      worker.lookAgain = false
      try {
        retryAfterMs = await this.#look(worker)
        worker.failures = 0
      } catch (error) {
        this.#parts.log.error(`sync of pod ${worker.pod.metadata.namespace}/${worker.pod.metadata.name}`, error)
        retryAfterMs = Math.min(FIRST_FAILURE_RETRY_MS * 2 ** worker.failures++, FAILURE_RETRY_MS)
      }
    }
    worker.working = false
    if (retryAfterMs !== undefined && this.#workers.get(worker.uid) === worker) {
      worker.timer = this.#parts.clock.setTimer(retryAfterMs, () => this.look(worker.uid))
    }
  }

  /** Returns when to look again. */
  async #look(worker: PodWorker): Promise<number | undefined> {
    const { statuses } = this.#parts
    // Our own last write may be newer than what the watch brought.
    const pod = statuses.newest(worker.uid) ?? worker.pod
    const { deletionTimestamp, deletionGracePeriodSeconds } = worker.pod.metadata
    if (!worker.gone && !deletionTimestamp) return (await syncPod(this.#parts, pod, worker.memory)).retryAfterMs

    worker.terminating = true
    const deletion = {
      ...(deletionTimestamp && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    }
    const dying = { ...pod, metadata: { ...pod.metadata, ...deletion } }
    const nothingLeft = await syncTerminatingPod(this.#parts, dying, worker.memory, () => worker.gone)
    if (!nothingLeft) return STILL_RUNNING_RETRY_MS
    worker.lookAgain = false
    statuses.forget(worker.uid)
    this.#workers.delete(worker.uid)
    return undefined
  }

  /** The grace period was shortened while the pod was ending: the runtime hears of it at once. */
  async #hurry({ uid, pod }: PodWorker): Promise<void> {
    const { runtime, log } = this.#parts
    const seconds = Math.max(pod.metadata.deletionGracePeriodSeconds ?? 0, 1)
    try {
      const running = (await runtime.listContainers({ podUid: uid })).filter(
        ({ state }) => state === 'CONTAINER_RUNNING',
      )
      await Promise.all(running.map(({ id }) => runtime.stopContainer(id, seconds)))
    } catch (error) {
      log.error(`shorter grace period for pod ${pod.metadata.name}`, error)
    }
  }
}
