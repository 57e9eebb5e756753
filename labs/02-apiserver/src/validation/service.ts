/**
 * What makes a Service wrong. Source: kubernetes `pkg/apis/core/validation/validation.go` (ValidateService,
 * ValidateServiceUpdate).
 */
import type { ApiObject, Service, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { duplicate, goValue, invalidValue, required } from './field-errors.ts'
import { dnsLabelProblem } from './names.ts'
import { oneOf, portRange } from './pod.ts'

/**
 * Everything wrong with a Service:
 * - `spec.ports` is required, unless it is headless (cluster IP "None") or an ExternalName;
 * - with more than one port, each needs a name (a DNS label), and no two the same;
 * - `port`, `targetPort` (when it is a number) and, where given, `nodePort` are from 1 to 65535; `protocol` is SCTP, TCP or
 *   UDP; no two ports are alike in number and protocol (`spec.ports[1]`: "Duplicate value");
 * - `spec.type` and `spec.sessionAffinity` are known ones.
 *
 * Order per port: name, port, protocol, targetPort, nodePort.
 */
export function validateService(object: ApiObject): readonly FieldError[] {
  const { spec } = object as Service
  if (!spec) return [required('spec')]
  const { ports = [], type, clusterIP, sessionAffinity } = spec
  const errors: FieldError[] = []
  if (ports.length === 0 && clusterIP !== 'None' && type !== 'ExternalName') errors.push(required('spec.ports'))

  const names = new Set<string>()
  const numbers = new Set<string>()
  for (const [i, { name, port, targetPort, nodePort, protocol }] of ports.entries()) {
    const path = `spec.ports[${i}]`
    const nameProblem = name && dnsLabelProblem(name)
    if (!name && ports.length > 1) errors.push(required(`${path}.name`))
    if (nameProblem) errors.push(invalidValue(`${path}.name`, JSON.stringify(name), nameProblem))
    if (name && names.has(name)) errors.push(duplicate(`${path}.name`, JSON.stringify(name)))
    names.add(name ?? '')
    errors.push(...portRange(`${path}.port`, port))
    errors.push(...oneOf(`${path}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']))
    if (typeof targetPort === 'number') errors.push(...portRange(`${path}.targetPort`, targetPort))
    if (nodePort) errors.push(...portRange(`${path}.nodePort`, nodePort))
    const number = `${port}/${protocol}`
    if (numbers.has(number)) errors.push(duplicate(path, goValue({ port: String(port), protocol })))
    numbers.add(number)
  }
  errors.push(...oneOf('spec.type', type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']))
  errors.push(...oneOf('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None']))
  return errors
}

/**
 * A cluster IP is for life: `spec.clusterIPs[0]`, invalid, showing the new list: "may not change once set". Not for
 * Services that are or were of type ExternalName, which have none.
 */
export function validateServiceUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  const [spec, before] = [(object as Service).spec, (old as Stored<Service>).spec]
  if (!spec || !before?.clusterIP) return []
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return []
  if (spec.clusterIP === before.clusterIP) return []
  return [invalidValue('spec.clusterIPs[0]', goValue([spec.clusterIP ?? '']), 'may not change once set')]
}
