/**
 * What an object uses up of a quota: which names count it, and how much of each. Asked by the API server before something
 * is created, and by the quota controller, which adds up what there is.
 *
 * Every kind that lives in namespaces is counted as `count/<resource>.<group>`; some have older names besides, and pods,
 * Services and claims use more than their number.
 * Source: kubernetes `pkg/quota/v1/evaluator/core`; apiserver `pkg/quota/v1/generic` (Matches, object counts).
 */
import type { ApiObject, PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../api/objects.ts'
import type { Resource } from '../api/resources.ts'
import { type Amounts, addAmounts, onlyNamed } from './amounts.ts'
import { countsPods, podIsInScope, podUsage, whatPodMustSay } from './pod-usage.ts'

type Counted = Pick<Resource, 'group' | 'plural'>

/** Kinds that were counted before all kinds were. */
const OLDER_NAMES = [
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]
const OF_CLASS = '.storageclass.storage.k8s.io/'

/** All amounts that an object of this kind may count for, also those of which it uses none. */
export function usageOf(resource: Counted, object: ApiObject, nowMs: number): Amounts {
  if (isCore(resource, 'pods')) return podUsage(object as Pod, nowMs)
  const one = { [countName(resource)]: '1', ...(hasOlderName(resource) && { [resource.plural]: '1' }) }
  if (isCore(resource, 'services')) return { ...one, ...serviceUsage(object as Service) }
  if (isCore(resource, 'persistentvolumeclaims')) return { ...one, ...claimUsage(object as PersistentVolumeClaim) }
  return one
}

/** Whether a quota that limits this name counts objects of this kind. */
export function isCountedAs(resource: Counted, name: string): boolean {
  if (isCore(resource, 'pods')) return countsPods(name)
  if (name === countName(resource) || (hasOlderName(resource) && name === resource.plural)) return true
  if (isCore(resource, 'services')) return name === 'services.loadbalancers' || name === 'services.nodeports'
  if (!isCore(resource, 'persistentvolumeclaims')) return false
  return (
    name === 'requests.storage' ||
    name.endsWith(`${OF_CLASS}requests.storage`) ||
    name.endsWith(`${OF_CLASS}persistentvolumeclaims`)
  )
}

/**
 * Whether this quota counts this object: all its scopes hold for it. Only pods have scopes; a quota with scopes counts
 * nothing else.
 */
export function isInScopes(quota: ResourceQuota, resource: Counted, object: ApiObject): boolean {
  const { scopes = [], scopeSelector } = quota.spec ?? {}
  const requirements = [...scopes.map((scopeName) => ({ scopeName })), ...(scopeSelector?.matchExpressions ?? [])]
  return requirements.every((requirement) => isCore(resource, 'pods') && podIsInScope(object as Pod, requirement))
}

/** Why an object may not stay silent about what it uses, when quotas limit these names; undefined when it has said all. */
export function whatMustBeSaid(resource: Counted, object: ApiObject, names: readonly string[]): string | undefined {
  return isCore(resource, 'pods') ? whatPodMustSay(object as Pod, names) : undefined
}

/** What all these objects together use of what the quota limits; a name of which nothing is used stands at zero. */
export function totalUsage(
  quota: ResourceQuota,
  objects: Iterable<readonly [Counted, ApiObject]>,
  nowMs: number,
): Amounts {
  const names = Object.keys(quota.spec?.hard ?? {})
  let total: Amounts = Object.fromEntries(names.map((name) => [name, '0']))
  for (const [resource, object] of objects) {
    if (isInScopes(quota, resource, object))
      total = addAmounts(total, onlyNamed(usageOf(resource, object, nowMs), names))
  }
  return total
}

function isCore({ group, plural }: Counted, wanted: string): boolean {
  return group === '' && plural === wanted
}

function hasOlderName({ group, plural }: Counted): boolean {
  return group === '' && OLDER_NAMES.includes(plural)
}

function countName({ group, plural }: Counted): string {
  return `count/${plural}${group && `.${group}`}`
}

/** Load balancers reach Services through node ports, unless the Service says that this one does not. */
function serviceUsage({ spec }: Service): Amounts {
  const { type, ports = [], allocateLoadBalancerNodePorts = true } = spec ?? {}
  const isBalanced = type === 'LoadBalancer'
  const onNodes = isBalanced && !allocateLoadBalancerNodePorts ? ports.filter(({ nodePort }) => nodePort) : ports
  const nodePorts = isBalanced || type === 'NodePort' ? onNodes.length : 0
  return { 'services.nodeports': String(nodePorts), 'services.loadbalancers': isBalanced ? '1' : '0' }
}

/** The annotation is how classes were named before there was a field for it. */
function claimUsage({ metadata, spec }: PersistentVolumeClaim): Amounts {
  const className = metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName
  const storage = spec?.resources?.requests?.storage
  return {
    ...(storage && { 'requests.storage': storage }),
    ...(className && { [`${className}${OF_CLASS}persistentvolumeclaims`]: '1' }),
    ...(className && storage && { [`${className}${OF_CLASS}requests.storage`]: storage }),
  }
}
