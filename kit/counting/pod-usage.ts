/**
 * What a pod uses up of a quota, and which quotas count it.
 *
 * Finished pods hold nothing but their place in the store (`count/pods`), and so do those that should have ended already.
 * Source: kubernetes `pkg/quota/v1/evaluator/core/pods.go`.
 */
import type { Container, Pod } from '../api/objects.ts'
import type { Amounts } from './amounts.ts'
import { podAmounts } from './pod-amounts.ts'

/** Whoever limits these makes every container say how much it wants. Upstream calls it a mistake, and keeps it. */
const TO_BE_SAID = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage']

const podCountNames: readonly string[] = [
  'pods',
  'count/pods',
  ...COMPUTE,
  ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
]

/** Beyond `podCountNames`: huge pages, and what nodes have of their own ("requests.example.com/gpu"). */
export function countsPods(name: string): boolean {
  if (podCountNames.includes(name) || name.startsWith('hugepages-')) return true
  return name.startsWith('requests.') && (name.includes('hugepages-') || isExtended(name.slice('requests.'.length)))
}

export function podUsage(pod: Pod, nowMs: number): Amounts {
  if (!isAlive(pod, nowMs) || !pod.spec) return { 'count/pods': '1' }
  const wanted = { requests: podAmounts(pod.spec, 'requests'), limits: podAmounts(pod.spec, 'limits') }
  return { 'count/pods': '1', pods: '1', ...computeUsage(wanted) }
}

/** "must specify limits.cpu for: main"; undefined when all is said that quotas with these names want said. */
export function whatPodMustSay(pod: Pod, names: readonly string[]): string | undefined {
  const silent = new Map<string, string[]>()
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
    const said = computeUsage(container.resources ?? {})
    for (const name of names.filter((one) => TO_BE_SAID.includes(one) && !(one in said))) {
      silent.set(name, [...(silent.get(name) ?? []), container.name])
    }
  }
  if (silent.size === 0) return undefined
  const texts = [...silent].sort(([a], [b]) => (a < b ? -1 : 1))
  return `must specify ${texts.map(([name, who]) => `${name} for: ${[...who].sort().join(',')}`).join('; ')}`
}

interface ScopeRequirement {
  readonly scopeName: string
  readonly operator?: string
  readonly values?: readonly string[]
}

/** Whether the pod is of the sort that a quota with this scope counts. */
export function podIsInScope(pod: Pod, { scopeName, operator = 'Exists', values = [] }: ScopeRequirement): boolean {
  const { activeDeadlineSeconds, priorityClassName = '' } = pod.spec ?? {}
  const isTerminating = activeDeadlineSeconds !== undefined && activeDeadlineSeconds >= 0
  switch (scopeName) {
    case 'Terminating':
      return isTerminating
    case 'NotTerminating':
      return !isTerminating
    case 'BestEffort':
      return pod.status?.qosClass === 'BestEffort'
    case 'NotBestEffort':
      return pod.status?.qosClass !== 'BestEffort'
    case 'PriorityClass':
      if (operator === 'Exists') return priorityClassName !== ''
      if (operator === 'DoesNotExist') return priorityClassName === ''
      return values.includes(priorityClassName) === (operator === 'In')
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(pod)
    default:
      return false
  }
}

function isAlive({ metadata, status }: Pod, nowMs: number): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {}
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return true
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000
}

function computeUsage({ requests = {}, limits = {} }: NonNullable<Container['resources']>): Amounts {
  const usage: Record<string, string> = {}
  for (const [name, amount] of Object.entries(requests)) {
    if (COMPUTE.includes(name) || name.startsWith('hugepages-')) usage[name] = amount
    if (COMPUTE.includes(name) || name.startsWith('hugepages-') || isExtended(name)) usage[`requests.${name}`] = amount
  }
  for (const [name, amount] of Object.entries(limits)) if (COMPUTE.includes(name)) usage[`limits.${name}`] = amount
  return usage
}

/** "example.com/gpu": of a domain that is not Kubernetes' own. */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/')
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
  const terms = [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ])
  return terms.some(
    ({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined,
  )
}
