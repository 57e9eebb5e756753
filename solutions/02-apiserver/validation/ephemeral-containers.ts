/**
 * What makes ephemeral containers wrong: they are for looking around in a pod that already runs, not a way to change what it
 * does. So they have no ports, probes or resources of their own, and once there they stay as they are.
 *
 * Source: kubernetes `pkg/apis/core/validation/validation.go` (validateEphemeralContainers,
 * ValidatePodEphemeralContainersUpdate).
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Container, Pod, PodSpec } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { duplicate, forbiddenField, notFoundValue } from './field-errors.ts'
import { validateContainer } from './pod.ts'

/** Everything else is forbidden, so that a field that is new some day has to be thought about first. */
const ALLOWED: readonly string[] = [
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'envFrom',
  'env',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
]

/** A new pod has none: it does not run yet. */
export function validateNewPod(object: ApiObject): readonly FieldError[] {
  const { ephemeralContainers = [] } = (object as Pod).spec ?? {}
  return ephemeralContainers.length > 0 ? [forbiddenField('spec.ephemeralContainers', 'cannot be set on create')] : []
}

export function validateEphemeralContainers(spec: PodSpec, path: string): FieldError[] {
  const { containers, initContainers = [], ephemeralContainers = [], volumes = [] } = spec
  const volumeNames = new Set(volumes.map(({ name }) => name))
  const targets = new Set([...initContainers, ...containers].map(({ name }) => name))
  const names = new Set(targets)
  return ephemeralContainers.flatMap((container, i) => {
    const at = `${path}[${i}]`
    const { name, targetContainerName: target } = container
    const isTaken = names.has(name)
    names.add(name)
    return [
      ...validateContainer(container as Container, at, volumeNames),
      ...(isTaken ? [duplicate(`${at}.name`, JSON.stringify(name))] : []),
      ...(target && !targets.has(target) ? [notFoundValue(`${at}.targetContainerName`, target)] : []),
      ...forbiddenFields(container as Container, at),
    ]
  })
}

function forbiddenFields(container: Container, at: string): FieldError[] {
  const detail = 'cannot be set for an Ephemeral Container'
  const fields = Object.entries(container)
    .filter(([field, value]) => !ALLOWED.includes(field) && !isEmpty(value))
    .map(([field]) => `${at}.${field}`)
  // A mount of a part of a volume cannot be undone while the pod runs.
  const mounts = (container.volumeMounts ?? []).flatMap((mount, i) =>
    (['subPath', 'subPathExpr'] as const)
      .filter((field) => mount[field])
      .map((field) => `${at}.volumeMounts[${i}].${field}`),
  )
  return [...fields, ...mounts].map((field) => forbiddenField(field, detail))
}

/** Those that are there stay, each as it is. */
export function validateEphemeralContainersUpdate(spec: PodSpec, old: PodSpec, path: string): FieldError[] {
  return (old.ephemeralContainers ?? []).flatMap((before) => {
    const now = spec.ephemeralContainers?.find(({ name }) => name === before.name)
    if (isDeepStrictEqual(now, before)) return []
    const what = now ? 'changed' : 'removed'
    return [forbiddenField(path, `existing ephemeral containers ${JSON.stringify(before.name)} may not be ${what}\n`)]
  })
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
}
