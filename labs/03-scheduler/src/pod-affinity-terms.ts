/**
 * "Near pods like these", "away from pods like those": the terms of inter-pod affinity. A term selects pods by label and
 * namespace; its `topologyKey` says what "near" means: on nodes with the same value of that label, such as the same host or zone.
 *
 * A domain is one value of a topology label: zone z1, host node-2. Counting how many selected pods each domain holds answers most
 * questions of affinity at once.
 *
 * Limit: `namespaceSelector` is honoured when it is empty (all namespaces); one with requirements selects nothing, because the
 * scheduler does not watch namespaces.
 *
 * Source: kube-scheduler `plugins/interpodaffinity`, `framework/types.go` (AffinityTerm.Matches).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { PodAffinityTerm, WeightedPodAffinityTerm } from 'kubernetes-types/core/v1.js'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo } from '#kit/contracts/scheduling.ts'

/** Numbers of pods (or weights) by topology key, then by domain. */
export type DomainCounts = Map<string, Map<string, number>>

/**
 * Whether a term of `owner` selects `candidate`. The label selector must match the candidate's labels; a missing one selects
 * nothing. The candidate's namespace must be one of `namespaces`, or be selected by `namespaceSelector`; when the term has
 * neither, it must be the owner's own.
 *
 * @lab 3.8 Say which pods a term is about
 */
export function termSelects(term: PodAffinityTerm, owner: Pod, candidate: Pod): boolean {
  throw new NotImplemented(
    '3.8',
    'termSelects',
    'Say which pods a term is about',
    'labs/03-scheduler/src/pod-affinity-terms.ts',
  )
}

/** Adds to the domain that the node is in; a node without the label is in none. */
export function addToDomain(counts: DomainCounts, topologyKey: string, node: NodeInfo, amount: number): void {
  const domain = domainOf(node, topologyKey)
  if (domain === undefined) return
  const domains = counts.get(topologyKey) ?? new Map<string, number>()
  domains.set(domain, (domains.get(domain) ?? 0) + amount)
  counts.set(topologyKey, domains)
}

/** What was counted in the node's domain. */
export function countInDomain(counts: DomainCounts, topologyKey: string, node: NodeInfo): number {
  const domain = domainOf(node, topologyKey)
  return domain === undefined ? 0 : (counts.get(topologyKey)?.get(domain) ?? 0)
}

/** Such as "z1" for the key "zone". */
export function domainOf(node: NodeInfo, topologyKey: string): string | undefined {
  return node.node.metadata?.labels?.[topologyKey]
}

export function requiredAffinity(pod: Pod): readonly PodAffinityTerm[] {
  return pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
}

export function requiredAntiAffinity(pod: Pod): readonly PodAffinityTerm[] {
  return pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
}

export function preferredAffinity(pod: Pod): readonly WeightedPodAffinityTerm[] {
  return pod.spec?.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
}

export function preferredAntiAffinity(pod: Pod): readonly WeightedPodAffinityTerm[] {
  return pod.spec?.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
}

/** Whether the pod has any term at all. Most have none, which saves most of the work. */
export function hasPodAffinity({ spec }: Pod): boolean {
  return spec?.affinity?.podAffinity !== undefined || spec?.affinity?.podAntiAffinity !== undefined
}
