/**
 * Which addresses and ports a cluster uses. They are chosen once and remembered in `cluster.json`, so that a second start
 * is the same cluster; a port that somebody else has taken meanwhile is replaced.
 */
import { createServer } from 'node:net'
import { type ClusterDirectory, readJsonFile, writeJsonFile } from './cluster-directory.ts'

export interface ClusterAddresses {
  /** "10.244": the first two octets of the pod network; node n's pods get `<prefix>.<n>.0/24`. */
  readonly podNetworkPrefix: string
  readonly apiServerPort: number
  readonly etcdMembers: readonly { readonly name: string; readonly clientPort: number; readonly peerPort: number }[]
  /** Where each node's kubelet listens on the host, in order. */
  readonly kubeletPorts: readonly number[]
}

export interface AddressWishes {
  readonly etcdMembers: number
  readonly nodes: number
  /** A port that the user asked for; taken means an error, not another port. */
  readonly apiServerPort?: number | undefined
  readonly choosePodNetworkPrefix: () => Promise<string>
}

export const SERVICE_CIDR = '10.96.0.0/16'
export const KUBERNETES_SERVICE_IP = '10.96.0.1'
const FIRST_API_SERVER_PORT = 6443
const FIRST_ETCD_PORT = 12379
const FIRST_KUBELET_PORT = 10250

export async function decideAddresses(directory: ClusterDirectory, wishes: AddressWishes): Promise<ClusterAddresses> {
  const known = readJsonFile<ClusterAddresses>(directory.addressesFile)
  const ports = new FreePorts()
  if (wishes.apiServerPort !== undefined && !(await ports.take(wishes.apiServerPort))) {
    throw new Error(
      `Port ${wishes.apiServerPort} is in use. Give another with --port, or leave --port out to get a free one.`,
    )
  }
  const etcdMembers = []
  for (let i = 0; i < wishes.etcdMembers; i++) {
    const before = known?.etcdMembers[i]
    etcdMembers.push({
      name: `etcd-${i + 1}`,
      clientPort: await ports.prefer(before?.clientPort, FIRST_ETCD_PORT + 10 * i),
      peerPort: await ports.prefer(before?.peerPort, FIRST_ETCD_PORT + 10 * i + 1),
    })
  }
  const kubeletPorts = []
  for (let i = 0; i < wishes.nodes; i++) {
    kubeletPorts.push(await ports.prefer(known?.kubeletPorts[i], FIRST_KUBELET_PORT + i))
  }
  const addresses: ClusterAddresses = {
    podNetworkPrefix: known?.podNetworkPrefix ?? (await wishes.choosePodNetworkPrefix()),
    apiServerPort: wishes.apiServerPort ?? (await ports.prefer(known?.apiServerPort, FIRST_API_SERVER_PORT)),
    etcdMembers,
    kubeletPorts,
  }
  writeJsonFile(directory.addressesFile, addresses)
  return addresses
}

class FreePorts {
  readonly #taken = new Set<number>()

  /** The port of last time if it is still free, else the first free one from `first` on. */
  async prefer(lastTime: number | undefined, first: number): Promise<number> {
    if (lastTime !== undefined && (await this.take(lastTime))) return lastTime
    for (let port = first; port < 65_536; port++) if (await this.take(port)) return port
    throw new Error(`No free port from ${first} up.`)
  }

  async take(port: number): Promise<boolean> {
    if (this.#taken.has(port) || !(await isFree(port))) return false
    this.#taken.add(port)
    return true
  }
}

/** Free on every address: two clusters must not meet on one port even when they listen on different bridges. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, exclusive: true }, () => probe.close(() => resolve(true)))
  })
}
