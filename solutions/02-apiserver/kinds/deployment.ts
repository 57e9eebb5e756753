/** Deployments. Source: kubernetes `pkg/apis/apps/v1/defaults.go`, `pkg/apis/apps/validation/validation.go`. */
import type { ApiObject, Deployment, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { goValue, immutable, invalidValue, notNegative } from '../validation/field-errors.ts'
import { validateSelectorAndTemplate } from '../validation/template.ts'
import { applyPodSpecDefaults } from './pod-defaults.ts'

/**
 * Fills in a Deployment: 1 replica, a history of 10 old ReplicaSets, 600 s to make progress, and a rolling update that
 * may have a quarter too many and a quarter too few pods. A strategy of `Recreate` has no such numbers. Then the
 * template's pod spec.
 *
 * @lab 2.4 Default a Deployment
 */
export function applyDeploymentDefaults(draft: ApiObject): void {
  const { spec } = draft as Deployment
  if (!spec) return
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
  spec.strategy ??= {}
  spec.strategy.type ??= 'RollingUpdate'
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {}
    spec.strategy.rollingUpdate.maxUnavailable ??= '25%'
    spec.strategy.rollingUpdate.maxSurge ??= '25%'
  }
  if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec)
}

export function validateDeployment(object: ApiObject): readonly FieldError[] {
  const { spec } = object as Deployment
  const strategy = spec?.strategy
  return [
    ...notNegative('spec.replicas', spec?.replicas),
    ...validateSelectorAndTemplate(spec?.selector, spec?.template, 'Always'),
    ...(strategy?.type === 'Recreate' && strategy.rollingUpdate
      ? [
          {
            reason: 'FieldValueForbidden' as const,
            field: 'spec.strategy.rollingUpdate',
            message: "Forbidden: may not be specified when strategy `type` is 'Recreate'",
          },
        ]
      : []),
    ...(strategy?.type === 'RollingUpdate' &&
    isNothing(strategy.rollingUpdate?.maxUnavailable) &&
    isNothing(strategy.rollingUpdate?.maxSurge)
      ? [invalidValue('spec.strategy.rollingUpdate.maxUnavailable', goValue(0), 'may not be 0 when `maxSurge` is 0')]
      : []),
  ]
}

export function validateDeploymentUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  return immutable(
    'spec.selector',
    (object as Deployment).spec?.selector,
    (old as unknown as Deployment).spec?.selector,
  )
}

function isNothing(amount: unknown): boolean {
  return amount === 0 || amount === '0%' || amount === '0'
}
