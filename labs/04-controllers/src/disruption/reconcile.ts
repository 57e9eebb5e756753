/**
 * The disruption controller keeps the numbers of a PodDisruptionBudget right: how many of its pods are healthy, how many have
 * to be, and so how many may be taken away. Evictions take from that number, at the API server; this controller works it out
 * again from the pods that there are. Given.
 *
 * A pod that was just evicted still looks healthy until its deletion has been seen. Its name is in `disruptedPods`, and it
 * counts as gone already; after two minutes it is believed to stay.
 *
 * Guarantee: when anything is not known, no disruption is allowed.
 * Source: kubernetes `pkg/controller/disruption/disruption.go` (trySync, buildDisruptedPodMap, failSafe).
 */
import { isDeepStrictEqual } from 'node:util'
import type { LabelSelector, Pod, PodDisruptionBudget, Stored } from '#kit/api/objects.ts'
import type { Action, Decision, EventNote } from '#kit/contracts/controllers.ts'
import { withDisruptionCondition } from '#kit/counting/disruption-condition.ts'
import { isReady } from '../pods.ts'
import { expectationOf, type ScaleOf } from './expected-pods.ts'

const DELETION_PATIENCE_MS = 120_000

export interface BudgetWorld {
  readonly budget: Stored<PodDisruptionBudget>
  /** Those that its selector matches. */
  readonly pods: readonly Stored<Pod>[]
  readonly scaleOf: ScaleOf
  readonly nowMs: number
}

type Status = NonNullable<PodDisruptionBudget['status']>

export function reconcileBudget(world: BudgetWorld): Decision {
  const { budget, pods, scaleOf, nowMs } = world
  const expectation = expectationOf(budget, pods, scaleOf)
  if ('problem' in expectation) return { actions: failSafe(budget, expectation.problem, nowMs) }

  const { expectedPods, desiredHealthy, unmanaged } = expectation
  const { disruptedPods, stayed, nextLookMs } = awaitedDeletions(world)
  const currentHealthy = pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !(pod.metadata.name in disruptedPods) && isReady(pod),
  ).length
  const { disruptedPods: _replaced, ...before } = budget.status ?? emptyStatus
  const counted: Status = {
    ...before,
    ...(budget.metadata.generation !== undefined && { observedGeneration: budget.metadata.generation }),
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
    // A budget that matches nothing allows nothing: its first pods may be about to appear.
    disruptionsAllowed: expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0,
    currentHealthy,
    desiredHealthy,
    expectedPods,
  }
  return {
    actions: [
      ...(pods.length === 0 ? [note(budget, 'Normal', 'NoPods', 'No matching pods found')] : []),
      ...(unmanaged.length > 0 ? [note(budget, 'Warning', 'UnmanagedPods', unmanagedText(budget.spec?.selector))] : []),
      ...stayed.map((pod) => note(pod, 'Warning', 'NotDeleted', stayedText(budget))),
      ...statusUpdate(budget, withDisruptionCondition(counted, secondOf(nowMs))),
    ],
    ...(nextLookMs !== undefined && { requeueAfterMs: nextLookMs }),
  }
}

const emptyStatus: Status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }

/** Which evicted pods are still expected to go, which should have gone by now, and when to look at the first of them again. */
function awaitedDeletions({ budget, pods, nowMs }: BudgetWorld) {
  const disruptedPods: Record<string, string> = {}
  const stayed: Stored<Pod>[] = []
  let nextLookMs: number | undefined
  for (const pod of pods) {
    const evictedAt = budget.status?.disruptedPods?.[pod.metadata.name]
    if (!evictedAt || pod.metadata.deletionTimestamp) continue
    const patienceLeftMs = Date.parse(evictedAt) + DELETION_PATIENCE_MS - nowMs
    if (patienceLeftMs < 0) stayed.push(pod)
    else {
      disruptedPods[pod.metadata.name] = evictedAt
      nextLookMs = Math.min(nextLookMs ?? patienceLeftMs, patienceLeftMs)
    }
  }
  return { disruptedPods, stayed, nextLookMs }
}

/** The numbers cannot be worked out: whatever they say now, nothing may be taken away. */
function failSafe(budget: Stored<PodDisruptionBudget>, problem: string, nowMs: number): Action[] {
  const status = { ...(budget.status ?? emptyStatus), disruptionsAllowed: 0 }
  const refused = withDisruptionCondition(status, secondOf(nowMs))
  const conditions = refused.conditions?.map((condition) =>
    condition.type === 'DisruptionAllowed' ? { ...condition, reason: 'SyncFailed', message: problem } : condition,
  )
  const text = `Failed to calculate the number of expected pods: ${problem}`
  return [
    note(budget, 'Warning', 'CalculateExpectedPodCountFailed', text),
    ...statusUpdate(budget, { ...refused, ...(conditions && { conditions }) }),
  ]
}

function statusUpdate(budget: Stored<PodDisruptionBudget>, status: Status): Action[] {
  if (isDeepStrictEqual(budget.status, status)) return []
  const object: Stored<PodDisruptionBudget> = { ...budget, status }
  return [{ do: 'update', resource: 'podDisruptionBudgets', subresource: 'status', object }]
}

function note(about: EventNote['about'], type: EventNote['type'], reason: string, message: string): Action {
  return { do: 'note', note: { about, type, reason, message } }
}

function stayedText({ metadata }: Stored<PodDisruptionBudget>): string {
  return `Pod was expected by PDB ${metadata.namespace}/${metadata.name} to be deleted but it wasn't`
}

/** With the selector as Go prints it. */
function unmanagedText({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}: ${value},`)
  const requirements = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  const selector = `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${requirements.join('')}},}`
  return `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`
}

function secondOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
