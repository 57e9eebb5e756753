/**
 * What the roles and bindings in the store say at this moment, ready to be evaluated.
 *
 * Read from the watch caches, so asking costs no round trip to etcd; put together again only after something has changed.
 * As with every cache, a binding that was written a moment ago may take a moment to count.
 */
import { resources } from '#kit/api/resources.ts'
import type { RequestInfo, UserInfo } from '#kit/contracts/apiserver.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import type { KindCache } from '../storage/kind-cache.ts'
import type { KindCaches } from '../storage/kind-caches.ts'
import type { CacheEntry } from '../storage/sorted-entries.ts'
import { withAggregatedRules } from './aggregation.ts'
import { isAllowed, type RoleBinding } from './rbac.ts'
import { type BindingObject, type RoleObject, resolveBindings } from './role-objects.ts'

export interface Policy {
  readonly bindings: readonly RoleBinding[]
  /** Roles and ClusterRoles, aggregated ones with the rules that they have gathered. */
  readonly roles: readonly RoleObject[]
  /** As the store has them. */
  readonly bindingObjects: readonly BindingObject[]
  /** Those that name the user or one of the groups: few, however many there are. */
  bindingsOf(user: UserInfo): readonly RoleBinding[]
}

export interface PolicyView {
  now(): Promise<Policy>
}

const KINDS = [resources.clusterRoles, resources.roles, resources.clusterRoleBindings, resources.roleBindings] as const

/** @param firstRoles until then nothing is decided: in a new cluster there are none yet, and nobody is to be refused for that. */
export function createPolicyView(caches: KindCaches, firstRoles: Promise<void> = Promise.resolve()): PolicyView {
  let madeFrom: readonly (readonly CacheEntry[])[] = []
  let policy: Policy = { bindings: [], roles: [], bindingObjects: [], bindingsOf: () => [] }
  return {
    async now() {
      await firstRoles
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
  const [clusterRoles = [], roles = [], ...bound] = entries.map((list) => list.map(([, object]) => object))
  const allRoles = [...withAggregatedRules(clusterRoles), ...(roles as RoleObject[])]
  const bindingObjects = bound.flat() as unknown as BindingObject[]
  const bindings = resolveBindings(bindingObjects, allRoles)
  return { bindings, roles: allRoles, bindingObjects, bindingsOf: indexBySubject(bindings) }
}

/** Every request asks about one user: finding that user's bindings must not mean looking through everybody's. */
function indexBySubject(bindings: readonly RoleBinding[]): Policy['bindingsOf'] {
  const ofUser = new Map<string, RoleBinding[]>()
  const ofGroup = new Map<string, RoleBinding[]>()
  const note = (index: Map<string, RoleBinding[]>, name: string, binding: RoleBinding) => {
    const known = index.get(name)
    if (known) known.push(binding)
    else index.set(name, [binding])
  }
  for (const binding of bindings) {
    for (const user of binding.users ?? []) note(ofUser, user, binding)
    for (const group of binding.groups ?? []) note(ofGroup, group, binding)
  }
  return ({ name, groups }) => [...(ofUser.get(name) ?? []), ...groups.flatMap((group) => ofGroup.get(group) ?? [])]
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
