/**
 * A node of the cluster, as far as the network goes: a container with a network stack, and nothing running in it.
 *
 * All traffic of the node's pods passes this stack, so this is where kube-proxy's rules act. The kubelet and the
 * kube-proxy of the node are processes on the host. Stopping or pausing the container is a node failure; starting it
 * again brings routes and given rules back (kit/images/rootfs/node-init.sh), and kube-proxy brings its own.
 */
import { createHash } from 'node:crypto'
import type Dockerode from 'dockerode'
import { NODE_IMAGE } from '../images/recipes.ts'
import { execInContainer } from './container-exec.ts'
import { CLUSTER_LABEL, networkName } from './network.ts'

export interface NodeContainerOptions {
  readonly clusterName: string
  /** The Kubernetes node's name: "node-1". */
  readonly nodeName: string
  /** "10.244.0.11" */
  readonly nodeIp: string
  /** "10.244.1.0/24" */
  readonly podCidr: string
  /** "10.244.0.0/16": all nodes and pods. */
  readonly clusterCidr: string
  /** The host, as seen from the bridge: "10.244.0.1". */
  readonly gateway: string
  /** Where the node's kubelet listens on the gateway; `<nodeIp>:10250` is led there. */
  readonly kubeletPort: number
  /** The other nodes: their pods are reached through them. */
  readonly peers: readonly { readonly podCidr: string; readonly nodeIp: string }[]
}

/** Carries the Kubernetes node's name. */
export const NODE_LABEL = 'brain-and-muscle.node'
const CONFIG_LABEL = 'brain-and-muscle.config'

const SYSCTLS = {
  'net.ipv4.ip_forward': '1',
  // Node ports also answer on 127.0.0.1.
  'net.ipv4.conf.all.route_localnet': '1',
}

export function nodeContainerName(clusterName: string, nodeName: string): string {
  return `bm-${clusterName}-${nodeName}`
}

/** Resolves when the node's network stack is ready to forward. Recreates the container when its options changed. */
export async function ensureNodeContainer(docker: Dockerode, options: NodeContainerOptions): Promise<string> {
  const name = nodeContainerName(options.clusterName, options.nodeName)
  const wanted = await configOf(docker, options)
  const present = await inspect(docker, name)
  if (present && present.Config.Labels[CONFIG_LABEL] !== wanted) {
    await docker.getContainer(name).remove({ force: true })
  }
  if (present?.Config.Labels[CONFIG_LABEL] !== wanted) await createNodeContainer(docker, name, options, wanted)
  if (present?.State.Paused) await docker.getContainer(name).unpause()
  await docker.getContainer(name).start().catch(unlessRunning)
  await untilReady(docker, name)
  return name
}

async function createNodeContainer(docker: Dockerode, name: string, options: NodeContainerOptions, config: string) {
  const { clusterName, nodeName, nodeIp, podCidr, clusterCidr, gateway, kubeletPort, peers } = options
  const network = networkName(clusterName)
  await docker.createContainer({
    name,
    Image: NODE_IMAGE,
    Hostname: nodeName,
    Labels: { [CLUSTER_LABEL]: clusterName, [NODE_LABEL]: nodeName, [CONFIG_LABEL]: config },
    Env: [
      `NODE_IP=${nodeIp}`,
      `POD_CIDR=${podCidr}`,
      `CLUSTER_CIDR=${clusterCidr}`,
      `GATEWAY=${gateway}`,
      `KUBELET_PORT=${kubeletPort}`,
      `PEERS=${peers.map((peer) => `${peer.podCidr}@${peer.nodeIp}`).join(' ')}`,
    ],
    HostConfig: {
      NetworkMode: network,
      CapAdd: ['NET_ADMIN', 'NET_RAW'],
      Sysctls: SYSCTLS,
      // Empty at every start, so that "ready" cannot be left over from the last time.
      Tmpfs: { '/run': '' },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: nodeIp } } } },
  })
}

async function untilReady(docker: Dockerode, name: string): Promise<void> {
  const waiting = ['sh', '-c', 'until [ -e /run/node-ready ]; do sleep 0.01; done']
  const result = await execInContainer(docker, name, waiting).catch(() => undefined)
  if (result?.exitCode === 0) return
  const log = await docker.getContainer(name).logs({ stdout: true, stderr: true, tail: 20 })
  throw new Error(`The node container ${name} did not become ready. Its log:\n${log.toString()}`)
}

/** Changes whenever the container would be made differently, also by a newer image. */
async function configOf(docker: Dockerode, options: NodeContainerOptions): Promise<string> {
  const { Id: image } = await docker.getImage(NODE_IMAGE).inspect()
  return createHash('sha256').update(JSON.stringify({ image, options })).digest('hex').slice(0, 16)
}

async function inspect(docker: Dockerode, name: string): Promise<Dockerode.ContainerInspectInfo | undefined> {
  return docker
    .getContainer(name)
    .inspect()
    .catch((error: { statusCode?: number }) => {
      if (error.statusCode === 404) return undefined
      throw error
    })
}

/** 304: it runs already. */
function unlessRunning(error: { statusCode?: number }): void {
  if (error.statusCode !== 304) throw error
}
