/**
 * A container runtime that keeps everything in memory and runs nothing. It keeps CRI's promises, and passes the same suite
 * as the Docker runtime, so a kubelet that works with it works with Docker; and it works where no engine is.
 */
import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../contracts/clock.ts'
import type {
  ContainerConfig,
  ContainerStatus,
  ContainerUsage,
  Image,
  ImageService,
  LogEntry,
  PodSandbox,
  PodSandboxConfig,
  ProcessStreams,
  RuntimeService,
} from '../contracts/cri.ts'
import { criLabels } from '../contracts/cri.ts'
import { Channel } from './channel.ts'
import { PretendProcess } from './pretend-process.ts'
import { pretendServer } from './pretend-server.ts'

/** What everything that runs here pretends to use. */
export const CONTAINER_USAGE = { cpuMillicores: 25, workingSetBytes: 16 * 1024 * 1024 }
const SANDBOX_USAGE = { cpuMillicores: 0, workingSetBytes: 512 * 1024 }

export interface FakeRuntimeOptions {
  readonly clock?: Clock
  /** Images that are "on this machine". Default: every image. */
  readonly images?: readonly string[]
}

export interface FakeRuntime extends RuntimeService, ImageService {
  /** Every call that changed something, such as "startContainer web", for tests that count. */
  readonly calls: string[]
  /** Ends a container's process from outside, as a crash would. */
  exit(containerId: string, exitCode: number, reason?: string): void
  /** Switches the machine off or on, as stopping the node container does. */
  setMachineOn(isOn: boolean): void
}

interface FakeContainer {
  status: ContainerStatus
  readonly config: ContainerConfig
  readonly sandbox: FakeSandbox
  process: PretendProcess | undefined
  readonly logs: LogEntry[]
  readonly logged: Set<() => void>
  readonly stopped: Set<() => void>
  killTimer: { cancel(): void } | undefined
}

interface FakeSandbox {
  status: PodSandbox
  readonly config: PodSandboxConfig
}

export function createFakeRuntime(options: FakeRuntimeOptions = {}): FakeRuntime {
  const { clock = systemClock } = options
  const sandboxes = new Map<string, FakeSandbox>()
  const containers = new Map<string, FakeContainer>()
  const listeners = new Set<(podUid: string) => void>()
  const calls: string[] = []
  let machineOn = true

  function announce(container: FakeContainer): void {
    for (const listener of listeners) listener(container.sandbox.config.metadata.uid)
  }

  function find(id: string): FakeContainer {
    const container = containers.get(id)
    if (!container) throw new Error(`no such container: ${id}`)
    return container
  }

  function end(container: FakeContainer, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): void {
    if (container.status.state !== 'CONTAINER_RUNNING') return
    container.status = {
      ...container.status,
      state: 'CONTAINER_EXITED',
      exitCode,
      reason,
      finishedAtMs: clock.now(),
    }
    container.killTimer?.cancel()
    container.process = undefined
    for (const wake of [...container.stopped, ...container.logged]) wake()
    announce(container)
  }

  function log(container: FakeContainer, stream: LogEntry['stream'], text: string): void {
    for (const line of text.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
      const time = new Date(clock.now()).toISOString().replace('Z', '000000Z')
      container.logs.push({ stream, time, text: line })
    }
    for (const wake of container.logged) wake()
  }

  const runtime: FakeRuntime = {
    calls,
    exit: (id, exitCode, reason) => end(find(id), exitCode, reason),
    setMachineOn(isOn) {
      machineOn = isOn
    },

    version: async () => ({ runtimeName: 'fake', runtimeVersion: '1.0.0' }),
    status: async () =>
      (['RuntimeReady', 'NetworkReady', 'MachineRunning'] as const).map((type) => ({
        type,
        status: type !== 'MachineRunning' || machineOn,
        reason: '',
        message: '',
      })),

    async runPodSandbox(config) {
      for (const { status, config: other } of sandboxes.values()) {
        const { uid, attempt } = other.metadata
        if (uid === config.metadata.uid && attempt === config.metadata.attempt) return status.id
      }
      const id = randomBytes(32).toString('hex')
      const { metadata, ip, labels } = config
      const status = { id, metadata, state: 'SANDBOX_READY' as const, createdAtMs: clock.now(), ip, labels }
      sandboxes.set(id, { status, config })
      calls.push(`runPodSandbox ${metadata.name}`)
      return id
    },
    async stopPodSandbox(id) {
      const sandbox = sandboxes.get(id)
      if (sandbox?.status.state !== 'SANDBOX_READY') return
      calls.push(`stopPodSandbox ${sandbox.config.metadata.name}`)
      for (const container of containers.values()) if (container.sandbox === sandbox) container.process?.kill()
      sandbox.status = { ...sandbox.status, state: 'SANDBOX_NOTREADY' }
    },
    async removePodSandbox(id) {
      await runtime.stopPodSandbox(id)
      for (const [containerId, { sandbox }] of containers) {
        if (sandbox.status.id === id) containers.delete(containerId)
      }
      const sandbox = sandboxes.get(id)
      if (sandbox) calls.push(`removePodSandbox ${sandbox.config.metadata.name}`)
      sandboxes.delete(id)
    },
    podSandboxStatus: async (id) => sandboxes.get(id)?.status,
    listPodSandbox: async (filter) =>
      [...sandboxes.values()]
        .map(({ status }) => status)
        .filter(({ metadata }) => filter?.podUid === undefined || metadata.uid === filter.podUid),

    async createContainer(sandboxId, config) {
      const sandbox = sandboxes.get(sandboxId)
      if (!sandbox) throw new Error(`no such sandbox: ${sandboxId}`)
      const { name, attempt } = config.metadata
      for (const { status, sandbox: other } of containers.values()) {
        const { metadata } = status
        const samePod = other.config.metadata.uid === sandbox.config.metadata.uid
        if (samePod && metadata.name === name && metadata.attempt === attempt) return status.id
      }
      if (!isPresent(config.image)) throw new Error(`No such image: ${config.image}`)
      const id = randomBytes(32).toString('hex')
      const status: ContainerStatus = {
        id,
        podSandboxId: sandboxId,
        metadata: config.metadata,
        state: 'CONTAINER_CREATED',
        createdAtMs: clock.now(),
        labels: config.labels,
        annotations: config.annotations,
        resources: config.resources,
        image: config.image,
        imageRef: `sha256:${'0'.repeat(64)}`,
        startedAtMs: 0,
        finishedAtMs: 0,
        exitCode: 0,
        reason: '',
        message: '',
      }
      const container = {
        status,
        config,
        sandbox,
        logs: [],
        logged: new Set<() => void>(),
        stopped: new Set<() => void>(),
      }
      containers.set(id, { ...container, process: undefined, killTimer: undefined })
      calls.push(`createContainer ${name}`)
      return id
    },
    async startContainer(id) {
      const container = find(id)
      const { config, sandbox } = container
      if (container.status.state !== 'CONTAINER_CREATED') return
      if (sandbox.status.state !== 'SANDBOX_READY') throw new Error(`sandbox ${sandbox.status.id} is not running`)
      calls.push(`startContainer ${config.metadata.name}`)
      const command = [...(config.command ?? []), ...(config.args ?? [])]
      if (!PretendProcess.exists(command)) {
        const message = `exec: "${command[0]}": executable file not found in $PATH`
        const times = { startedAtMs: 0, finishedAtMs: clock.now() }
        const ended = { state: 'CONTAINER_EXITED', exitCode: 128, reason: 'StartError', message } as const
        container.status = { ...container.status, ...ended, ...times }
        throw new Error(message)
      }
      container.status = { ...container.status, state: 'CONTAINER_RUNNING', startedAtMs: clock.now() }
      container.process = new PretendProcess({
        command,
        hostname: sandbox.config.hostname,
        environment: config.envs.map(({ key, value }) => `${key}=${value}`),
        clock,
        stdin: config.stdin,
        write: (stream, text) => log(container, stream, text),
        exited: (exitCode) => end(container, exitCode),
      })
      announce(container)
      container.process.start()
    },
    async stopContainer(id, timeoutSeconds) {
      const container = containers.get(id)
      if (container?.status.state !== 'CONTAINER_RUNNING') return
      calls.push(`stopContainer ${container.config.metadata.name} ${timeoutSeconds}`)
      container.process?.terminate()
      if (container.status.state !== 'CONTAINER_RUNNING') return
      container.killTimer?.cancel()
      container.killTimer = clock.setTimer(timeoutSeconds * 1000, () => container.process?.kill())
      await new Promise<void>((resolve) => container.stopped.add(resolve))
    },
    async removeContainer(id) {
      const container = containers.get(id)
      container?.process?.kill()
      if (container) calls.push(`removeContainer ${container.config.metadata.name}`)
      containers.delete(id)
    },
    async updateContainerResources(id, resources) {
      const container = find(id)
      calls.push(`updateContainerResources ${container.config.metadata.name}`)
      container.status = { ...container.status, resources }
    },
    async usage() {
      const running = [...containers.values()].filter(({ status }) => status.state === 'CONTAINER_RUNNING')
      const ready = [...sandboxes.values()].filter(({ status }) => status.state === 'SANDBOX_READY')
      return {
        containers: running.map(({ status }) => pretendUsage(status, status.startedAtMs, CONTAINER_USAGE)),
        sandboxes: ready.map(({ status }) => pretendUsage(status, status.createdAtMs, SANDBOX_USAGE)),
      }
    },
    listContainers: async (filter) =>
      [...containers.values()]
        .map(({ status }) => status)
        .filter(({ labels }) => filter?.podUid === undefined || labels[criLabels.podUid] === filter.podUid),
    containerStatus: async (id) => containers.get(id)?.status,

    async execSync(id, command) {
      const streams = await runtime.exec(id, command, { stdin: false, stdout: true, stderr: true, tty: false })
      const texts = { stdout: '', stderr: '' }
      for await (const { stream, bytes } of streams.output) texts[stream] += Buffer.from(bytes).toString('utf8')
      return { ...texts, exitCode: await streams.exitCode() }
    },
    async exec(id, command, { stdin }) {
      const { config, sandbox, status } = find(id)
      if (status.state !== 'CONTAINER_RUNNING') throw new Error(`container ${id} is not running`)
      if (!PretendProcess.exists(command)) throw new Error(`exec: "${command[0]}": executable file not found in $PATH`)
      const output = new Channel<{ stream: 'stdout' | 'stderr'; bytes: Uint8Array }>()
      let code = 0
      const process = new PretendProcess({
        command,
        hostname: sandbox.config.hostname,
        environment: config.envs.map(({ key, value }) => `${key}=${value}`),
        clock,
        stdin,
        write: (stream, text) => output.push({ stream, bytes: Buffer.from(text) }),
        exited(exitCode) {
          code = exitCode
          output.end()
        },
      })
      process.start()
      return {
        write: async (input) => process.input(Buffer.from(input).toString('utf8')),
        endInput: () => process.endInput(),
        resize() {},
        output,
        exitCode: async () => code,
        close: () => process.kill(),
      }
    },
    async attach(id) {
      const container = find(id)
      const output = new Channel<{ stream: 'stdout' | 'stderr'; bytes: Uint8Array }>()
      let read = container.logs.length
      const forward = () => {
        for (; read < container.logs.length; read++) {
          const { stream, text } = container.logs[read]!
          output.push({ stream, bytes: Buffer.from(text) })
        }
        if (container.status.state !== 'CONTAINER_RUNNING') output.end()
      }
      container.logged.add(forward)
      const streams: ProcessStreams = {
        write: async (input) => container.process?.input(Buffer.from(input).toString('utf8')),
        endInput: () => container.process?.endInput(),
        resize() {},
        output,
        exitCode: async () => 0,
        close() {
          container.logged.delete(forward)
          output.end()
        },
      }
      return streams
    },
    async portForward(id, port) {
      const sandbox = sandboxes.get(id)
      if (sandbox?.status.state !== 'SANDBOX_READY') throw new Error(`sandbox ${id} is not running`)
      return pretendServer(sandbox.config.hostname, port)
    },

    async *containerLogs(id, { follow, tailLines, sinceMs }, signal) {
      const container = containers.get(id)
      if (!container) return
      const since = container.logs.filter(({ time }) => sinceMs === undefined || Date.parse(time) >= sinceMs)
      yield* tailLines === undefined ? since : tailLines === 0 ? [] : since.slice(-tailLines)
      let read = container.logs.length
      while (follow && !signal.aborted) {
        while (read < container.logs.length) yield container.logs[read++]!
        if (container.status.state !== 'CONTAINER_RUNNING') return
        await new Promise<void>((resolve) => {
          const wake = () => {
            container.logged.delete(wake)
            resolve()
          }
          container.logged.add(wake)
          signal.addEventListener('abort', wake, { once: true })
        })
      }
    },

    async *containerEvents(signal) {
      const events = new Channel<{ podUid: string }>()
      const listener = (podUid: string) => events.push({ podUid })
      listeners.add(listener)
      signal.addEventListener('abort', () => events.end(), { once: true })
      yield* events
      listeners.delete(listener)
    },

    imageStatus: async (image) => (isPresent(image) ? fakeImage(image) : undefined),
    listImages: async () => (options.images ?? []).map(fakeImage),
    async pullImage(image) {
      if (!isPresent(image)) throw new Error(`the fake runtime pulls nothing: ${image}`)
      return image
    },
  }

  function pretendUsage(
    { id, labels }: { id: string; labels: Readonly<Record<string, string>> },
    startedAtMs: number,
    { cpuMillicores, workingSetBytes }: typeof CONTAINER_USAGE,
  ): ContainerUsage {
    const atMs = clock.now()
    return {
      id,
      labels,
      startedAtMs,
      atMs,
      cpuNanoseconds: (atMs - startedAtMs) * cpuMillicores * 1000,
      workingSetBytes,
    }
  }

  function isPresent(image: string): boolean {
    return options.images?.includes(image) ?? true
  }

  return runtime
}

function fakeImage(image: string): Image {
  return { id: `sha256:${'0'.repeat(64)}`, repoTags: [image], sizeBytes: 1 }
}
