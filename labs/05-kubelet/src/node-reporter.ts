/**
 * Registers the node and keeps its heartbeat going: the Lease every ten seconds, the Node's status when something changed,
 * or every five minutes.
 *
 * While the machine is off (`isAlive` false) it sends nothing at all, as a machine that is off does.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_node_status.go` (registerWithAPIServer, syncNodeStatus).
 */
import { isDeepStrictEqual } from 'node:util'
import type { Lease, Node, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { EventRecorder } from '#kit/client/event-recorder.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { type Machine, type NotReadyReasons, newNode, nodeConditions, renewedLease } from './node-status.ts'

export const LEASE_PERIOD_MS = 10_000
const STATUS_PERIOD_MS = 300_000
/** A failed heartbeat is tried again soon, then ever later: a node that is silent for 40 s counts as lost. */
const RETRY_FIRST_MS = 200
const RETRY_LAST_MS = 7_000
const CONFLICT_RETRIES = 5
const LEASE_NAMESPACE = 'kube-node-lease'

export interface NodeReporterOptions {
  readonly client: ApiClient
  readonly machine: Machine
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventRecorder
  readonly isAlive: () => boolean
  readonly notReady: () => NotReadyReasons
}

export function startNodeReporter(options: NodeReporterOptions): { stop(): void; reportNow(): void } {
  const { client, machine, clock, log, recorder, isAlive } = options
  const { name } = machine
  let node: Stored<Node> | undefined
  let lease: Stored<Lease> | undefined
  let reportedMs = Number.NEGATIVE_INFINITY
  let timer: Timer | undefined
  let stopped = false
  let beating = false
  let lastTrouble = ''
  let retryMs = RETRY_FIRST_MS

  async function report(): Promise<void> {
    const current = await client.get<Node>(resources.nodes, { name }).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
    const conditions = nodeConditions(current?.status?.conditions ?? [], options.notReady(), clock.now())
    const wanted = newNode(machine, conditions)
    const wasReady = current?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    if (!current) node = await client.create(resources.nodes, wanted)
    else if (wasOutdated(current, wanted)) {
      const status = { ...current.status, ...wanted.status }
      node = (await client.update(resources.nodes, { ...current, status }, 'status')) as Stored<Node>
    } else {
      node = current
      return
    }
    reportedMs = clock.now()
    const isReady = wanted.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    if (isReady && !wasReady) {
      const subject = { apiVersion: 'v1', kind: 'Node', name, uid: name }
      recorder.record(subject, 'Normal', 'NodeReady', `Node ${name} status is now: NodeReady`)
    }
  }

  /** Equal but for the time of the heartbeat is not worth a write, for five minutes. */
  function wasOutdated(current: Stored<Node>, wanted: Node): boolean {
    if (clock.now() - reportedMs >= STATUS_PERIOD_MS) return true
    return !isDeepStrictEqual(
      withoutHeartbeat({ ...current.status, ...wanted.status }),
      withoutHeartbeat(current.status),
    )
  }

  async function reportWithRetries(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await report()
      } catch (error) {
        if (!hasReason(error, 'Conflict', 'AlreadyExists') || attempt === CONFLICT_RETRIES) throw error
      }
    }
  }

  async function renew(): Promise<void> {
    const next = renewedLease(lease, node, name, clock.now())
    try {
      lease = lease
        ? ((await client.update(resources.leases, next)) as Stored<Lease>)
        : ((await client.create(resources.leases, next, { namespace: LEASE_NAMESPACE })) as Stored<Lease>)
    } catch (error) {
      lease = undefined
      if (!hasReason(error, 'AlreadyExists', 'Conflict', 'NotFound')) throw error
      if (hasReason(error, 'NotFound')) throw error
      lease = await client.get<Lease>(resources.leases, { namespace: LEASE_NAMESPACE, name })
      lease = (await client.update(resources.leases, renewedLease(lease, node, name, clock.now()))) as Stored<Lease>
    }
  }

  async function beat(): Promise<void> {
    if (stopped || beating) return
    timer?.cancel()
    beating = true
    let nextMs = LEASE_PERIOD_MS
    try {
      if (isAlive()) {
        await reportWithRetries()
        await renew()
      }
      lastTrouble = ''
      retryMs = RETRY_FIRST_MS
    } catch (error) {
      // The same trouble every ten seconds is one line in the log.
      const trouble = describeError(error)
      if (trouble !== lastTrouble) log.warn(`heartbeat: ${trouble}; trying again`)
      lastTrouble = trouble
      nextMs = retryMs
      retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
    }
    beating = false
    if (!stopped) timer = clock.setTimer(nextMs, () => void beat())
  }

  recorder.record({ apiVersion: 'v1', kind: 'Node', name, uid: name }, 'Normal', 'Starting', 'Starting kubelet.')
  void beat()
  return {
    stop() {
      stopped = true
      timer?.cancel()
    },
    reportNow: () => void beat(),
  }
}

function withoutHeartbeat(status: Node['status']): unknown {
  const conditions = status?.conditions?.map(({ lastHeartbeatTime: _, ...rest }) => rest)
  return JSON.parse(JSON.stringify({ ...status, conditions }))
}
