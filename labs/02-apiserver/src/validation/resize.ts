/**
 * What a resize of a running pod may not do.
 *
 * A pod's quality of service decides who is killed first when memory runs out, and its containers were started by it; so it
 * stays. Taking a request or a limit away altogether could change it, and cannot be told to a running container anyway.
 *
 * Source: kubernetes `pkg/apis/core/validation/validation.go` (ValidatePodResize); KEP-1287.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Container, PodSpec } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { qosClass } from '../kinds/pod.ts'
import { forbiddenField, invalidValue } from './field-errors.ts'

const RESIZABLE = ['cpu', 'memory']

export function validateResize(spec: PodSpec, old: PodSpec): FieldError[] {
  const errors: FieldError[] = []
  if (qosClass(spec) !== qosClass(old)) {
    const detail = 'Pod QOS Class may not change as a result of resizing'
    errors.push(invalidValue('spec', JSON.stringify(qosClass(spec)), detail))
  }
  for (const [i, { resources: before }] of old.containers.entries()) {
    const now = spec.containers[i]?.resources
    for (const kind of ['requests', 'limits'] as const) {
      if (!isAnyRemoved(before?.[kind], now?.[kind])) continue
      errors.push(forbiddenField(`spec.containers[${i}].resources.${kind}`, `resource ${kind} cannot be removed`))
    }
  }
  if (!isDeepStrictEqual(spec.containers.map(fixedPart), old.containers.map(fixedPart))) {
    errors.push(forbiddenField('spec', 'only cpu and memory resources are mutable'))
  }
  return errors
}

function isAnyRemoved(before: Record<string, string> = {}, now: Record<string, string> = {}): boolean {
  return RESIZABLE.some((name) => before[name] !== undefined && now[name] === undefined)
}

/** A container's resources without those that may change. */
function fixedPart({ resources }: Container): unknown {
  const others = (amounts: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(amounts).filter(([name]) => !RESIZABLE.includes(name)))
  return { limits: others(resources?.limits), requests: others(resources?.requests) }
}
