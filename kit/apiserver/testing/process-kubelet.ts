/**
 * A kubelet whose containers are processes of this machine: its streams are our kubelet's own, but what they lead to is real
 * without any container engine. It can be told to speak less than it could, as other kubelets do.
 *
 * Every pod has a container "main". `kubectl exec` runs the command as it is; `attach` finds a shell that repeats each line;
 * ports are those of 127.0.0.1.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { serveStreams } from '#kubelet/stream-server.ts'
import { refuseUpgrade } from '#kubelet/upgrades.ts'
import type { Pod, Stored } from '../../api/objects.ts'
import type { ContainerConfig, PodSandboxConfig, ProcessStreams, RuntimeService } from '../../contracts/cri.ts'
import { criLabels } from '../../contracts/cri.ts'
import { silentLog } from '../../contracts/log.ts'
import { createFakeRuntime } from '../../runtime/fake-runtime.ts'
import { offeredProtocols, upgradeOf } from '../../streaming/protocols.ts'
import { writeTo } from '../../streaming/remote-command.ts'

/**
 * `all`: as ours. `upstream`: SPDY, and WebSockets up to version 4, as kubelets of 1.32. `spdy`, `websocket`: only that.
 */
export type Speaks = 'all' | 'upstream' | 'spdy' | 'websocket'

export interface ProcessKubelet {
  readonly port: number
  /** Protocols of upgrades that were asked for and, after "!", of those that were refused. */
  readonly upgrades: string[]
  readonly sizes: { readonly width: number; readonly height: number }[]
  readonly running: number
  /** As if the machine were gone. */
  stop(): Promise<void>
}

export interface ProcessKubeletOptions {
  readonly certificate: string
  readonly privateKey: string
  readonly clientCertificateAuthority: string
  readonly speaks: Speaks
}

const ATTACHED = ['sh', '-c', 'while read line; do echo "got $line"; done']

export async function startProcessKubelet(options: ProcessKubeletOptions): Promise<ProcessKubelet> {
  const sizes: ProcessKubelet['sizes'] = []
  const processes = new Set<ChildProcess>()
  const start = (command: readonly string[]) => {
    const child = spawn(command[0]!, command.slice(1), { stdio: 'pipe' })
    processes.add(child)
    child.once('close', () => processes.delete(child))
    return processStreams(child, sizes)
  }
  const runtime: RuntimeService = {
    ...(await runtimeWithOneContainer()),
    exec: async (_id, command) => start(command),
    attach: async () => start(ATTACHED),
    async portForward(_id, port) {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
      await once(socket, 'connect')
      return socket
    },
  }
  const findPod = (namespace: string, name: string): Stored<Pod> => ({
    metadata: { namespace, name, uid: UID, resourceVersion: '1', creationTimestamp: '' },
    spec: { containers: [{ name: 'main' }] },
  })

  const upgrades: string[] = []
  const server = createServer({
    cert: options.certificate,
    key: options.privateKey,
    ca: options.clientCertificateAuthority,
    requestCert: true,
  })
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  server.on('upgrade', (request, socket, head) => {
    const isSpdy = upgradeOf(request) === 'spdy'
    const offered = offeredProtocols(request, isSpdy ? 'x-stream-protocol-version' : 'sec-websocket-protocol')
    const speaks = {
      all: true,
      upstream: isSpdy || !offered.every((name) => name === 'v5.channel.k8s.io'),
      spdy: isSpdy,
      websocket: !isSpdy,
    }[options.speaks]
    upgrades.push(`${speaks ? '' : '!'}${isSpdy ? 'spdy' : 'websocket'} ${offered[0]}`)
    if (!speaks) refuseUpgrade(socket, 403, 'that is not spoken here')
    else void serveStreams({ runtime, findPod, log: silentLog }, request, socket, head)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    upgrades,
    sizes,
    get running() {
      return processes.size
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      for (const child of processes) child.kill('SIGKILL')
      server.close()
    },
  }
}

const UID = 'uid-1'

async function runtimeWithOneContainer(): Promise<RuntimeService> {
  const runtime = createFakeRuntime()
  const labels = { [criLabels.podUid]: UID, [criLabels.containerName]: 'main' }
  const identity = { labels, annotations: {} }
  const sandbox: PodSandboxConfig = {
    ...identity,
    metadata: { name: 'web', namespace: 'default', uid: UID, attempt: 0 },
    hostname: 'web',
  }
  const container: ContainerConfig = {
    ...identity,
    metadata: { name: 'main', attempt: 0 },
    image: 'i',
    envs: [],
    mounts: [],
    resources: {},
    stdin: true,
    stdinOnce: false,
    tty: false,
  }
  const sandboxId = await runtime.runPodSandbox(sandbox)
  await runtime.startContainer(await runtime.createContainer(sandboxId, container, sandbox))
  return runtime
}

function processStreams(child: ChildProcess & { stdin: NodeJS.WritableStream }, sizes: ProcessKubelet['sizes']) {
  const { stdin, stdout, stderr } = child as ChildProcess & { stdin: import('node:stream').Writable }
  stdin.on('error', () => {})
  const output = new Readable({
    objectMode: true,
    read() {
      stdout?.resume()
      stderr?.resume()
    },
  })
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.on('data', (bytes) => {
      if (!output.push({ stream, bytes })) child[stream]?.pause()
    })
  }
  const exitCode = new Promise<number>((resolve) => {
    child.once('error', (error) => output.destroy(error))
    child.once('close', (code) => {
      output.push(null)
      resolve(code ?? 137)
    })
  })
  const streams: ProcessStreams = {
    write: (input) => writeTo(stdin, input),
    endInput: () => void stdin.end(),
    resize: (size) => void sizes.push({ width: size.width, height: size.height }),
    output,
    exitCode: () => exitCode,
    close: () => void child.kill('SIGKILL'),
  }
  return streams
}
