/**
 * The layout of a cluster: which addresses and ports it uses. They are chosen once and remembered in `cluster.json`, so that a second start
 * is the same cluster; a port that somebody else has taken meanwhile is replaced.
 */
import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { type ClusterDirectory, readJsonFile, writeJsonFile } from './cluster-directory.ts'
import type { ClusterNetwork } from './network.ts'

export interface ClusterLayout {
  /** Where pods only pretend, the gateway is the loopback address. */
  readonly network: ClusterNetwork
  readonly apiServerPort: number
  readonly etcdMembers: readonly { readonly name: string; readonly clientPort: number; readonly peerPort: number }[]
  readonly nodes: readonly NodeLayout[]
}

export interface NodeLayout {
  /** "node-1" */
  readonly name: string
  readonly ip: string
  /** "10.244.1.0/24" */
  readonly podCidr: string
  /** Where the node's kubelet listens on the host. */
  readonly kubeletPort: number
}

export interface LayoutWishes {
  readonly etcdMembers: number
  readonly nodes: number
  /** A port that the user asked for; taken means an error, not another port. */
  readonly apiServerPort?: number | undefined
  /** @param lastTime the network of the last start, which is to be had again if possible. */
  readonly claimNetwork: (lastTime: ClusterNetwork | undefined) => Promise<ClusterNetwork>
  /** Address and pod range of node `ordinal`, counted from 1. */
  readonly nodeAddresses: (
    network: ClusterNetwork,
    ordinal: number,
  ) => { readonly ip: string; readonly podCidr: string }
}

export const SERVICE_CIDR = '10.96.0.0/16'
export const KUBERNETES_SERVICE_IP = '10.96.0.1'
const FIRST_API_SERVER_PORT = 6443
const FIRST_ETCD_PORT = 12379
const FIRST_KUBELET_PORT = 10250

export async function decideLayout(directory: ClusterDirectory, wishes: LayoutWishes): Promise<ClusterLayout> {
  const known = readJsonFile<ClusterLayout>(directory.layoutFile)
  const ports = new FreePorts(portsOfOtherClusters(directory))
  if (wishes.apiServerPort !== undefined && !(await ports.take(wishes.apiServerPort))) {
    throw new Error(
      `Port ${wishes.apiServerPort} is in use. Give another with --port, or leave --port out to get a free one.`,
    )
  }
  const apiServerPort = wishes.apiServerPort ?? (await ports.prefer(known?.apiServerPort, FIRST_API_SERVER_PORT))
  const etcdMembers = []
  for (let ordinal = 1; ordinal <= wishes.etcdMembers; ordinal++) {
    const before = known?.etcdMembers[ordinal - 1]
    const first = FIRST_ETCD_PORT + 10 * (ordinal - 1)
    etcdMembers.push({
      name: `etcd-${ordinal}`,
      clientPort: await ports.prefer(before?.clientPort, first),
      peerPort: await ports.prefer(before?.peerPort, first + 1),
    })
  }
  const network = await wishes.claimNetwork(known?.network)
  const nodes = []
  for (let ordinal = 1; ordinal <= wishes.nodes; ordinal++) {
    const before = known?.nodes[ordinal - 1]
    nodes.push({
      name: `node-${ordinal}`,
      ...wishes.nodeAddresses(network, ordinal),
      kubeletPort: await ports.prefer(before?.kubeletPort, FIRST_KUBELET_PORT + ordinal - 1),
    })
  }
  const layout: ClusterLayout = { network, apiServerPort, etcdMembers, nodes }
  writeJsonFile(directory.layoutFile, layout)
  return layout
}

/** Also of those that do not run now: when they do, they find their ports again. */
function portsOfOtherClusters({ root, layoutFile }: ClusterDirectory): number[] {
  const clusters = dirname(root)
  const others = readdirSync(clusters).filter((name) => name !== basename(root))
  return others.flatMap((name) => {
    const layout = readJsonFile<ClusterLayout>(join(clusters, name, basename(layoutFile)))
    if (!layout) return []
    const etcdPorts = layout.etcdMembers.flatMap(({ clientPort, peerPort }) => [clientPort, peerPort])
    return [layout.apiServerPort, ...etcdPorts, ...layout.nodes.map(({ kubeletPort }) => kubeletPort)]
  })
}

class FreePorts {
  readonly #taken: Set<number>

  constructor(taken: readonly number[]) {
    this.#taken = new Set(taken)
  }

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
