/** What only a real engine can show: limits that change under a running process, figures, and shared processes. */
import { randomUUID } from 'node:crypto'
import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDockerRuntime } from '#kubelet/docker-runtime.ts'
import type { ContainerConfig, PodSandboxConfig, RuntimeService } from '../contracts/cri.ts'
import { criLabels } from '../contracts/cri.ts'
import { ensureImages } from '../images/ensure-images.ts'
import { connectDocker } from '../runtime/docker-engine.ts'
import { eventually } from '../testing/eventually.ts'
import { describeWith } from '../testing/tools.ts'

const MEBIBYTE = 1024 * 1024
const uid = randomUUID()
const labels = { [criLabels.podName]: 'figures', [criLabels.podNamespace]: 'default', [criLabels.podUid]: uid }
const sandbox: PodSandboxConfig = {
  metadata: { name: 'figures', namespace: 'default', uid, attempt: 0 },
  hostname: 'figures',
  labels,
  annotations: {},
}

function container(name: string, script: string, changes: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    metadata: { name, attempt: 0 },
    image: 'brain-and-muscle/demo:1',
    command: ['sh', '-c', script],
    envs: [],
    mounts: [],
    labels: { ...labels, [criLabels.containerName]: name },
    annotations: {},
    resources: { cpuShares: 102, memoryLimitBytes: 64 * MEBIBYTE },
    stdin: false,
    stdinOnce: false,
    tty: false,
    ...changes,
  }
}

let runtime: RuntimeService
let sandboxId = ''
let busy = ''

async function start(config: ContainerConfig): Promise<string> {
  const id = await runtime.createContainer(sandboxId, config, sandbox)
  await runtime.startContainer(id)
  return id
}

describeWith(['docker'], 'containers of a real engine', () => {
  beforeAll(async () => {
    await ensureImages(new Dockerode())
    runtime = createDockerRuntime(connectDocker(), {
      clusterName: `test-${uid}`,
      nodeName: 'node-1',
      network: 'bridge',
      nodeIp: '',
      nodeContainer: undefined,
      sandboxImage: 'brain-and-muscle/pause:1',
    })
    // On the machine's own network: an address of a bridge would have to be claimed.
    sandboxId = await runtime.runPodSandbox(sandbox)
    busy = await start(container('busy', 'while :; do :; done'))
  })
  afterAll(async () => {
    if (sandboxId) await runtime.removePodSandbox(sandboxId)
  })

  it('tell what they use', async () => {
    const first = await runtime.usage()
    await eventually(async () => {
      const second = await runtime.usage()
      const [before, after] = [first, second].map(({ containers }) => containers.find(({ id }) => id === busy)!)
      expect(after!.cpuNanoseconds).toBeGreaterThan(before!.cpuNanoseconds)
      expect(after!.atMs).toBeGreaterThan(before!.atMs)
      expect(after!.workingSetBytes).toBeLessThan(64 * MEBIBYTE)
      expect(second.sandboxes.map(({ id }) => id)).toEqual([sandboxId])
    })
  })

  it('can be resized while they run', async () => {
    const before = await runtime.containerStatus(busy)
    expect(before?.resources).toEqual({ cpuShares: 102, memoryLimitBytes: 64 * MEBIBYTE })
    const wanted = { cpuShares: 307, cpuQuotaUs: 20_000, cpuPeriodUs: 100_000, memoryLimitBytes: 128 * MEBIBYTE }
    await runtime.updateContainerResources(busy, wanted)
    const after = await runtime.containerStatus(busy)
    expect(after?.resources).toEqual(wanted)
    expect(after?.startedAtMs).toBe(before?.startedAtMs)
    await expect(runtime.updateContainerResources(busy, { memoryLimitBytes: 1 })).rejects.toThrow()
  })

  it('go on telling those who attached without input', async () => {
    const script = 'until test -e /attached; do sleep 0.1; done; echo done'
    const talker = await start(container('talker', script, { stdin: true }))
    const streams = await runtime.attach(talker, { stdin: true, stdout: true, stderr: true, tty: false })
    streams.endInput()
    await runtime.execSync(talker, ['touch', '/attached'], 30)
    let said = ''
    for await (const { bytes } of streams.output) said += Buffer.from(bytes).toString('utf8')
    expect(said).toBe('done\n')
  })

  it('can see the processes of another', async () => {
    const debug = await start(container('debug', 'sleep 1000', { processes: { container: busy } }))
    const { stdout } = await runtime.execSync(debug, ['cat', '/proc/1/cmdline'], 5)
    expect(stdout.split('\0')).toContain('while :; do :; done')
  })
})
