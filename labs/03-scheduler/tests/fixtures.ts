/** Plain data for the tests: pods, nodes, and NodeInfos whose sums are written down instead of computed. */
import type { Container, Node, Pod, PodSpec, Taint } from '#kit/api/objects.ts'
import type { FilterResult, NodeInfo, QueuedPod } from '#kit/contracts/scheduling.ts'

export const MIB = 1024 * 1024
export const GIB = 1024 * MIB

/** A container that requests this much; no argument: nothing. */
export function container(requests?: Record<string, string>): Container {
  return { name: 'c', image: 'img:1', ...(requests && { resources: { requests } }) }
}

export function pod(name: string, spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-of-${name}`, labels },
    spec: { containers: [container()], ...spec },
  }
}

/** A pod that has a node, as the API server would report it. */
export function podOn(nodeName: string, name: string, requests?: Record<string, string>): Pod {
  return pod(name, { nodeName, containers: [container(requests)] })
}

interface NodeOptions {
  readonly labels?: Record<string, string>
  readonly taints?: readonly Taint[]
  readonly unschedulable?: boolean
  readonly cpu?: string
  readonly memory?: string
  readonly pods?: string
}

export function node(name: string, options: NodeOptions = {}): Node {
  const { labels = {}, taints = [], unschedulable = false, cpu = '4', memory = '8Gi', pods = '110' } = options
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { ...(taints.length > 0 && { taints: [...taints] }), ...(unschedulable && { unschedulable }) },
    status: { allocatable: { cpu, memory, pods } },
  }
}

/** An empty node of 4 CPUs, 8 GiB and 110 pods, except for what is given. */
export function nodeInfo(name: string, options: NodeOptions = {}, given: Partial<NodeInfo> = {}): NodeInfo {
  return {
    name,
    node: node(name, options),
    pods: [],
    allocatable: { cpu: 4000, memory: 8 * GIB, pods: 110 },
    requested: {},
    requestedForScoring: {},
    usedPorts: [],
    ...given,
  }
}

export function queued(of: Pod, given: Partial<QueuedPod> = {}): QueuedPod {
  return { pod: of, attempts: 1, sinceMs: 0, movesSeen: 0, ...given }
}

/** What a filter said, short: "fits", or its reasons. */
export function reasonsOf(result: FilterResult): string {
  return result.fits ? 'fits' : result.reasons.join(', ')
}

/**
 * Asks every question of a table of expected answers: `{ 'z1 In z1,z2': true, … }`. Compared as wholes, the two tables say
 * which question was answered wrongly, where a bare `true` would not.
 */
export function answersTo<Answer>(expected: Readonly<Record<string, Answer>>, ask: (question: string) => Answer) {
  return Object.fromEntries(Object.keys(expected).map((question) => [question, ask(question)]))
}
