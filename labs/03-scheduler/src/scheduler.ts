/**
 * The scheduler's composition root and its loop: watches nodes and pods, runs one scheduling cycle at a time, binds in the
 * background.
 *
 * The cycle must be one at a time, because each decision has to see the one before; binding need not be, because `assume` has
 * already booked the room. So a slow API server slows down bindings, not decisions.
 *
 * Nothing is kept that cannot be read again: a scheduler that restarts lists nodes and pods, and goes on.
 *
 * Source: kube-scheduler `pkg/scheduler/scheduler.go`, `schedule_one.go`, `eventhandlers.go`.
 */
import { type Node, objectKey, type Pod, type Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { startListWatch } from '#kit/client/list-watch.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { type Clock, systemClock, type Timer } from '#kit/contracts/clock.ts'
import { type Log, silentLog } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import type { QueuedPod, SchedulingDecision } from '#kit/contracts/scheduling.ts'
import { failedAnnouncement, scheduledAnnouncement } from './announcements.ts'
import { bindPod, patchNotScheduled } from './api-writes.ts'
import { NodeCache } from './cache.ts'
import { createEventRecorder } from './event-recorder.ts'
import { SchedulingQueue } from './queue.ts'
import { claimOf, isForUs, looksAtOtherPods, offerOf } from './relevance.ts'
import { schedulePod } from './scheduling-cycle.ts'

export interface SchedulerOptions {
  readonly client: ApiClient
  readonly clock?: Clock
  readonly log?: Log
  /** In [0, 1), for ties. */
  readonly random?: () => number
}

/** Decisions in a row before sockets get their turn. */
const DECISIONS_PER_TURN = 20
/** The pause after a cycle that broke down (a part not written yet, a bug), which would break down again at once. */
const PAUSE_AFTER_BREAKDOWN_MS = 5_000

export async function startScheduler(options: SchedulerOptions): Promise<RunningComponent> {
  const { client, clock = systemClock, log = silentLog, random = Math.random } = options
  const queue = new SchedulingQueue()
  const cache = new NodeCache()
  const events = createEventRecorder(client, clock, log)
  /** Keys of pending pods for which it matters where other pods go: they alone are woken when one was placed. */
  const waitingForCompany = new Set<string>()
  let ready = false
  const stopping = new AbortController()
  let turn: NodeJS.Immediate | undefined
  let timer: Timer | undefined

  const nodes = startListWatch<Node>({
    client,
    clock,
    log,
    resource: resources.nodes,
    handlers: {
      added: nodeChanged,
      updated: (node, previous) => (offerOf(node) === offerOf(previous) ? cache.setNode(node) : nodeChanged(node)),
      deleted: (node) => cache.removeNode(node.metadata.name),
    },
  })
  const pods = startListWatch<Pod>({
    client,
    clock,
    log,
    resource: resources.pods,
    fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
    handlers: {
      added: podSeen,
      updated: podSeen,
      deleted: podGone,
    },
  })
  // Decisions before both lists are in would book rooms that are taken.
  void Promise.all([nodes.synced, pods.synced]).then(() => {
    ready = true
    log.info(`knows ${nodes.list().length} nodes and ${pods.list().length} pods`)
    wake()
  })

  function nodeChanged(node: Node): void {
    cache.setNode(node)
    somethingMayFitNow()
  }

  function podSeen(pod: Stored<Pod>, previous?: Stored<Pod>): void {
    if (!pod.spec?.nodeName) podPending(pod)
    else if (!previous?.spec?.nodeName) podAssigned(pod)
    else if (claimOf(pod) !== claimOf(previous)) {
      cache.setPod(pod)
      somethingMayFitNow()
    }
  }

  function podPending(pod: Stored<Pod>): void {
    if (cache.isAssumed(pod)) return
    if (isForUs(pod)) queue.add(pod, clock.now())
    else queue.remove(objectKey(pod))
    if (looksAtOtherPods(pod)) waitingForCompany.add(objectKey(pod))
    wake()
  }

  function podAssigned(pod: Stored<Pod>): void {
    queue.remove(objectKey(pod))
    waitingForCompany.delete(objectKey(pod))
    cache.setPod(pod)
    if (waitingForCompany.size > 0) somethingMayFitNow()
  }

  function podGone(pod: Stored<Pod>): void {
    queue.remove(objectKey(pod))
    waitingForCompany.delete(objectKey(pod))
    events.endSeries(pod)
    cache.removePod(pod)
    somethingMayFitNow()
  }

  function somethingMayFitNow(): void {
    queue.moveAll(clock.now())
    wake()
  }

  /** Lets the loop run soon; any number of calls make one run. */
  function wake(): void {
    if (ready && !stopping.signal.aborted) turn ??= setImmediate(takeTurn)
  }

  function takeTurn(): void {
    turn = undefined
    timer?.cancel()
    try {
      for (let decisions = 0; decisions < DECISIONS_PER_TURN; decisions++) {
        const queued = queue.pop(clock.now())
        if (!queued) {
          sleep()
          return
        }
        decide(queued)
      }
      wake()
    } catch (error) {
      log.error('scheduling', error)
      timer = clock.setTimer(PAUSE_AFTER_BREAKDOWN_MS, wake)
    }
  }

  function sleep(): void {
    const dueMs = queue.nextDueMs()
    if (dueMs !== undefined) timer = clock.setTimer(Math.max(0, dueMs - clock.now()), wake)
  }

  function decide(queued: QueuedPod): void {
    let decision: SchedulingDecision
    try {
      decision = schedulePod(queued.pod, cache.snapshot(), random())
      if (decision.scheduled) cache.assume(queued.pod, decision.nodeName)
    } catch (error) {
      failed(queued, 'SchedulerError', error)
      return
    }
    if (decision.scheduled) void bind(queued, decision.nodeName)
    else failed(queued, 'Unschedulable', new Error(decision.message))
  }

  async function bind(queued: QueuedPod, nodeName: string): Promise<void> {
    try {
      await bindPod(client, clock, queued.pod, nodeName, stopping.signal)
      events.record(queued.pod, scheduledAnnouncement(queued.pod, nodeName))
      events.endSeries(queued.pod)
    } catch (error) {
      cache.forget(queued.pod)
      failed(queued, 'SchedulerError', error)
      somethingMayFitNow()
    }
  }

  /** The pod waits, unless it has gone or been changed into another matter meanwhile; and the world is told why. */
  function failed(queued: QueuedPod, reason: 'Unschedulable' | 'SchedulerError', cause: unknown): void {
    if (stopping.signal.aborted) return
    const message = cause instanceof Error ? cause.message : String(cause)
    if (reason === 'SchedulerError') log.error(`pod ${objectKey(queued.pod)}`, cause)
    const pod = pods.get(objectKey(queued.pod))
    if (!pod || pod.metadata.uid !== queued.pod.metadata?.uid || pod.spec?.nodeName) return
    queue.retryLater({ ...queued, pod }, clock.now(), reason === 'Unschedulable' ? 'unschedulable' : 'error')
    events.record(pod, failedAnnouncement(message))
    patchNotScheduled(client, clock, pod, reason, message).catch((error) =>
      log.warn(`status of ${objectKey(pod)}: ${error}`),
    )
    wake()
  }

  return {
    async stop() {
      stopping.abort()
      nodes.stop()
      pods.stop()
      timer?.cancel()
      if (turn) clearImmediate(turn)
    },
  }
}
