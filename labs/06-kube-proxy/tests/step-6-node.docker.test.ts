/**
 * The rules in a real kernel: a node container, pods, and kube-proxy against an API server in memory.
 */
import Dockerode from 'dockerode'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { resources } from '#kit/api/resources.ts'
import { execInContainer } from '#kit/cluster/container-exec.ts'
import {
  CLUSTER_LABEL,
  type ClusterNetwork,
  claimNetwork,
  networkName,
  nodeIpOf,
  podCidrOf,
  removeCluster,
} from '#kit/cluster/network.ts'
import { ensureNodeContainer } from '#kit/cluster/node-container.ts'
import { createNodeIptables } from '#kit/cluster/node-iptables.ts'
import { parseIptablesSave } from '#kit/contracts/proxy-rules.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { ensureImages } from '#kit/images/ensure-images.ts'
import { DEMO_IMAGE, PAUSE_IMAGE } from '#kit/images/recipes.ts'
import { type SimApiServer, startSimApiServer } from '#kit/sim/api-server.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { changesBetween } from '#proxy/minimal-update.ts'
import { startKubeProxy } from '#proxy/proxier.ts'
import { buildRules } from '#proxy/rules.ts'
import { config, endpoint, serviceObject, servicePort, sliceObject, THREE } from './fixtures.ts'

const source = 'pkg/proxy/iptables/proxier.go'
const cluster = `kube-proxy-test-${process.pid}`
const node = `bm-${cluster}-node-1`

describeWith(['docker'], 'kube-proxy on a node', () => {
  const docker = new Dockerode()
  let addresses: ClusterNetwork
  let server: SimApiServer
  let proxy: RunningComponent | undefined
  let pods: string[]

  beforeAll(async () => {
    await ensureImages(docker)
    addresses = await claimNetwork(docker, cluster)
    await startNode()
    pods = await Promise.all(['web-1', 'web-2', 'client'].map((name, i) => startPod(name, 21 + i)))
  }, 120_000)
  afterAll(() => removeCluster(docker, cluster), 60_000)

  beforeEach(async () => {
    server = await startSimApiServer()
  })
  afterEach(async () => {
    await proxy?.stop()
    proxy = undefined
    await server.stop()
  })

  lesson(
    'the kernel takes the rules, and they are recognised when read back',
    {
      scenario: 'Every kind of Service at once is applied to the network stack of a node, and read back from it.',
      rule: 'iptables-restore accepts the text; what iptables-save then prints needs no changes.',
      source,
      timeoutMs: 30_000,
    },
    async () => {
      const kinds = [
        servicePort(),
        servicePort({ protocol: 'UDP', affinitySeconds: 600, nodePort: 30001 }),
        servicePort({ externalPolicyLocal: true, nodePort: 30002, healthCheckNodePort: 32000 }),
        servicePort({ internalPolicyLocal: true, externalIPs: ['192.0.2.9'] }),
        servicePort({ loadBalancerIPs: ['203.0.113.7'], sourceRanges: ['198.51.100.0/24'] }),
        servicePort({ nodePort: 30003 }),
        servicePort({ externalPolicyLocal: true, nodePort: 30004 }),
      ].map((service, i) => ({ ...service, name: `default/s${i}:p`, clusterIP: `10.96.9.${i + 1}` }))
      const some = kinds.slice(0, 5).map(({ name }) => [name, THREE] as const)
      const wanted = buildRules(
        kinds,
        { ...Object.fromEntries(some), 'default/s6:p': [endpoint('10.244.2.7')] },
        config,
      )
      const iptables = createNodeIptables(docker, node)
      const before = parseIptablesSave(await iptables.save())
      await iptables.restore(changesBetween(before, wanted))
      const present = parseIptablesSave(await iptables.save())
      expect(changesBetween(present, wanted)).toBe('')
      // And everything can go again.
      await iptables.restore(changesBetween(present, buildRules([], {}, config)))
      expect(Object.keys(parseIptablesSave(await iptables.save()).nat)).not.toContainEqual(
        expect.stringMatching(/^KUBE-(SVC|SEP|EXT|SVL|FW)-/),
      )
    },
  )

  lesson(
    'connections are shared among real pods, on into a restart of the node',
    {
      scenario:
        'Two pods answer for a Service; a third, and this machine, ask. Then the node restarts and loses all rules.',
      rule: 'Both pods answer, at the cluster IP and at the node port. A new network stack gets all rules again.',
      source,
      timeoutMs: 60_000,
    },
    async () => {
      await createService()
      await startProxy()
      expect(await answers(2)).toEqual(['web-1', 'web-2'])
      const atNodePort = await fetch(`http://${nodeIpOf(addresses, 1)}:30080/`)
      expect(['web-1', 'web-2']).toContain((await atNodePort.text()).trim())

      await docker.getContainer(node).restart({ t: 0 })
      expect(await answers(2)).toEqual(['web-1', 'web-2'])
    },
  )

  lesson(
    'no request fails while kube-proxy restarts',
    {
      scenario: 'A pod asks the Service again and again, while kube-proxy stops and starts three times.',
      rule: 'Rules are never taken away to be written again: there is no moment without them.',
      source,
      timeoutMs: 60_000,
    },
    async () => {
      await createService()
      await startProxy()
      await answers(2)
      const loop =
        'i=0; while [ $i -lt 30 ]; do wget -T 2 -qO- http://10.96.5.1/ > /dev/null || echo failed; i=$((i+1)); done'
      const asking = shell('client', loop)
      for (let restart = 0; restart < 3; restart++) {
        await proxy?.stop()
        await startProxy()
      }
      expect(await asking).toBe('')
    },
  )

  async function createService(): Promise<void> {
    const ports = [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30080 }]
    await server.client().create(resources.services, serviceObject({ type: 'NodePort', ports }))
    const endpoints = pods.slice(0, 2).map((ip) => ({ addresses: [ip], nodeName: 'node-1' }))
    await server.client().create(resources.endpointSlices, sliceObject('a-1', endpoints))
  }

  async function startProxy(): Promise<void> {
    proxy = await startKubeProxy({
      client: server.client(),
      nodeName: 'node-1',
      config: { clusterCidr: addresses.subnet },
      applier: createNodeIptables(docker, node),
    })
  }

  /** Asks until so many different pods have answered. The first answer may take as long as the rules do. */
  async function answers(count: number): Promise<string[]> {
    const seen = new Set<string>()
    for (let attempt = 0; attempt < 100 && seen.size < count; attempt++) {
      const answer = await shell('client', 'wget -T 1 -qO- http://10.96.5.1/ || true')
      if (answer !== '') seen.add(answer)
    }
    return [...seen].sort()
  }

  async function shell(pod: string, command: string): Promise<string> {
    const result = await execInContainer(docker, `${cluster}-${pod}`, ['sh', '-c', command])
    return result.stdout.trim()
  }

  function startNode(): Promise<string> {
    return ensureNodeContainer(docker, {
      clusterName: cluster,
      nodeName: 'node-1',
      nodeIp: nodeIpOf(addresses, 1),
      podCidr: podCidrOf(addresses, 1),
      clusterCidr: addresses.subnet,
      gateway: addresses.gateway,
      kubeletPort: 20250,
      peers: [],
    })
  }

  /** As the kubelet does it: a sandbox with the pod's address, and a container that joins it. */
  async function startPod(name: string, last: number): Promise<string> {
    const podIp = podCidrOf(addresses, 1).replace('0/24', String(last))
    const Labels = { [CLUSTER_LABEL]: cluster }
    const sandbox = await docker.createContainer({
      Image: PAUSE_IMAGE,
      Hostname: name,
      Labels,
      Env: [`NODE_IP=${nodeIpOf(addresses, 1)}`],
      HostConfig: { NetworkMode: networkName(cluster), CapAdd: ['NET_ADMIN'] },
      NetworkingConfig: { EndpointsConfig: { [networkName(cluster)]: { IPAMConfig: { IPv4Address: podIp } } } },
    })
    await sandbox.start()
    const HostConfig = { NetworkMode: `container:${sandbox.id}` }
    await (await docker.createContainer({ name: `${cluster}-${name}`, Image: DEMO_IMAGE, Labels, HostConfig })).start()
    return podIp
  }
})
