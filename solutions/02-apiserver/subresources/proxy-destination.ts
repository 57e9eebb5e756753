/**
 * `/proxy`: the API server as the way to what runs inside the cluster. It only works out whom a request is meant for; the
 * shell (given) passes it on.
 *
 * The name in the path says more than a name: `web`, `web:http` (a port's name or number), `https:web:443`. Node: its
 * kubelet, or another port of the machine. Pod: its address. Service: one of its ready endpoints, picked at random.
 *
 * Guarantee: nobody is led out of the cluster or back into the server's own machine. An endpoint counts only if a pod of
 * its namespace really has that address, since users may write Endpoints.
 *
 * Source: kubernetes `pkg/registry/core/{node,pod}/strategy.go`, `pkg/registry/core/service/storage/storage.go`
 * (ResourceLocation); apimachinery `pkg/util/net/port_split.go`; apiserver `pkg/util/proxy`.
 */
import { isIP } from 'node:net'
import type { ApiObject, EndpointSubset, Endpoints, Node, Pod, Service } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { ProxyDestination } from '#kit/contracts/apiserver.ts'
import { badRequest, notFound } from '../errors.ts'
import { kubeletOf } from './kubelet-stream.ts'

/** Where objects are read; `random` is in [0, 1). */
export interface ProxySources {
  get(
    resource: 'nodes' | 'pods' | 'services' | 'endpoints',
    namespace: string,
    name: string,
  ): Promise<ApiObject | undefined>
  random(): number
}

/** The request's name, taken apart. */
export interface ProxyName {
  readonly scheme: 'http' | 'https' | ''
  readonly name: string
  /** A number or a name; "" when not given. */
  readonly port: string
}

/** Undefined when it is none of `web`, `web:80`, `https:web:443`. */
export function parseProxyName(text: string): ProxyName | undefined {
  const parts = text.split(':')
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts]
  if (parts.length > 3 || name === '' || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) return undefined
  return { scheme, name, port }
}

/** What follows `/proxy` in a path, still percent-encoded: "", "/", "/metrics/resource". */
export function pathBehindProxy(path: string): string {
  return /^\/+api\/+v1(?:\/+namespaces\/+[^/]+)?\/+[^/]+\/+[^/]+\/+proxy(\/.*)?$/.exec(path)?.[1] ?? ''
}

type EndpointAddress = NonNullable<EndpointSubset['addresses']>[number]
type Where = Omit<ProxyDestination, 'path'>

export async function proxyDestination(
  sources: ProxySources,
  kind: 'Node' | 'Pod' | 'Service',
  { namespace, name: text, path }: { readonly namespace: string; readonly name: string; readonly path: string },
): Promise<ProxyDestination> {
  const wanted = parseProxyName(text)
  if (!wanted) throw badRequest(`invalid ${kind.toLowerCase()} request ${JSON.stringify(text)}`)
  const destinationOf = { Node: nodeDestination, Pod: podDestination, Service: serviceDestination }[kind]
  return { ...(await destinationOf(sources, namespace, wanted, text)), path: pathBehindProxy(path) }
}

async function nodeDestination({ get }: ProxySources, _: string, { scheme, name, port }: ProxyName): Promise<Where> {
  const node = (await get('nodes', '', name)) as Node | undefined
  if (!node) throw notFound(resources.nodes, name)
  const kubelet = kubeletOf(node)
  if (port === '' || port === String(kubelet.port)) return { ...kubelet, scheme: 'https', toKubelet: true }
  checkAddress(kubelet.address)
  return { scheme: scheme || 'http', address: kubelet.address, port: portNumber(port), toKubelet: false }
}

/** Without a port it is the first one that a container of the pod names. */
async function podDestination(
  { get }: ProxySources,
  namespace: string,
  { scheme, name, port }: ProxyName,
): Promise<Where> {
  const pod = (await get('pods', namespace, name)) as Pod | undefined
  if (!pod) throw notFound(resources.pods, name)
  const [firstPort] = (pod.spec?.containers ?? []).flatMap(({ ports = [] }) => ports.slice(0, 1))
  const address = pod.status?.podIP ?? ''
  checkAddress(address)
  const chosen = port ? portNumber(port) : firstPort?.containerPort
  return { scheme: scheme || 'http', address, ...(chosen && { port: chosen }), toKubelet: false }
}

async function serviceDestination(
  sources: ProxySources,
  namespace: string,
  { scheme, name, port }: ProxyName,
  text: string,
): Promise<Where> {
  const portName = /^\d+$/.test(port) ? await nameOfPort(sources, namespace, name, Number(port)) : port
  const endpoints = (await sources.get('endpoints', namespace, name)) as Endpoints | undefined
  if (!endpoints) throw notFound(resources.endpoints, name)
  const subsets = endpoints.subsets ?? []
  if (subsets.length === 0) throw unavailable(`no endpoints available for service ${JSON.stringify(name)}`)
  for (const { addresses = [], ports = [] } of rotated(subsets, sources.random())) {
    const found = ports.find((one) => (one.name ?? '') === portName)
    if (!found) continue
    for (const address of rotated(addresses, sources.random())) {
      if (!(await isAddressOfPod(sources, namespace, address))) continue
      return { scheme: scheme || 'http', address: address.ip, port: found.port, toKubelet: false }
    }
  }
  throw unavailable(`no endpoints available for service ${JSON.stringify(text)}`)
}

async function nameOfPort({ get }: ProxySources, namespace: string, name: string, port: number): Promise<string> {
  const service = (await get('services', namespace, name)) as Service | undefined
  if (!service) throw notFound(resources.services, name)
  const found = service.spec?.ports?.find((one) => one.port === port)
  if (!found) throw unavailable(`no service port ${port} found for service ${JSON.stringify(name)}`)
  return found.name ?? ''
}

async function isAddressOfPod({ get }: ProxySources, namespace: string, { ip, targetRef }: EndpointAddress) {
  if (!targetRef?.name || targetRef.namespace !== namespace) return false
  const pod = (await get('pods', namespace, targetRef.name)) as Pod | undefined
  return pod?.status?.podIPs?.some((one) => one.ip === ip) ?? false
}

/** All of them, beginning at a random one. */
function rotated<T>(all: readonly T[], random: number): readonly T[] {
  const start = Math.floor(random * all.length)
  return [...all.slice(start), ...all.slice(0, start)]
}

function portNumber(port: string): number {
  const number = Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw badRequest(`invalid port ${JSON.stringify(port)}`)
  return number
}

/** This machine itself, link-local addresses and multicast are nobody's in the cluster. */
function checkAddress(address: string): void {
  const isOutside = /^(127\.|0\.|169\.254\.|2(2[4-9]|3\d)\.|255\.255\.255\.255$|::1?$|::ffff:|fe[89ab]|ff)/i.test(
    address,
  )
  if (isIP(address) === 0 || isOutside) throw badRequest('address not allowed')
}

function unavailable(message: string): StatusError {
  return new StatusError(503, 'ServiceUnavailable', message)
}
