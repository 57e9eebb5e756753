/**
 * PLEG's loop: lists at the runtime once a second, and at once when the runtime says that something happened; hands the
 * differences on. Also finds out whether the machine is on.
 *
 * Guarantee: a change is noticed within a second, even when every one of the runtime's events is lost.
 */
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { type Container, criLabels, type PodSandbox, type RuntimeService } from '#kit/contracts/cri.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { diffRelist, type PlegRecord, plegRecords, podsToSync } from './pleg.ts'

export const RELIST_PERIOD_MS = 1000

export interface PlegLoopOptions {
  readonly runtime: RuntimeService
  readonly clock: Clock
  readonly log: Log
  /** Pods in which something changed. */
  changed(podUids: readonly string[]): void
  /** After every relist: everything that is there. */
  listed(sandboxes: readonly PodSandbox[], containers: readonly Container[]): void
  machine(isOn: boolean): void
  /** The runtime stopped answering, or answers again. */
  troubled(): void
}

export interface PlegLoop {
  /** Lists once; throws when the runtime does not answer. */
  relist(): Promise<void>
  start(): void
  stop(): void
  /** What keeps the runtime from answering; empty while it does. */
  trouble(): string
}

export function createPlegLoop({ runtime, clock, log, changed, listed, machine, troubled }: PlegLoopOptions): PlegLoop {
  const stopping = new AbortController()
  let records: readonly PlegRecord[] = []
  let timer: Timer | undefined
  let relisting = false
  let again = false
  let lastTrouble = ''

  async function relist(): Promise<void> {
    const [conditions, sandboxes, containers] = await Promise.all([
      runtime.status(),
      runtime.listPodSandbox(),
      runtime.listContainers(),
    ])
    machine(conditions.every(({ type, status }) => type !== 'MachineRunning' || status))
    const withPod = containers.map((container) => ({ ...container, podUid: container.labels[criLabels.podUid] ?? '' }))
    const before = records
    records = plegRecords(withPod, sandboxes)
    listed(sandboxes, containers)
    const pods = podsToSync(diffRelist(before, records))
    if (pods.length > 0) changed(pods)
  }

  /** Never two at once; a wish that comes meanwhile is granted right afterwards. */
  async function relistNow(): Promise<void> {
    if (relisting) {
      again = true
      return
    }
    relisting = true
    timer?.cancel()
    do {
      again = false
      const trouble = await relist().then(() => '', describeError)
      if (trouble !== lastTrouble) {
        if (trouble) log.error(`relist: ${trouble}`)
        lastTrouble = trouble
        troubled()
      }
    } while (again && !stopping.signal.aborted)
    relisting = false
    if (!stopping.signal.aborted) timer = clock.setTimer(RELIST_PERIOD_MS, () => void relistNow())
  }

  async function followEvents(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        for await (const _ of runtime.containerEvents(stopping.signal)) void relistNow()
      } catch (error) {
        if (!stopping.signal.aborted) log.warn(`container events: ${describeError(error)}`)
      }
      // Events are a convenience: without them, the relist still finds everything.
      await new Promise<void>((resolve) => clock.setTimer(RELIST_PERIOD_MS, resolve))
    }
  }

  return {
    relist,
    start() {
      timer = clock.setTimer(RELIST_PERIOD_MS, () => void relistNow())
      void followEvents()
    },
    stop() {
      stopping.abort()
      timer?.cancel()
    },
    trouble: () => lastTrouble,
  }
}
