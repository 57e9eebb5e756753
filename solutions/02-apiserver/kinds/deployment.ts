/** Deployments. Source: kubernetes `pkg/apis/apps/v1/defaults.go`, `pkg/apis/apps/validation/validation.go`. */
import type { ApiObject, Deployment, DeploymentSpec, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { goValue, immutable, invalidValue, notNegative } from '../validation/field-errors.ts'
import { validateSelectorAndTemplate } from '../validation/template.ts'
import { templateWithDefaults } from './pod-defaults.ts'

export function applyDeploymentDefaults(draft: ApiObject): void {
  const deployment = draft as Deployment
  if (deployment.spec) deployment.spec = deploymentSpecWithDefaults(deployment.spec)
}

/**
 * A Deployment's spec with its defaults: 1 replica, a history of 10 old ReplicaSets (`revisionHistoryLimit`), 600 s to make
 * progress (`progressDeadlineSeconds`), and a strategy of type RollingUpdate that may have a quarter too many and a quarter
 * too few pods (`maxSurge`, `maxUnavailable`: "25%"; each on its own). Other strategies have no such numbers. The
 * template's pod spec gets its own defaults.
 *
 * @lab 2.4 Default a Deployment
 */
export function deploymentSpecWithDefaults(spec: DeploymentSpec): DeploymentSpec {
  const type = spec.strategy?.type ?? 'RollingUpdate'
  const rollingUpdate = { maxUnavailable: '25%', maxSurge: '25%', ...spec.strategy?.rollingUpdate }
  return {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
    strategy: { ...spec.strategy, type, ...(type === 'RollingUpdate' && { rollingUpdate }) },
    ...(spec.template && { template: templateWithDefaults(spec.template) }),
  }
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
  return immutable('spec.selector', (object as Deployment).spec?.selector, (old as Stored<Deployment>).spec?.selector)
}

function isNothing(amount: unknown): boolean {
  return amount === 0 || amount === '0%' || amount === '0'
}
