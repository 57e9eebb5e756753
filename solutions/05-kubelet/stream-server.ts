/**
 * Carries the streams of a process in a container over a WebSocket: the shell around remote-command.ts.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Pod, Stored } from '#kit/api/objects.ts'
import type { ProcessStreams, RuntimeService, StreamOptions } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import {
  channels,
  decodeFrame,
  type ExecStatus,
  encodeFrame,
  exitStatus,
  failureStatus,
  PROTOCOLS,
} from './remote-command.ts'
import { latestContainer, readPodStatus } from './runtime-pod-status.ts'

export interface StreamServerParts {
  readonly runtime: RuntimeService
  readonly findPod: (namespace: string, name: string) => Stored<Pod> | undefined
}

const webSockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => PROTOCOLS.find((protocol) => offered.has(protocol)) ?? false,
})

/** `/exec/<namespace>/<pod>/<container>?command=…&input=1&output=1&error=1&tty=1`, or `/attach/…`. */
export async function serveStreams(
  { runtime, findPod }: StreamServerParts,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [, verb, namespace = '', podName = '', ...rest] = url.pathname.split('/').map(decodeURIComponent)
  // Upstream also has a form with the pod's uid before the container's name.
  const containerName = rest.at(-1) ?? ''
  if (verb !== 'exec' && verb !== 'attach') return refuseUpgrade(socket, 404, '404 page not found')
  const pod = findPod(namespace, podName)
  if (!pod) return refuseUpgrade(socket, 404, 'pod does not exist')
  const container = latestContainer(await readPodStatus(runtime, pod.metadata.uid), containerName)
  if (container?.state !== 'CONTAINER_RUNNING') {
    return refuseUpgrade(socket, 404, `container not found ("${containerName}")`)
  }

  const command = url.searchParams.getAll('command')
  const spec = pod.spec?.containers.find(({ name }) => name === containerName)
  const asked = streamOptions(url.searchParams)
  const options = verb === 'attach' ? { ...asked, tty: spec?.tty ?? false } : asked
  if (verb === 'exec' && command.length === 0) return refuseUpgrade(socket, 400, 'you must specify at least 1 command')

  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    const open = verb === 'exec' ? runtime.exec(container.id, command, options) : runtime.attach(container.id, options)
    void carry(webSocket, open)
  })
}

/** The kubelet's names are `input`, `output`, `error`; the API server's are `stdin`, `stdout`, `stderr`. */
function streamOptions(query: URLSearchParams): StreamOptions {
  const isOn = (...names: string[]) => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''))
  return {
    stdin: isOn('input', 'stdin'),
    stdout: isOn('output', 'stdout'),
    stderr: isOn('error', 'stderr'),
    tty: isOn('tty'),
  }
}

/** The answer to a caller that wanted to upgrade and may not. */
export function refuseUpgrade(socket: Duplex, code: number, text: string): void {
  const head = [`HTTP/1.1 ${code} ${text.slice(0, 40)}`, 'Content-Type: text/plain', 'Connection: close']
  socket.end(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
}

async function carry(webSocket: WebSocket, opening: Promise<ProcessStreams>): Promise<void> {
  webSocket.on('error', () => webSocket.terminate())
  // What the client sends before the process is there must wait, and not be lost.
  const early: Uint8Array[] = []
  let receive = (frame: Uint8Array): void => {
    early.push(frame)
  }
  webSocket.on('message', (data: RawData) => receive(bytesOf(data)))

  try {
    const process = await opening
    receive = (frame) => feed(process, frame)
    for (const frame of early) receive(frame)
    webSocket.on('close', () => process.close())
    for await (const { stream, bytes } of process.output) await send(webSocket, encodeFrame(channels[stream], bytes))
    await finish(webSocket, exitStatus(await process.exitCode()))
  } catch (error) {
    await finish(webSocket, failureStatus(`error executing command in container: ${describeError(error)}`))
  }
}

function feed(process: ProcessStreams, frame: Uint8Array): void {
  const meaning = decodeFrame(frame)
  if (meaning.kind === 'stdin') process.write(meaning.bytes)
  if (meaning.kind === 'end-of-stdin') process.endInput()
  if (meaning.kind === 'resize') process.resize(meaning)
}

async function finish(webSocket: WebSocket, status: ExecStatus): Promise<void> {
  await send(webSocket, encodeFrame(channels.error, Buffer.from(JSON.stringify(status))))
  webSocket.close(1000)
}

/** Resolves when the bytes are on their way, so that a slow client slows the process down and not fills our memory. */
function send(webSocket: WebSocket, frame: Uint8Array): Promise<void> {
  return new Promise((resolve) => webSocket.send(frame, () => resolve()))
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
