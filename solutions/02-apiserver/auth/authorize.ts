/** The authorizers in turn: kubelets by their node, everybody else by their roles. */
import type { Pod } from '#kit/api/objects.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import { forbidden } from '../errors.ts'
import { nodeMay, nodeNameOf } from './node-authorizer.ts'
import type { PolicyView } from './policy-view.ts'
import { isAllowed } from './rbac.ts'

/** What authorizers look at. */
export interface AuthorizerSources {
  readonly policy: PolicyView
  /** The pods bound to a node. */
  podsOn(nodeName: string): readonly Pod[]
}

/** Throws Forbidden when the user may not do this. Source: apiserver `pkg/endpoints/filters/authorization.go`. */
export async function authorize(user: UserInfo, info: RequestInfo, sources: AuthorizerSources): Promise<void> {
  if (await mayDo(user, info, sources)) return
  throw info.isResourceRequest ? refusal(user, info) : pathRefusal(user, info)
}

export async function mayDo(
  user: UserInfo,
  info: RequestInfo,
  { policy, podsOn }: AuthorizerSources,
): Promise<boolean> {
  const nodeName = info.isResourceRequest ? nodeNameOf(user) : undefined
  if (nodeName !== undefined && nodeMay(nodeName, info, podsOn(nodeName))) return true
  // Asked without any binding first: administrators need no policy, not even one that can be read.
  return isAllowed(user, info, []) || isAllowed(user, info, (await policy.now()).bindingsOf(user))
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
