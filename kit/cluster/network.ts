/**
 * The network of a cluster: one Docker bridge that all nodes and pods of the cluster are on.
 *
 *   10.244.0.1      the host (gateway), where the control plane and the kubelets listen
 *   10.244.0.10+n   node n: a container with a network stack of its own
 *   10.244.n.0/24   the pods of node n
 *
 * Needs only the Docker socket: routes and rules live in the node containers, never in the host's firewall.
 * A second cluster gets the next free /16, so that clusters run side by side.
 */
import { networkInterfaces } from 'node:os'
import type Dockerode from 'dockerode'

/** Carried by every container and network of a cluster; its value is the cluster's name. */
export const CLUSTER_LABEL = 'brain-and-muscle.cluster'

export interface ClusterNetwork {
  /** All nodes and pods: "10.244.0.0/16". */
  readonly subnet: string
  /** The host's address on the bridge: "10.244.0.1". */
  readonly gateway: string
}

export function networkName(clusterName: string): string {
  return `bm-${clusterName}`
}

/** Address of node `ordinal`, counted from 1. */
export function nodeIpOf({ gateway }: ClusterNetwork, ordinal: number): string {
  const [a, b] = gateway.split('.')
  return `${a}.${b}.0.${10 + ordinal}`
}

/** The pods of node `ordinal`, counted from 1. */
export function podCidrOf({ gateway }: ClusterNetwork, ordinal: number): string {
  const [a, b] = gateway.split('.')
  return `${a}.${b}.${ordinal}.0/24`
}

/**
 * The addresses that the cluster has, if its network exists already, otherwise those of last time or the first /16 from
 * 10.244.0.0, whichever neither a Docker network nor an interface of this machine uses.
 */
export async function chooseSubnet(
  docker: Dockerode,
  clusterName?: string,
  lastTime?: ClusterNetwork,
): Promise<ClusterNetwork> {
  const networks = await docker.listNetworks()
  const own = networks.find(({ Name }) => clusterName !== undefined && Name === networkName(clusterName))
  const ownSubnet = own?.IPAM?.Config?.[0]?.Subnet
  if (ownSubnet) return addressesOf(ownSubnet)

  const used = networks.flatMap(({ IPAM }) => (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []))
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, cidr } of addresses ?? []) if (family === 'IPv4' && cidr) used.push(cidr)
  }
  const candidates = Array.from({ length: 11 }, (_, i) => `10.${244 + i}.0.0/16`)
  if (lastTime) candidates.unshift(lastTime.subnet)
  const free = candidates.find((subnet) => !used.some((other) => overlaps(subnet, other)))
  if (free) return addressesOf(free)
  throw new Error('No address range is free for a cluster: 10.244.0.0/16 to 10.254.0.0/16 are all in use.')
}

/** Creates the network `bm-<cluster>` unless it is there. Returns its name. */
export async function ensureNetwork(
  docker: Dockerode,
  clusterName: string,
  { subnet, gateway }: ClusterNetwork,
): Promise<string> {
  const name = networkName(clusterName)
  const existing = (await docker.listNetworks()).find(({ Name }) => Name === name)
  if (existing) {
    if (existing.IPAM?.Config?.[0]?.Subnet === subnet) return name
    await docker.getNetwork(existing.Id).remove()
  }
  const [a, b] = gateway.split('.')
  await docker.createNetwork({
    Name: name,
    CheckDuplicate: true,
    Driver: 'bridge',
    // Docker chooses addresses only where neither nodes nor pods have theirs.
    IPAM: { Config: [{ Subnet: subnet, Gateway: gateway, IPRange: `${a}.${b}.255.0/24` }] },
    Labels: { [CLUSTER_LABEL]: clusterName },
  })
  return name
}

/** Chooses a subnet and creates the network in one go. Two clusters that start at the same moment get different ones. */
export async function claimNetwork(
  docker: Dockerode,
  clusterName: string,
  lastTime?: ClusterNetwork,
): Promise<ClusterNetwork> {
  for (let attempt = 1; ; attempt++) {
    const addresses = await chooseSubnet(docker, clusterName, lastTime)
    try {
      await ensureNetwork(docker, clusterName, addresses)
      return addresses
    } catch (error) {
      // Somebody was faster: the engine says that the range overlaps with another.
      if (attempt === 5 || !/overlap/i.test((error as Error).message)) throw error
    }
  }
}

/** Removes every container and network that carries the cluster's label. Safe to repeat, also after a crash. */
export async function removeCluster(docker: Dockerode, clusterName: string): Promise<void> {
  const filters = { label: [`${CLUSTER_LABEL}=${clusterName}`] }
  const containers = await docker.listContainers({ all: true, filters })
  await Promise.all(
    containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true }).catch(unlessGone)),
  )
  const networks = await docker.listNetworks({ filters })
  await Promise.all(networks.map(({ Id }) => docker.getNetwork(Id).remove().catch(unlessGone)))
}

/** 404: somebody was faster. 409: its removal is already under way. */
function unlessGone(error: { statusCode?: number }): void {
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error
}

function addressesOf(subnet: string): ClusterNetwork {
  const [a, b] = subnet.split('.')
  return { subnet, gateway: `${a}.${b}.0.1` }
}

function overlaps(cidr: string, other: string): boolean {
  const [address, length] = parseCidr(cidr)
  const [otherAddress, otherLength] = parseCidr(other)
  const shift = 32 - Math.min(length, otherLength)
  return Math.floor(address / 2 ** shift) === Math.floor(otherAddress / 2 ** shift)
}

function parseCidr(cidr: string): [address: number, prefixLength: number] {
  const [address = '', length = '32'] = cidr.split('/')
  return [address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0), Number(length)]
}
