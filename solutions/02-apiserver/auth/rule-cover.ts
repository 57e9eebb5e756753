/**
 * Does somebody who holds these rules hold those? Rules are cut into their smallest parts (one verb, one resource, one name),
 * and each part must be covered by a single rule that is held.
 *
 * Source: kubernetes `pkg/registry/rbac/validation/{policy_comparator,policy_compact}.go`.
 */
import type { UserInfo } from '#kit/contracts/apiserver.ts'
import type { PolicyRule, RoleBinding } from './rbac.ts'

/** All rules that a user has in a namespace ("": those that hold everywhere). */
export function rulesOf(user: UserInfo, namespace: string, bindings: readonly RoleBinding[]): PolicyRule[] {
  return bindings
    .filter((binding) => binding.namespace === undefined || binding.namespace === namespace)
    .filter(
      ({ users = [], groups = [] }) => users.includes(user.name) || groups.some((group) => user.groups.includes(group)),
    )
    .flatMap(({ rules }) => rules)
}

/** The parts of `wanted` that no rule of `held` covers. */
export function uncoveredRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(partsOf).filter((part) => !held.some((rule) => covers(rule, part)))
}

function partsOf({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule) {
  const parts: PolicyRule[] = []
  for (const verb of verbs) {
    for (const url of nonResourceURLs) parts.push({ verbs: [verb], nonResourceURLs: [url] })
    for (const group of apiGroups) {
      for (const resource of resources) {
        const part = { verbs: [verb], apiGroups: [group], resources: [resource] }
        if (resourceNames.length === 0) parts.push(part)
        for (const name of resourceNames) parts.push({ ...part, resourceNames: [name] })
      }
    }
  }
  return parts
}

function covers(held: PolicyRule, part: PolicyRule): boolean {
  const hasAll = (list: readonly string[] = [], words: readonly string[] = []) =>
    list.includes('*') || words.every((word) => list.includes(word))
  const names = held.resourceNames ?? []
  const coversNames = names.length === 0 || (part.resourceNames ?? []).some((name) => names.includes(name))
  if (!hasAll(held.verbs, part.verbs) || !coversNames) return false
  if (part.nonResourceURLs) return part.nonResourceURLs.every((url) => coversPath(held.nonResourceURLs ?? [], url))
  return hasAll(held.apiGroups, part.apiGroups) && (part.resources ?? []).every(coversResource(held.resources ?? []))
}

function coversPath(held: readonly string[], url: string): boolean {
  return held.some((one) => one === url || (one.endsWith('*') && url.startsWith(one.slice(0, -1))))
}

const coversResource = (held: readonly string[]) => (resource: string) => {
  const [, subresource] = resource.split('/')
  return (
    held.includes('*') || held.includes(resource) || (subresource !== undefined && held.includes(`*/${subresource}`))
  )
}

/** One line per resource, verbs together: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`. */
export function describeMissing(parts: readonly PolicyRule[]): string {
  const verbsOf = new Map<string, string[]>()
  for (const { verbs, apiGroups, resources, nonResourceURLs, resourceNames } of parts) {
    const fields = {
      APIGroups: apiGroups,
      Resources: resources,
      NonResourceURLs: nonResourceURLs,
      ResourceNames: resourceNames,
    }
    const texts = Object.entries(fields).flatMap(([field, list]) => (list?.length ? [`${field}:${goList(list)}`] : []))
    const key = texts.join(', ')
    verbsOf.set(key, [...(verbsOf.get(key) ?? []), ...verbs])
  }
  const lines = [...verbsOf].map(([key, verbs]) => `{${key}, Verbs:${goList(verbs)}}`)
  return lines.sort().join('\n')
}

function goList(list: readonly string[]): string {
  return `[${list.map((word) => JSON.stringify(word)).join(' ')}]`
}
