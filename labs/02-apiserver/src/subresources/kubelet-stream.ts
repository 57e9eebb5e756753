/**
 * Logs and shells: the API server does not have them, the pod's kubelet does. It only works out whom to ask for what, and
 * the shell (given) connects the two.
 *
 * Source: kubernetes `pkg/registry/core/pod/strategy.go` (LogLocation, streamLocation), `pkg/kubelet/client`.
 */
import type { Node, Pod } from '#kit/api/objects.ts'
import type { ApiRequest, KubeletStream } from '#kit/contracts/apiserver.ts'
import { badRequest } from '../errors.ts'

const KUBELET_PORT = 10_250

/** `?container=main` or the pod's only container. */
export function containerNamed(pod: Pod, wanted: string | undefined): string {
  const name = pod.metadata?.name
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {}
  const all = [...containers, ...initContainers, ...ephemeralContainers].map((container) => container.name)
  if (wanted) {
    if (!all.includes(wanted)) throw badRequest(`container ${wanted} is not valid for pod ${name}`)
    return wanted
  }
  const [first] = containers
  if (containers.length === 1 && first) return first.name
  const choose = containers.map((container) => container.name).join(' ')
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${choose}]`)
}

/**
 * Where the request goes: the address (InternalIP) and port of the node's kubelet, its path for the operation, and the
 * query in the kubelet's words.
 */
export function kubeletStream(
  operation: KubeletStream['operation'],
  pod: Pod,
  node: Node,
  query: ApiRequest['query'],
): KubeletStream {
  const { namespace, name } = pod.metadata ?? {}
  const where = `${namespace}/${name}`
  const portForward = operation === 'portforward'
  const path = portForward
    ? `/portForward/${where}`
    : `/${operation === 'log' ? 'containerLogs' : operation}/${where}/${containerNamed(pod, query.container?.[0])}`
  return {
    operation,
    node: { name: node.metadata?.name ?? '', ...kubeletOf(node) },
    path,
    query: portForward ? portQuery(query) : operation === 'log' ? withoutContainer(query) : streamQuery(query),
  }
}

/** Where a node's kubelet listens. */
export function kubeletOf({ status }: Node): { address: string; port: number } {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? ''
  return { address, port: status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT }
}

/** exec's and attach's parameters have other names at the kubelet: `stdin=true` is `input=1`. */
function streamQuery(query: ApiRequest['query']): Record<string, readonly string[]> {
  const renamed = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const
  const translated: Record<string, readonly string[]> = query.command ? { command: query.command } : {}
  for (const [ours, kubelets] of Object.entries(renamed)) {
    if (query[ours]?.[0] === 'true' || query[ours]?.[0] === '1') translated[kubelets] = ['1']
  }
  return translated
}

/** Ports are named beforehand only by clients that cannot open streams later: `ports=80&ports=81` is `port=80,81`. */
function portQuery({ ports }: ApiRequest['query']): Record<string, readonly string[]> {
  return ports ? { port: [ports.join(',')] } : {}
}

function withoutContainer({ container, ...query }: ApiRequest['query']): Record<string, readonly string[]> {
  return query as Record<string, readonly string[]>
}
