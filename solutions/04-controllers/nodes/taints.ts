/**
 * Taints translate a node's condition into what the scheduler and the eviction understand.
 *
 * Guarantees: taints that users or others put on a node are left alone; NoSchedule comes at once, NoExecute one look
 * later; when no node at all is ready, no node gets NoExecute: then it is rather our own network that is broken, and to
 * evict everything would make an outage out of it.
 * Source: kubernetes `pkg/controller/nodelifecycle/node_lifecycle_controller.go` (doNoScheduleTaintingPass,
 * handleDisruption).
 */
import type { Node, Taint } from '#kit/api/objects.ts'
import { nodeCondition } from './heartbeat.ts'

export const NOT_READY = 'node.kubernetes.io/not-ready'
export const UNREACHABLE = 'node.kubernetes.io/unreachable'
export const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'

/** Condition → its status → the taint's key. */
const KEY_BY_CONDITION: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: NOT_READY, Unknown: UNREACHABLE },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
}

/** The keys of which a taint says the same as the node's conditions and `spec.unschedulable`. Given. */
export function conditionKeys(node: Node): string[] {
  const byCondition = Object.entries(KEY_BY_CONDITION).flatMap(
    ([type, byStatus]) => byStatus[nodeCondition(node, type)?.status ?? ''] ?? [],
  )
  return node.spec?.unschedulable ? [...byCondition, UNSCHEDULABLE] : byCondition
}

/** Whether a taint is one that this controller puts on nodes and takes away again. Given. */
export function isOurs({ key, effect }: Taint): boolean {
  if (effect === 'NoExecute') return key === NOT_READY || key === UNREACHABLE
  if (effect !== 'NoSchedule') return false
  return key === UNSCHEDULABLE || Object.values(KEY_BY_CONDITION).some((keys) => Object.values(keys).includes(key))
}

/**
 * The taints that the node shall have now, or undefined when it has them. First those that it keeps, in their order:
 * foreign ones, and ours that are still right (with the `timeAdded` they have). Then the new ones, with `timeAdded`.
 *
 * Right are: NoSchedule for each of `conditionKeys`; and NoExecute for not-ready or unreachable, if the node has that
 * key with NoSchedule already, and not `noneReady`.
 *
 * @param noneReady no node of the cluster is ready
 *
 * @lab 4.6 Taint a node as its conditions say
 */
export function wantedTaints(node: Node, noneReady: boolean, nowMs: number): Taint[] | undefined {
  const current = node.spec?.taints ?? []
  const has = (key: string, effect: string) => current.some((taint) => taint.key === key && taint.effect === effect)
  const keys = conditionKeys(node)
  const evicting = keys.filter((key) => (key === NOT_READY || key === UNREACHABLE) && has(key, 'NoSchedule'))
  const right = [
    ...keys.map((key) => ({ key, effect: 'NoSchedule' })),
    ...(noneReady ? [] : evicting.map((key) => ({ key, effect: 'NoExecute' }))),
  ]
  const kept = current.filter(
    (taint) => !isOurs(taint) || right.some(({ key, effect }) => key === taint.key && effect === taint.effect),
  )
  const missing = right.filter(({ key, effect }) => !has(key, effect))
  if (missing.length === 0 && kept.length === current.length) return undefined
  const timeAdded = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  return [...kept, ...missing.map((taint) => ({ ...taint, timeAdded }))]
}
