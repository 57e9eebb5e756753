/** Steps 5.1 to 5.7 with real containers: a whole kubelet, the simulated API server, and Docker. */
import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect } from 'vitest'
import { claimNetwork, networkName, podCidrOf, removeCluster } from '#kit/cluster/network.ts'
import { ensureImages } from '#kit/images/ensure-images.ts'
import { connectDocker } from '#kit/runtime/docker-engine.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { createDockerRuntime } from '#kubelet/docker-runtime.ts'
import { isRunning, mainState, type Rig, startRig } from './kubelet-rig.ts'

const clusterName = `kubelet-step-7-${process.pid}`
const timeoutMs = 60_000

describeWith(['docker'], 'a kubelet with Docker', () => {
  const docker = new Dockerode()
  let rig: Rig

  beforeAll(async () => {
    await ensureImages(docker)
    const addresses = await claimNetwork(docker, clusterName)
    const runtime = createDockerRuntime(connectDocker(docker), {
      clusterName,
      nodeName: 'node-1',
      network: networkName(clusterName),
      nodeIp: '',
      nodeContainer: undefined,
      sandboxImage: 'brain-and-muscle/pause:1',
    })
    rig = await startRig({ runtime, podCidr: podCidrOf(addresses, 1) })
  }, 60_000)
  afterAll(async () => {
    await rig?.stop()
    await removeCluster(docker, clusterName)
  }, 60_000)

  const containerIds = async () => {
    const filters = { label: [`brain-and-muscle.cluster=${clusterName}`] }
    return (await docker.listContainers({ all: true, filters })).map(({ Id }) => Id).sort()
  }

  lesson(
    'runs a pod, is killed, finds it again, and takes it away',
    {
      scenario: 'A pod runs. The kubelet is stopped and started. Then the pod is deleted.',
      rule: 'The very same containers run on; at the end none is left.',
      source: 'kubernetes pkg/kubelet/kubelet.go',
      timeoutMs,
    },
    async () => {
      await rig.create('web', 'trap "exit 0" TERM; while true; do sleep 0.1; done')
      await rig.until('web', isRunning)
      const before = await containerIds()
      expect(before).toHaveLength(2)
      await rig.stopKubelet()
      await rig.startKubelet()
      // Another pod that gets as far as this proves that the kubelet has looked around.
      await rig.create('other', 'trap "exit 0" TERM; while true; do sleep 0.1; done')
      await rig.until('other', isRunning)
      expect(await containerIds()).toEqual(expect.arrayContaining(before))
      expect(await containerIds()).toHaveLength(4)
      await Promise.all([rig.delete('web'), rig.delete('other')])
      await Promise.all([rig.untilGone('web'), rig.untilGone('other')])
      await expect.poll(containerIds, { timeout: 20_000 }).toEqual([])
    },
  )

  lesson(
    'restarts what crashes, and tells how it ended',
    {
      scenario: 'A container exits with 3; another uses more memory than it may.',
      rule: 'CrashLoopBackOff with the exit code, and OOMKilled.',
      source: 'kubernetes kubelet_pods.go',
      timeoutMs,
    },
    async () => {
      await rig.create('crash', 'exit 3')
      const image = 'brain-and-muscle/demo:1'
      const resources = { limits: { memory: '16Mi' } }
      const greedy = { name: 'main', image, command: ['tail', '/dev/zero'], resources }
      await rig.create('greedy', '', { restartPolicy: 'Never', containers: [greedy] })
      const crash = await rig.until('crash', (pod) => mainState(pod)?.waiting?.reason === 'CrashLoopBackOff')
      expect(crash.status?.containerStatuses?.[0]).toMatchObject({
        restartCount: 1,
        lastState: { terminated: { exitCode: 3 } },
      })
      const killed = await rig.until('greedy', ({ status }) => status?.phase === 'Failed')
      expect(mainState(killed)?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
    },
  )
})
