/**
 * How a pod is summed up in one line. The word under STATUS is not a field of the pod: it is the most telling reason found
 * among the pod's phase, its init containers (until the first one that is not done), its containers, and its deletion.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printPod`.
 */
import type { ContainerStatus, Pod } from '../../api/objects.ts'
import { age } from './ages.ts'
import { ageColumn, column, NONE, nameColumn, type Printer, type RowCondition, wideColumn } from './columns.ts'

export const podPrinter: Printer<Pod> = {
  columns: [
    nameColumn,
    column('Ready', 'How many of the containers are ready.'),
    column('Status', 'The one word that says best how the pod is doing.'),
    column('Restarts', 'How often containers were restarted, and when last.'),
    ageColumn,
    wideColumn('IP', "The pod's address."),
    wideColumn('Node', 'The node that the pod is bound to.'),
    wideColumn('Nominated Node', 'The node on which preemption makes room for the pod.'),
    wideColumn('Readiness Gates', 'How many of the readiness gates are passed.'),
  ],
  cells(pod, nowMs) {
    const { ready, total, status, restarts, lastRestart } = summarizePod(pod)
    return [
      pod.metadata?.name ?? '',
      `${ready}/${total}`,
      status,
      restarts > 0 && lastRestart ? `${restarts} (${age(lastRestart, nowMs)} ago)` : `${restarts}`,
      age(pod.metadata?.creationTimestamp, nowMs),
      pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || NONE,
      pod.spec?.nodeName || NONE,
      pod.status?.nominatedNodeName || NONE,
      readinessGates(pod),
    ]
  },
  conditions(pod) {
    if (pod.status?.phase === 'Succeeded') return completed('Succeeded', 'The pod has completed successfully.')
    if (pod.status?.phase === 'Failed') return completed('Failed', 'The pod failed.')
    return undefined
  },
}

export interface PodSummary {
  ready: number
  total: number
  /** "Running", "CrashLoopBackOff", "Init:0/2", "Terminating", … */
  status: string
  restarts: number
  /** RFC 3339; undefined when nothing was ever restarted. */
  lastRestart: string | undefined
}

export function summarizePod(pod: Pod): PodSummary {
  const sidecars = new Set(
    pod.spec?.initContainers?.filter((container) => container.restartPolicy === 'Always').map(({ name }) => name),
  )
  const summary: PodSummary = {
    ready: 0,
    total: (pod.spec?.containers?.length ?? 0) + sidecars.size,
    status: pod.status?.reason || pod.status?.phase || '',
    restarts: 0,
    lastRestart: undefined,
  }
  if (conditionOf(pod, 'PodScheduled')?.reason === 'SchedulingGated') summary.status = 'SchedulingGated'

  const initializing = addInitContainers(summary, pod, sidecars)
  if (!initializing || conditionOf(pod, 'Initialized')?.status === 'True') addContainers(summary, pod, sidecars)
  if (pod.metadata?.deletionTimestamp) summary.status = statusWhenDeleted(pod, summary.status)
  return summary
}

/** Stops at the first init container that holds the others up, and says whether there is one. */
function addInitContainers(summary: PodSummary, pod: Pod, sidecars: ReadonlySet<string>): boolean {
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    addRestarts(summary, container)
    if (container.state?.terminated?.exitCode === 0) continue
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) summary.ready++
      continue
    }
    const waiting = container.state?.waiting?.reason
    if (container.state?.terminated) summary.status = `Init:${terminationText(container)}`
    else if (waiting && waiting !== 'PodInitializing') summary.status = `Init:${waiting}`
    else summary.status = `Init:${index}/${pod.spec?.initContainers?.length ?? 0}`
    return true
  }
  return false
}

/** Once the app containers count, restarts of ordinary init containers no longer do. */
function addContainers(summary: PodSummary, pod: Pod, sidecars: ReadonlySet<string>): void {
  summary.restarts = 0
  summary.lastRestart = undefined
  for (const container of pod.status?.initContainerStatuses ?? []) {
    if (sidecars.has(container.name)) addRestarts(summary, container)
  }
  let hasRunning = false
  // From last to first, so that the first container's reason wins.
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    addRestarts(summary, container)
    if (container.state?.waiting?.reason) summary.status = container.state.waiting.reason
    else if (container.state?.terminated) summary.status = terminationText(container)
    else if (container.ready && container.state?.running) {
      hasRunning = true
      summary.ready++
    }
  }
  // One container is done and another goes on: "Completed" would be misleading.
  if (summary.status === 'Completed' && hasRunning) {
    summary.status = conditionOf(pod, 'Ready')?.status === 'True' ? 'Running' : 'NotReady'
  }
}

function addRestarts(summary: PodSummary, container: ContainerStatus): void {
  summary.restarts += container.restartCount ?? 0
  const finishedAt = container.lastState?.terminated?.finishedAt
  if (finishedAt && (!summary.lastRestart || summary.lastRestart < finishedAt)) summary.lastRestart = finishedAt
}

function terminationText(container: ContainerStatus): string {
  const { reason, signal, exitCode } = container.state!.terminated!
  if (reason) return reason
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`
}

function statusWhenDeleted(pod: Pod, status: string): string {
  if (pod.status?.reason === 'NodeLost') return 'Unknown'
  const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
  return over ? status : 'Terminating'
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? []
  if (gates.length === 0) return NONE
  const passed = gates.filter((gate) => conditionOf(pod, gate.conditionType)?.status === 'True')
  return `${passed.length}/${gates.length}`
}

function conditionOf(pod: Pod, type: string) {
  return pod.status?.conditions?.find((condition) => condition.type === type)
}

function completed(reason: string, message: string): readonly RowCondition[] {
  return [{ type: 'Completed', status: 'True', reason, message }]
}
