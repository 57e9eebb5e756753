/** Step 5.3 with a real engine: the Docker runtime passes the same suite as the fake one, and more. */
import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect } from 'vitest'
import { claimNetwork, networkName, podCidrOf, removeCluster } from '#kit/cluster/network.ts'
import { criLabels, type PodSandboxConfig } from '#kit/contracts/cri.ts'
import { ensureImages } from '#kit/images/ensure-images.ts'
import { connectDocker } from '#kit/runtime/docker-engine.ts'
import { runtimeSuite } from '#kit/runtime/runtime-suite.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { createDockerRuntime } from '#kubelet/docker-runtime.ts'
import { nextPodIp } from '#kubelet/pod-ips.ts'

const clusterName = `kubelet-step-3-${process.pid}`
const nodeContainer = `bm-${clusterName}-node-1`
const timeoutMs = 30_000

describeWith(['docker'], 'the Docker runtime', () => {
  const dockerode = new Dockerode()
  const place = {
    clusterName,
    nodeName: 'node-1',
    network: networkName(clusterName),
    nodeIp: '',
    nodeContainer: undefined,
    sandboxImage: 'brain-and-muscle/pause:1',
  }
  const runtime = createDockerRuntime(connectDocker(dockerode), place)
  const ips: string[] = []

  beforeAll(async () => {
    await ensureImages(dockerode)
    const cidr = podCidrOf(await claimNetwork(dockerode, clusterName), 1)
    for (let number = 0; number < 20; number++) ips.push(nextPodIp(cidr, ips.at(-1), new Set(ips))!)
  }, 60_000)
  afterAll(() => removeCluster(dockerode, clusterName), 30_000)

  runtimeSuite(() => runtime, ips)

  lesson(
    'really gives a container its environment, its limits, its volume and its network',
    {
      scenario:
        'A container with an environment variable, 32 MiB of memory, a mounted directory, in a pod with an address.',
      rule: 'What the pod asks for is what the process finds.',
      source: 'kubernetes core/v1 Container',
      timeoutMs,
    },
    async () => {
      const metadata = { name: 'real', namespace: 'default', uid: `${clusterName}-real`, attempt: 0 }
      const labels = { [criLabels.podUid]: metadata.uid }
      const sandbox: PodSandboxConfig = { metadata, hostname: 'real', ip: ips.at(-1), labels, annotations: {} }
      const sandboxId = await runtime.runPodSandbox(sandbox)
      const id = await runtime.createContainer(
        sandboxId,
        {
          metadata: { name: 'main', attempt: 0 },
          image: 'brain-and-muscle/demo:1',
          command: ['sh', '-c'],
          args: ['sleep 1000'],
          envs: [{ key: 'GREETING', value: 'hello there' }],
          mounts: [{ hostPath: '/etc', containerPath: '/host-etc', readonly: true }],
          labels,
          annotations: {},
          resources: { memoryLimitBytes: 32 * 1024 * 1024, cpuShares: 102 },
          stdin: false,
          stdinOnce: false,
          tty: false,
        },
        sandbox,
      )
      await runtime.startContainer(id)
      const script =
        'echo $GREETING; hostname; test -d /host-etc && echo mounted; touch /host-etc/x 2>/dev/null || echo read-only; ip -4 addr show eth0'
      const { stdout } = await runtime.execSync(id, ['sh', '-c', script], 10)
      expect(stdout.split('\n').slice(0, 4)).toEqual(['hello there', 'real', 'mounted', 'read-only'])
      expect(stdout).toContain(`inet ${ips.at(-1)}/`)
      const { HostConfig } = await dockerode.getContainer(id).inspect()
      expect(HostConfig).toMatchObject({ Memory: 33_554_432, MemorySwap: 33_554_432, CpuShares: 102 })
      await runtime.removePodSandbox(sandboxId)
    },
  )

  lesson(
    'knows whether its machine is on',
    {
      scenario: 'The node container runs, is paused, runs on, is removed.',
      rule: 'Only a running node is a machine that is on: the kubelet of any other must stay silent.',
      source: 'DESIGN: a node is a container',
      timeoutMs,
    },
    async () => {
      const onNode = createDockerRuntime(connectDocker(dockerode), { ...place, nodeContainer })
      const isOn = async () => (await onNode.status()).find(({ type }) => type === 'MachineRunning')?.status
      expect(await isOn()).toBe(false)
      const Labels = { 'brain-and-muscle.cluster': clusterName }
      const node = await dockerode.createContainer({ name: nodeContainer, Image: place.sandboxImage, Labels })
      await node.start()
      expect(await isOn()).toBe(true)
      await node.pause()
      expect(await isOn()).toBe(false)
      await node.unpause()
      expect(await isOn()).toBe(true)
      await node.remove({ force: true })
      expect(await isOn()).toBe(false)
    },
  )
})
