/**
 * What every container runtime must do, whatever it is made of. The fake runtime and the Docker runtime both pass this;
 * that is why a kubelet that works with one works with the other.
 *
 * Assumes the kit's images, with busybox's shell.
 */
import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import {
  type ContainerConfig,
  type ContainerState,
  criLabels,
  type ImageService,
  type PodSandboxConfig,
  type ProcessStreams,
  type RuntimeService,
} from '../contracts/cri.ts'
import { lesson } from '../testing/lesson.ts'

const SOURCE = 'k8s.io/cri-api api.proto'
const timeoutMs = 30_000
const IMAGE = 'brain-and-muscle/demo:1'

/** Call inside a `describe`. @param ips addresses to give to pods, where the runtime has a network */
export function runtimeSuite(makeRuntime: () => RuntimeService & ImageService, ips: readonly string[] = []): void {
  let given = 0

  function sandboxConfig(): PodSandboxConfig {
    const uid = randomUUID()
    const metadata = { name: 'suite', namespace: 'default', uid, attempt: 0 }
    const labels = { [criLabels.podName]: 'suite', [criLabels.podNamespace]: 'default', [criLabels.podUid]: uid }
    return { metadata, hostname: 'suite', ip: ips[given++ % ips.length], labels, annotations: { note: 'kept' } }
  }

  function containerConfig(
    sandbox: PodSandboxConfig,
    script: string,
    changes: Partial<ContainerConfig> = {},
  ): ContainerConfig {
    return {
      metadata: { name: 'main', attempt: 0 },
      image: IMAGE,
      command: ['sh', '-c', script],
      envs: [],
      mounts: [],
      labels: { ...sandbox.labels, [criLabels.containerName]: 'main' },
      annotations: { hash: 'h1' },
      resources: {},
      stdin: false,
      stdinOnce: false,
      tty: false,
      ...changes,
    }
  }

  async function running(runtime: RuntimeService, script: string, changes: Partial<ContainerConfig> = {}) {
    const sandbox = sandboxConfig()
    const sandboxId = await runtime.runPodSandbox(sandbox)
    const config = containerConfig(sandbox, script, changes)
    const id = await runtime.createContainer(sandboxId, config, sandbox)
    await runtime.startContainer(id)
    return { sandbox, sandboxId, config, id }
  }

  async function untilState(runtime: RuntimeService, id: string, state: ContainerState) {
    await expect.poll(async () => (await runtime.containerStatus(id))?.state, { timeout: 10_000 }).toBe(state)
    return (await runtime.containerStatus(id))!
  }

  lesson(
    'goes through the life of a pod, and leaves nothing behind',
    {
      scenario: 'A sandbox, a container in it that ends with 3, then everything is removed.',
      rule: 'Each state is seen in order; labels, annotations, address and exit code come back as they were.',
      source: SOURCE,
      timeoutMs,
    },
    async () => {
      const runtime = makeRuntime()
      const { sandbox, sandboxId, id } = await running(runtime, 'echo hello; exit 3')
      const podUid = sandbox.metadata.uid
      expect(await runtime.podSandboxStatus(sandboxId)).toMatchObject({
        state: 'SANDBOX_READY',
        metadata: sandbox.metadata,
        ip: sandbox.ip,
      })
      const ended = await untilState(runtime, id, 'CONTAINER_EXITED')
      expect(ended).toMatchObject({
        exitCode: 3,
        reason: 'Error',
        podSandboxId: sandboxId,
        annotations: { hash: 'h1' },
      })
      expect(ended.finishedAtMs).toBeGreaterThanOrEqual(ended.startedAtMs)
      expect((await runtime.listContainers({ podUid })).map((one) => one.id)).toEqual([id])
      await runtime.stopPodSandbox(sandboxId)
      expect(await runtime.podSandboxStatus(sandboxId)).toMatchObject({ state: 'SANDBOX_NOTREADY', ip: sandbox.ip })
      await runtime.removePodSandbox(sandboxId)
      expect(await runtime.listPodSandbox({ podUid })).toEqual([])
      expect(await runtime.listContainers({ podUid })).toEqual([])
      expect(await runtime.containerStatus(id)).toBeUndefined()
    },
  )

  lesson(
    'makes nothing twice, and forgives repetition',
    {
      scenario: 'Every call is made again, as by a kubelet that was killed before it heard the answer.',
      rule: 'The same metadata again is the same container; stopping and removing again succeed.',
      source: SOURCE,
      timeoutMs,
    },
    async () => {
      const runtime = makeRuntime()
      const { sandbox, sandboxId, config, id } = await running(runtime, 'trap "exit 0" TERM; sleep 1000')
      expect(await runtime.runPodSandbox(sandbox)).toBe(sandboxId)
      expect(await runtime.createContainer(sandboxId, config, sandbox)).toBe(id)
      await runtime.startContainer(id)
      expect(await runtime.listContainers({ podUid: sandbox.metadata.uid })).toHaveLength(1)
      await runtime.stopPodSandbox(sandboxId)
      await runtime.stopPodSandbox(sandboxId)
      await runtime.stopContainer(id, 1)
      await runtime.removePodSandbox(sandboxId)
      await runtime.removePodSandbox(sandboxId)
      await runtime.removeContainer(id)
    },
  )

  lesson(
    'asks before it kills',
    {
      scenario: 'One process ignores SIGTERM; it has a second.',
      rule: 'SIGTERM, the time-out, SIGKILL: exit code 137.',
      source: SOURCE,
      timeoutMs,
    },
    async () => {
      const runtime = makeRuntime()
      const { sandboxId, id } = await running(runtime, 'trap "" TERM; sleep 1000')
      await runtime.stopContainer(id, 1)
      expect(await runtime.containerStatus(id)).toMatchObject({
        state: 'CONTAINER_EXITED',
        exitCode: 137,
        reason: 'Error',
      })
      await runtime.removePodSandbox(sandboxId)
    },
  )

  lesson(
    'says why a command could not start',
    {
      scenario: 'The command is a path that does not exist.',
      rule: 'The start fails, and the container has ended: code 128, StartError.',
      source: SOURCE,
      timeoutMs,
    },
    async () => {
      const runtime = makeRuntime()
      const sandbox = sandboxConfig()
      const sandboxId = await runtime.runPodSandbox(sandbox)
      const config = containerConfig(sandbox, '', { command: ['/no/such/program'] })
      const id = await runtime.createContainer(sandboxId, config, sandbox)
      await expect(runtime.startContainer(id)).rejects.toThrow('/no/such/program')
      expect(await runtime.containerStatus(id)).toMatchObject({
        state: 'CONTAINER_EXITED',
        exitCode: 128,
        reason: 'StartError',
      })
      await runtime.removePodSandbox(sandboxId)
    },
  )

  lesson(
    'keeps logs, also of what has ended, and follows them',
    {
      scenario: 'A container writes to both streams, waits, writes once more, and ends.',
      rule: 'Lines with their stream and time; the last so many; following ends with the container.',
      source: SOURCE,
      timeoutMs,
    },
    async () => {
      const runtime = makeRuntime()
      const { sandboxId, id } = await running(runtime, 'echo one; echo two >&2; sleep 1; echo three')
      const read = async (request: Parameters<RuntimeService['containerLogs']>[1]) => {
        const entries: string[] = []
        for await (const { stream, text } of runtime.containerLogs(id, request, AbortSignal.timeout(20_000))) {
          entries.push(`${stream} ${text}`)
        }
        return entries
      }
      const all = ['stdout one\n', 'stderr two\n', 'stdout three\n']
      expect((await read({ follow: true })).sort()).toEqual([...all].sort())
      expect((await read({ follow: false })).sort()).toEqual([...all].sort())
      expect(await read({ follow: false, tailLines: 1 })).toEqual(['stdout three\n'])
      expect(await read({ follow: false, tailLines: 0 })).toEqual([])
      await runtime.removePodSandbox(sandboxId)
    },
  )

  lesson(
    'runs further commands in a container',
    {
      scenario: 'exec of a command that fails, of one that reads input, and of one that does not exist.',
      rule: 'Streams stay apart, the exit code comes back, the end of input is told.',
      source: SOURCE,
      timeoutMs,
    },
    async () => {
      const runtime = makeRuntime()
      const { sandboxId, id } = await running(runtime, 'trap "exit 0" TERM; sleep 1000')
      const script = ['sh', '-c', 'echo out; echo err >&2; exit 7']
      expect(await runtime.execSync(id, script, 10)).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 7 })

      const cat = await runtime.exec(id, ['cat'], { stdin: true, stdout: true, stderr: true, tty: false })
      cat.write(Buffer.from('hello\n'))
      cat.endInput()
      expect([await textOf(cat), await cat.exitCode()]).toEqual(['hello\n', 0])
      await expect(runtime.execSync(id, ['nosuch'], 10)).rejects.toThrow('nosuch')
      await runtime.removePodSandbox(sandboxId)
    },
  )

  lesson(
    'tells at once that a container ended',
    {
      scenario: 'Someone listens to events while a container ends.',
      rule: 'An event names the pod. It may be missed; it must not be late.',
      source: SOURCE,
      timeoutMs,
    },
    async () => {
      const runtime = makeRuntime()
      const stop = new AbortController()
      const seen: string[] = []
      const listening = (async () => {
        for await (const { podUid } of runtime.containerEvents(stop.signal)) seen.push(podUid)
      })().catch(() => {})
      const { sandbox, sandboxId } = await running(runtime, 'sleep 1')
      await expect.poll(() => seen, { timeout: 10_000 }).toContain(sandbox.metadata.uid)
      stop.abort()
      await listening
      await runtime.removePodSandbox(sandboxId)
    },
  )
}

async function textOf({ output }: ProcessStreams): Promise<string> {
  let text = ''
  for await (const { bytes } of output) text += Buffer.from(bytes).toString('utf8')
  return text
}
