/**
 * port-forward: connections to ports of a pod, as many as the client makes, over one connection.
 *
 * Over SPDY each has two streams with the headers `port` and `requestid`: `streamtype: data` carries the bytes, `error` says what
 * went wrong, if anything. In channels of a WebSocket the ports are given beforehand, and each is connected once: channel 2n
 * carries the bytes of the nth, 2n + 1 its errors, and both begin with the port's number, 16 bits, little-endian.
 * Source: kubernetes `staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/{httpstream,websocket}.go`.
 */
import type { Duplex } from 'node:stream'
import type { SpdySession } from '../spdy/session.ts'
import type { SpdyStream } from '../spdy/stream.ts'
import type { WebSocketChannels } from './channels.ts'
import { chunksOf, textOf, writeTo } from './remote-command.ts'

export interface ForwardedPort {
  readonly data: Duplex
  /** Resolves when it is over: with what went wrong, or with nothing. */
  readonly failure: Promise<string>
}

/** Rejects when there is nobody at that port. */
export type OpenPort = (port: number) => Promise<ForwardedPort>

const PAIR_PATIENCE_MS = 30_000

/** For a session's `onStream`: joins the two streams of each connection, and forwards it. */
export function portForwardStreams(open: OpenPort): (stream: SpdyStream) => void {
  const waiting = new Map<string, { readonly stream: SpdyStream; stopWaiting(): void }>()

  const wait = (id: string, stream: SpdyStream) => {
    const timer = setTimeout(() => stream.destroy(), PAIR_PATIENCE_MS)
    const stopWaiting = () => {
      clearTimeout(timer)
      if (waiting.get(id)?.stream === stream) waiting.delete(id)
    }
    waiting.set(id, { stream, stopWaiting })
    stream.once('close', stopWaiting)
  }

  return (stream) => {
    const { streamtype, port = '', requestid } = stream.headers
    if ((streamtype !== 'data' && streamtype !== 'error') || !isPort(port)) {
      stream.destroy()
      return
    }
    // Clients of old give no id, but open the data stream right after the error stream.
    const id = requestid ?? String(streamtype === 'data' ? stream.id - 2 : stream.id)
    const other = waiting.get(id)
    if (!other || other.stream.headers.streamtype === streamtype) {
      wait(id, stream)
      return
    }
    other.stopWaiting()
    const [data, error] = streamtype === 'data' ? [stream, other.stream] : [other.stream, stream]
    void forward(data, error, Number(port), open)
  }
}

async function forward(data: SpdyStream, error: SpdyStream, port: number, open: OpenPort): Promise<void> {
  error.resume()
  const failure = await carry(data, port, open)
  await writeTo(error, Buffer.from(failure))
  error.end()
  data.end()
  // Nobody wants what the client may still send; but unread it would be in the way of other connections.
  data.unpipe().resume()
}

/** Copies both ways until the pod has no more to say, or the client has gone. */
async function carry(client: Duplex, port: number, open: OpenPort): Promise<string> {
  try {
    const { data: pod, failure } = await open(port)
    // Nobody has ended our direction yet: if it ends now, the client has reset the stream, or is gone.
    client.once('finish', () => pod.destroy()).once('close', () => pod.destroy())
    if (client.destroyed || client.writableEnded) pod.destroy()
    client.pipe(pod).once('error', () => {})
    pod.pipe(client, { end: false })
    await new Promise<void>((resolve) => pod.once('end', resolve).once('close', resolve))
    // The pod has said all; what it is still told, it does not listen to.
    pod.destroy()
    return await failure
  } catch (error) {
    return (error as Error).message
  }
}

/** The same in channels. Resolves when all connections are over. */
export async function serveChannelPorts(
  channels: WebSocketChannels,
  ports: readonly number[],
  open: OpenPort,
): Promise<void> {
  const opened = ports.map(open)
  for (const each of opened) each.catch(() => {})
  const ended = ports.map(async (port, index) => {
    const number = Buffer.alloc(2)
    number.writeUInt16LE(port)
    await channels.send(2 * index, number)
    await channels.send(2 * index + 1, number)
    const failure = await sendAll(opened[index]!, (bytes) => channels.send(2 * index, bytes))
    if (failure) await channels.send(2 * index + 1, Buffer.from(failure))
  })
  const receive = async () => {
    for await (const message of channels.messages()) {
      const connection = message.channel % 2 === 0 && (await opened[message.channel / 2]?.catch(() => undefined))
      if (!connection) continue
      if (message.type === 'end') connection.data.end()
      else await writeTo(connection.data, message.bytes)
    }
    for (const each of opened) each.then(({ data }) => data.destroy()).catch(() => {})
  }
  void receive()
  await Promise.all(ended)
  channels.close()
}

async function sendAll(opening: Promise<ForwardedPort>, send: (bytes: Buffer) => Promise<void>): Promise<string> {
  try {
    const { data, failure } = await opening
    for await (const bytes of chunksOf(data)) await send(bytes)
    data.destroy()
    return await failure
  } catch (error) {
    return (error as Error).message
  }
}

let lastRequestId = 0

/** The client's side: another connection over a session with a kubelet. */
export async function openForwardedPort(session: SpdySession, port: number): Promise<ForwardedPort> {
  const headers = { port: String(port), requestid: String(++lastRequestId) }
  const error = session.openStream({ ...headers, streamtype: 'error' })
  error.end()
  return { data: session.openStream({ ...headers, streamtype: 'data' }), failure: textOf(error) }
}

/** `80,8080`, or several of them. Throws with a text for the client. */
export function parsePorts(values: readonly string[]): number[] {
  const ports = values.flatMap((value) => value.split(','))
  if (ports.length === 0) throw new Error('query parameter "port" is required')
  for (const port of ports) if (!isPort(port)) throw new Error(`unable to parse ${JSON.stringify(port)} as a port`)
  return ports.map(Number)
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}
