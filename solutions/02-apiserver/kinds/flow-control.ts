/**
 * Flow schemas and priority levels: which requests wait for which. Stored only; this server takes all requests as they
 * come. Source: kubernetes `pkg/apis/flowcontrol/v1/defaults.go`.
 */
import type { ApiObject, FlowSchema, PriorityLevelConfiguration } from '#kit/api/objects.ts'

export function applyFlowSchemaDefaults(draft: ApiObject): void {
  const { spec } = draft as FlowSchema
  if (spec) spec.matchingPrecedence ||= 1000
}

export function applyPriorityLevelDefaults(draft: ApiObject): void {
  const { spec } = draft as PriorityLevelConfiguration
  if (spec?.exempt) {
    spec.exempt.nominalConcurrencyShares ??= 0
    spec.exempt.lendablePercent ??= 0
  }
  if (!spec?.limited) return
  spec.limited.nominalConcurrencyShares ??= 30
  spec.limited.lendablePercent ??= 0
  const { queuing } = spec.limited.limitResponse ?? {}
  if (!queuing) return
  queuing.handSize ||= 8
  queuing.queues ||= 64
  queuing.queueLengthLimit ||= 50
}
