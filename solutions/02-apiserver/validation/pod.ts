/**
 * What makes a pod's spec wrong.
 *
 * A validation looks at the whole object and reports everything it finds, each with the path of its field, so that a user
 * can repair it in one go. It runs after defaulting, so fields with a default are there.
 *
 * Source: kubernetes `pkg/apis/core/validation/validation.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Container, Pod, PodSpec, Stored } from '#kit/api/objects.ts'
import { compareQuantities, isQuantity, parseQuantity, QuantityError } from '#kit/api/quantity.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { duplicate, forbiddenField, invalidValue, notFoundValue, notSupported, required } from './field-errors.ts'
import { dnsLabelProblem } from './names.ts'

export function validatePod(object: ApiObject): readonly FieldError[] {
  const { spec } = object as Pod
  return spec ? validatePodSpec(spec, 'spec') : [required('spec')]
}

/**
 * Everything wrong with a pod's spec found at `path`:
 * - volumes need distinct names (`<path>.volumes[0].name`);
 * - `<path>.containers` is required, at least one; container names are distinct among all of them
 *   ("Duplicate value", at `<path>.containers[1].name`);
 * - `<path>.restartPolicy` is one of Always, OnFailure, Never; `<path>.dnsPolicy` one of ClusterFirstWithHostNet,
 *   ClusterFirst, Default, None.
 *
 * Each container and init container is checked by `validateContainer`. Order: volumes, init containers, containers, policies.
 *
 * @lab 2.5 Validate a pod's spec
 */
export function validatePodSpec(spec: PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = []
  const volumes = new Set<string>()
  for (const [i, { name }] of (spec.volumes ?? []).entries()) {
    if (volumes.has(name)) errors.push(duplicate(`${path}.volumes[${i}].name`, JSON.stringify(name)))
    volumes.add(name)
  }
  if (!spec.containers?.length) errors.push(required(`${path}.containers`))

  const names = new Set<string>()
  for (const field of ['initContainers', 'containers'] as const) {
    for (const [i, container] of (spec[field] ?? []).entries()) {
      const at = `${path}.${field}[${i}]`
      errors.push(...validateContainer(container, at, volumes))
      if (names.has(container.name)) errors.push(duplicate(`${at}.name`, JSON.stringify(container.name)))
      names.add(container.name)
    }
  }
  errors.push(...oneOf(`${path}.restartPolicy`, spec.restartPolicy, RESTART_POLICIES))
  errors.push(...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, DNS_POLICIES))
  return errors
}

/**
 * Everything wrong with one container, in this order: its name (required, a DNS label), its image (required), its ports
 * (`containerPort` required and from 1 to 65535, so may be `hostPort`; protocol TCP, UDP or SCTP), its env vars (a name is
 * required), its volume mounts (the volume must exist: "Not found: "data""; the `mountPath` is required), its
 * `imagePullPolicy` (Always, IfNotPresent, Never), its resources (`validateResources`).
 */
export function validateContainer(container: Container, path: string, volumes: ReadonlySet<string>): FieldError[] {
  const { name, image, ports = [], env = [], volumeMounts = [], imagePullPolicy } = container
  const nameProblem = name && dnsLabelProblem(name)
  return [
    ...(name ? [] : [required(`${path}.name`)]),
    ...(nameProblem ? [invalidValue(`${path}.name`, JSON.stringify(name), nameProblem)] : []),
    ...(image ? [] : [required(`${path}.image`)]),
    ...ports.flatMap((port, i) => [
      ...(port.containerPort
        ? portRange(`${path}.ports[${i}].containerPort`, port.containerPort)
        : [required(`${path}.ports[${i}].containerPort`)]),
      ...(port.hostPort ? portRange(`${path}.ports[${i}].hostPort`, port.hostPort) : []),
      ...oneOf(`${path}.ports[${i}].protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
    ]),
    ...env.flatMap((variable, i) => (variable.name ? [] : [required(`${path}.env[${i}].name`)])),
    ...volumeMounts.flatMap((mount, i) => [
      ...(volumes.has(mount.name) ? [] : [notFoundValue(`${path}.volumeMounts[${i}].name`, mount.name)]),
      ...(mount.mountPath ? [] : [required(`${path}.volumeMounts[${i}].mountPath`)]),
    ]),
    ...oneOf(`${path}.imagePullPolicy`, imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...validateResources(container.resources, `${path}.resources`),
  ]
}

/**
 * Limits and requests are quantities (`<path>.limits[cpu]`, invalid, with QuantityError's message), not negative, and no
 * request is above its limit: `<path>.requests`, invalid, showing the request: "must be less than or equal to cpu limit of 1".
 *
 * @lab 2.5 Compare requests with limits
 */
export function validateResources(resources: Container['resources'], path: string): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {}
  const errors = [...validateQuantities(limits, `${path}.limits`), ...validateQuantities(requests, `${path}.requests`)]
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name]
    if (limit === undefined || !isQuantity(limit) || !isQuantity(request)) continue
    if (compareQuantities(parseQuantity(request), parseQuantity(limit)) > 0) {
      const detail = `must be less than or equal to ${name} limit of ${limit}`
      errors.push(invalidValue(`${path}.requests`, JSON.stringify(String(request)), detail))
    }
  }
  return errors
}

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']

/** The few things about a running pod that may change. */
export function validatePodUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const [spec, before] = [(object as Pod).spec, (old as Stored<Pod>).spec]
  if (!spec || !before) return []
  return isDeepStrictEqual(fixedPart(spec), fixedPart(before))
    ? []
    : [
        forbiddenField(
          'spec',
          'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
        ),
      ]
}

/** A spec without what may change. */
function fixedPart(spec: PodSpec): unknown {
  const { activeDeadlineSeconds, tolerations, ...fixed } = spec
  const withoutImages = (containers: readonly Container[] = []) => containers.map(({ image, ...rest }) => rest)
  return {
    ...fixed,
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
  }
}

function validateQuantities(quantities: Record<string, string>, path: string): FieldError[] {
  return Object.entries(quantities).flatMap(([name, text]) => {
    const field = `${path}[${name}]`
    if (!isQuantity(text)) return [invalidValue(field, JSON.stringify(text), new QuantityError().message)]
    if (parseQuantity(text).nanos >= 0n) return []
    return [invalidValue(field, JSON.stringify(text), 'must be greater than or equal to 0')]
  })
}

export function portRange(field: string, port: number): FieldError[] {
  return port >= 1 && port <= 65_535
    ? []
    : [invalidValue(field, String(port), 'must be between 1 and 65535, inclusive')]
}

export function oneOf(field: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return value !== undefined && !allowed.includes(value) ? [notSupported(field, value, allowed)] : []
}
