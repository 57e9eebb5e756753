/**
 * What the roles and bindings in the store say at this moment, ready to be evaluated.
 *
 * Read from the watch caches, so asking costs no round trip to etcd; put together again only after something has changed.
 * As with every cache, a binding that was written a moment ago may take a moment to count.
 */
import { resources } from '#kit/api/resources.ts'
import type { RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import type { CacheEntry, KindCache } from '../storage/kind-cache.ts'
import type { KindCaches } from '../storage/kind-caches.ts'
import { withAggregatedRules } from './aggregation.ts'
import { isAllowed, type RoleBinding } from './rbac.ts'
import { type BindingObject, type RoleObject, resolveBindings } from './role-objects.ts'

export interface Policy {
  readonly bindings: readonly RoleBinding[]
  /** Roles and ClusterRoles, aggregated ones with the rules that they have gathered. */
  readonly roles: readonly RoleObject[]
  /** As the store has them. */
  readonly bindingObjects: readonly BindingObject[]
}

export interface PolicyView {
  now(): Promise<Policy>
}

const KINDS = [resources.clusterRoles, resources.roles, resources.clusterRoleBindings, resources.roleBindings] as const

export function createPolicyView(caches: KindCaches): PolicyView {
  let madeFrom: readonly (readonly CacheEntry[])[] = []
  let policy: Policy = { bindings: [], roles: [], bindingObjects: [] }
  return {
    async now() {
      const sources = KINDS.map(({ plural }) => caches.of({ storagePrefix: plural }))
      await firstLists(sources)
      const entries = sources.map((source) => source.sortedEntries())
      if (entries.some((list, i) => list !== madeFrom[i])) {
        policy = policyOf(entries)
        madeFrom = entries
      }
      return policy
    },
  }
}

/** While etcd is silent, what was read last counts; in the beginning that is nothing, and nothing is allowed. */
async function firstLists(sources: readonly KindCache[]): Promise<void> {
  try {
    await Promise.all(sources.map((source) => source.synced()))
  } catch (error) {
    if (isNotImplemented(error)) throw error
  }
}

function policyOf(entries: readonly (readonly CacheEntry[])[]): Policy {
  const [clusterRoles = [], roles = [], ...bindings] = entries.map((list) => list.map(([, object]) => object))
  const allRoles = [...withAggregatedRules(clusterRoles), ...(roles as RoleObject[])]
  const bindingObjects = bindings.flat() as unknown as BindingObject[]
  return { bindings: resolveBindings(bindingObjects, allRoles), roles: allRoles, bindingObjects }
}

/** Which binding allows it, in upstream's words; "" when none does. For access reviews, which say why. */
export function allowingBinding(user: UserInfo, info: RequestInfo, { bindingObjects, roles }: Policy): string {
  const found = bindingObjects.find((binding) => isAllowed(user, info, resolveBindings([binding], roles)))
  if (!found) return ''
  const { namespace, name } = found.metadata ?? {}
  const binding = namespace ? `RoleBinding "${name}/${namespace}"` : `ClusterRoleBinding "${name}"`
  return `RBAC: allowed by ${binding} of ${found.roleRef.kind} "${found.roleRef.name}" to ${subjectOf(user, found)}`
}

function subjectOf(user: UserInfo, { subjects = [] }: BindingObject): string {
  const group = subjects.find(({ kind, name }) => kind === 'Group' && user.groups.includes(name))
  const account = /^system:serviceaccount:([^:]+):(.+)$/.exec(user.name)
  if (group) return `Group "${group.name}"`
  return account && !subjects.some(({ kind, name }) => kind === 'User' && name === user.name)
    ? `ServiceAccount "${account[2]}/${account[1]}"`
    : `User "${user.name}"`
}
