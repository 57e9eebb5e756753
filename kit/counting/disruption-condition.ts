/**
 * The condition DisruptionAllowed of a PodDisruptionBudget, for who evicts and for who counts the pods.
 *
 * Source: kubernetes `component-helpers/apps/poddisruptionbudget/helpers.go`.
 */
import type { Condition, PodDisruptionBudget } from '../api/objects.ts'

type Status = NonNullable<PodDisruptionBudget['status']>

/**
 * The status with a condition that agrees with its `disruptionsAllowed`. Its time changes only when the answer does.
 *
 * @param now RFC 3339
 */
export function withDisruptionCondition(status: Status, now: string): Status {
  const isAllowed = status.disruptionsAllowed > 0
  const before = status.conditions?.find(({ type }) => type === 'DisruptionAllowed')
  const answer = isAllowed ? 'True' : 'False'
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: answer,
    ...(status.observedGeneration && { observedGeneration: status.observedGeneration }),
    lastTransitionTime: before?.status === answer ? before.lastTransitionTime : now,
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
  }
  const others = (status.conditions ?? []).filter((one) => one !== before)
  return { ...status, conditions: [...others, condition] }
}
