/**
 * The cluster's network with real containers and no cluster: two nodes, three pods, one Service written by hand.
 */
import { createServer, type Server } from 'node:http'
import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ensureImages } from '../images/ensure-images.ts'
import { DEMO_IMAGE, PAUSE_IMAGE } from '../images/recipes.ts'
import { describeWith } from '../testing/tools.ts'
import { execInContainer } from './container-exec.ts'
import {
  CLUSTER_LABEL,
  type ClusterNetwork,
  chooseSubnet,
  claimNetwork,
  networkName,
  nodeIpOf,
  podCidrOf,
  removeCluster,
} from './network.ts'
import { ensureNodeContainer } from './node-container.ts'

const cluster = `network-test-${process.pid}`
const docker = new Dockerode()

// Containers take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

describeWith(['docker'], 'the network of a cluster', () => {
  let addresses: ClusterNetwork
  let kubelet: Server
  let kubeletPort: number
  /** web-1 and client on node 1, web-2 on node 2. */
  let pods: { web1: string; web2: string; client: string }

  beforeAll(async () => {
    await ensureImages(docker)
    addresses = await claimNetwork(docker, cluster)
    kubelet = await listenOn(addresses.gateway, 'the kubelet')
    kubeletPort = (kubelet.address() as { port: number }).port
    await Promise.all([startNode(1), startNode(2)])
    pods = {
      web1: await startPod('web-1', 1, 21, DEMO_IMAGE),
      web2: await startPod('web-2', 2, 22, DEMO_IMAGE),
      client: await startPod('client', 1, 23, DEMO_IMAGE),
    }
  }, 120_000)

  afterAll(async () => {
    kubelet?.close()
    await removeCluster(docker, cluster)
  }, 60_000)

  it('lets pods reach each other, on one node and across nodes, with their own addresses', async () => {
    expect(await ask('client', pods.web1)).toBe('web-1')
    expect(await ask('client', pods.web2)).toBe('web-2')
    expect(await logOf('web-2')).toContain(`from ::ffff:${pods.client}`)
  })

  it('lets the host reach pods', async () => {
    expect(await fetchText(`http://${pods.web1}:8080/`)).toBe('web-1')
    expect(await fetchText(`http://${pods.web2}:8080/`)).toBe('web-2')
  })

  it('sends all traffic between pods through the nodes, and no redirects that would change that', async () => {
    const routes = await shell(`${cluster}-client`, 'ip route')
    expect(routes).toContain(`default via ${nodeIpOf(addresses, 1)}`)
    expect(routes).not.toContain(addresses.subnet)
    await shell(`${cluster}-client`, `ping -c 3 -i 0.1 ${pods.web1}`)
    expect(Number(await icmpCounter(`bm-${cluster}-node-1`, 'OutRedirects'))).toBeGreaterThan(0)
    expect(await icmpCounter(`${cluster}-client`, 'InRedirects')).toBe('0')
  })

  it('balances a ClusterIP over both nodes', async () => {
    await Promise.all([1, 2].map((ordinal) => applyService(ordinal, [pods.web1, pods.web2])))
    const answers = new Set<string>()
    for (let attempt = 0; attempt < 40 && answers.size < 2; attempt++) answers.add(await ask('client', '10.96.5.1', 80))
    expect([...answers].sort()).toEqual(['web-1', 'web-2'])
  })

  it('leads a ClusterIP with the host behind it (the API server) back through the node', async () => {
    await applyService(1, [addresses.gateway], kubeletPort)
    expect(await ask('client', '10.96.5.1', 80)).toBe('the kubelet')
  })

  it('leads port 10250 of a node to its kubelet on the host, from the host and from pods', async () => {
    expect(await fetchText(`http://${nodeIpOf(addresses, 1)}:10250/`)).toBe('the kubelet')
    expect(await fetchText(`http://${nodeIpOf(addresses, 2)}:10250/`)).toBe('the kubelet')
    expect(await ask('client', nodeIpOf(addresses, 2), 10250)).toBe('the kubelet')
  })

  it('gives a node that was stopped its routes and rules back when it is started again', async () => {
    const before = (await docker.getContainer(await startNode(1)).inspect()).Id
    await docker.getContainer(before).stop({ t: 0 })
    await expect(ask('client', pods.web2)).rejects.toThrow()
    expect((await docker.getContainer(await startNode(1)).inspect()).Id).toBe(before)
    expect(await ask('client', pods.web2)).toBe('web-2')
    expect(await fetchText(`http://${nodeIpOf(addresses, 1)}:10250/`)).toBe('the kubelet')
  })

  it('chooses another subnet for another cluster, and the same again for this one', async () => {
    expect(await chooseSubnet(docker, cluster)).toEqual(addresses)
    expect((await chooseSubnet(docker, 'another')).subnet).not.toBe(addresses.subnet)
  })

  function startNode(ordinal: number): Promise<string> {
    const peer = 3 - ordinal
    return ensureNodeContainer(docker, {
      clusterName: cluster,
      nodeName: `node-${ordinal}`,
      nodeIp: nodeIpOf(addresses, ordinal),
      podCidr: podCidrOf(addresses, ordinal),
      clusterCidr: addresses.subnet,
      gateway: addresses.gateway,
      kubeletPort,
      peers: [{ podCidr: podCidrOf(addresses, peer), nodeIp: nodeIpOf(addresses, peer) }],
    })
  }

  /** As the kubelet does it: a sandbox with the pod's address, and a container that joins it. Returns the address. */
  async function startPod(name: string, node: number, last: number, image: string): Promise<string> {
    const podIp = podCidrOf(addresses, node).replace('0/24', String(last))
    const labels = { [CLUSTER_LABEL]: cluster }
    const sandbox = await docker.createContainer({
      Image: PAUSE_IMAGE,
      Hostname: name,
      Labels: labels,
      Env: [`NODE_IP=${nodeIpOf(addresses, node)}`],
      HostConfig: { NetworkMode: networkName(cluster), CapAdd: ['NET_ADMIN'] },
      NetworkingConfig: { EndpointsConfig: { [networkName(cluster)]: { IPAMConfig: { IPv4Address: podIp } } } },
    })
    await sandbox.start()
    const HostConfig = { NetworkMode: `container:${sandbox.id}` }
    const container = await docker.createContainer({
      name: `${cluster}-${name}`,
      Image: image,
      Labels: labels,
      HostConfig,
    })
    await container.start()
    await shell(`${cluster}-${name}`, 'until wget -qO- http://127.0.0.1:8080/; do sleep 0.02; done')
    return podIp
  }

  /** A Service 10.96.5.1:80 in one node's stack, written by hand, since kube-proxy is not what is tested here. */
  async function applyService(ordinal: number, endpoints: readonly string[], port = 8080): Promise<void> {
    const rules = endpoints.map((endpoint, position) => {
      const share = 1 / (endpoints.length - position)
      return `-A SERVICE -d 10.96.5.1/32 -p tcp -m statistic --mode random --probability ${share} -j DNAT --to-destination ${endpoint}:${port}`
    })
    const text = ['*nat', ':SERVICE - [0:0]', '-A PREROUTING -j SERVICE', ...rules, 'COMMIT', ''].join('\n')
    const restore = ['iptables-restore', '--noflush']
    const result = await execInContainer(docker, `bm-${cluster}-node-${ordinal}`, restore, text)
    expect(result).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  }

  async function icmpCounter(container: string, name: string): Promise<string | undefined> {
    const lines = (await shell(container, 'cat /proc/net/snmp')).split('\n').filter((line) => line.startsWith('Icmp:'))
    const [names = [], values = []] = lines.map((line) => line.split(' '))
    return values[names.indexOf(name)]
  }

  const ask = (pod: string, host: string, port = 8080) =>
    shell(`${cluster}-${pod}`, `wget -T 2 -qO- http://${host}:${port}/`)

  async function logOf(pod: string): Promise<string> {
    return (await docker.getContainer(`${cluster}-${pod}`).logs({ stdout: true, stderr: true })).toString()
  }
})

async function shell(container: string, command: string): Promise<string> {
  const { exitCode, stdout, stderr } = await execInContainer(docker, container, ['sh', '-c', command])
  if (exitCode !== 0) throw new Error(`${command} exited with ${exitCode}: ${stderr}`)
  return stdout.trim()
}

async function fetchText(url: string): Promise<string> {
  return (await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text()).trim()
}

async function listenOn(address: string, answer: string): Promise<Server> {
  const server = createServer((_, response) => response.writeHead(200, { Connection: 'close' }).end(answer))
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  return server
}
