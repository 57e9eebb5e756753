/** Ingresses, their classes, and network policies. Source: kubernetes `pkg/apis/networking/v1/defaults.go`, `pkg/apis/networking/validation`. */
import type { ApiObject, Ingress, IngressClass, NetworkPolicy } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { forbiddenField, invalidValue, notSupported, required } from '../validation/field-errors.ts'

export function applyIngressClassDefaults(draft: ApiObject): void {
  const { parameters } = (draft as IngressClass).spec ?? {}
  if (parameters) parameters.scope ??= 'Cluster'
}

/** A policy is about incoming traffic, and about outgoing traffic if it says something about that. */
export function applyNetworkPolicyDefaults(draft: ApiObject): void {
  const { spec } = draft as NetworkPolicy
  if (!spec) return
  for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of ports) port.protocol ??= 'TCP'
  }
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']
}

export function validateIngress(object: ApiObject): readonly FieldError[] {
  const { spec } = object as Ingress
  if (!spec?.rules?.length && !spec?.defaultBackend) {
    return [
      invalidValue('spec', '[]networking.IngressRule(nil)', 'either `defaultBackend` or `rules` must be specified'),
    ]
  }
  return (spec.rules ?? []).flatMap(({ http }, i) => {
    if (!http) return []
    const at = `spec.rules[${i}].http.paths`
    if (!http.paths?.length) return [required(at)]
    return http.paths.flatMap(({ pathType, path }, j) => validatePath(`${at}[${j}]`, pathType, path))
  })
}

function validatePath(at: string, pathType: string | undefined, path: string | undefined): FieldError[] {
  const types = ['Exact', 'ImplementationSpecific', 'Prefix']
  if (!pathType) return [required(`${at}.pathType`, 'pathType must be specified')]
  if (!types.includes(pathType)) return [notSupported(`${at}.pathType`, pathType, types)]
  const isAbsolute = path?.startsWith('/') || (pathType === 'ImplementationSpecific' && !path)
  return isAbsolute ? [] : [invalidValue(`${at}.path`, JSON.stringify(path ?? ''), 'must be an absolute path')]
}

export function validateIngressClass(object: ApiObject): readonly FieldError[] {
  const { parameters } = (object as IngressClass).spec ?? {}
  const field = 'spec.parameters.namespace'
  if (parameters?.scope === 'Cluster' && parameters.namespace) {
    return [forbiddenField(field, "`parameters.scope` is set to 'Cluster'")]
  }
  return parameters?.scope === 'Namespace' && !parameters.namespace
    ? [required(field, "`parameters.scope` is set to 'Namespace'")]
    : []
}
