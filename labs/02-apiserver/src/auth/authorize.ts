/** The authorizers in turn: kubelets by their node, everybody else by their roles. */
import type { Pod } from '#kit/api/objects.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import { forbidden } from '../errors.ts'
import { bootstrapPolicy } from './bootstrap-policy.ts'
import { nodeMay, nodeNameOf } from './node-authorizer.ts'
import { isAllowed } from './rbac.ts'

/** Throws Unauthorized or Forbidden when the user may not do this; `podsOn` tells the pods bound to a node. Source: apiserver `pkg/endpoints/filters/authorization.go`. */
export function authorize(user: UserInfo, info: RequestInfo, podsOn: (nodeName: string) => readonly Pod[]): void {
  const nodeName = info.isResourceRequest ? nodeNameOf(user) : undefined
  if (nodeName !== undefined && nodeMay(nodeName, info, podsOn(nodeName))) return
  if (isAllowed(user, info, bootstrapPolicy)) return
  throw info.isResourceRequest ? refusal(user, info) : pathRefusal(user, info)
}

function refusal(user: UserInfo, info: RequestInfo): StatusError {
  const { verb, resource, subresource, apiGroup, namespace, name } = info
  const what = subresource ? `${resource}/${subresource}` : resource
  const where = namespace && resource !== 'namespaces' ? ` in the namespace "${namespace}"` : ' at the cluster scope'
  const why = `User "${user.name}" cannot ${verb} resource "${what}" in API group "${apiGroup}"${where}`
  return forbidden({ group: apiGroup, plural: what }, name, why)
}

function pathRefusal(user: UserInfo, { verb, path }: RequestInfo): StatusError {
  return new StatusError(403, 'Forbidden', `forbidden: User "${user.name}" cannot ${verb} path "${path}"`, {})
}
