/**
 * exec, attach and port-forward: the client's connection joined with one to the kubelet.
 *
 * What both ends speak is not touched: bytes are copied, and a slow reader slows the writer at the other end by TCP itself. What
 * the kubelet does not speak is translated into SPDY, which every kubelet speaks.
 *
 * | the client comes with | to the kubelet goes |
 * |---|---|
 * | SPDY | the same, byte for byte |
 * | SPDY in a WebSocket (kubectl port-forward) | the SPDY from within |
 * | channels in a WebSocket | the same, if the kubelet takes that version; else SPDY, translated |
 *
 * Why not always translate, as upstream does? Because our kubelet, and upstream's newest, take WebSockets of version 5, and then
 * there is nothing to do. Why not always pass on? Because kubelets of 1.32 take only version 4, in which the end of input
 * cannot be told, so `kubectl exec -i … < file` would never end. A kubelet is asked for a version once; then its answer is known.
 * Source: apiserver `pkg/util/proxy/{streamtranslator,streamtunnel}.go`, kubelet `pkg/kubelet/server/server.go`; KEP-4006.
 */
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Agent } from 'node:https'
import type { Duplex } from 'node:stream'
import { createWebSocketStream } from 'ws'
import { StatusError } from '../api/status-error.ts'
import type { KubeletStream } from '../contracts/apiserver.ts'
import { SpdySession } from '../spdy/session.ts'
import { acceptWebSocket } from '../streaming/accept-upgrade.ts'
import { WebSocketChannels } from '../streaming/channels.ts'
import { openForwardedPort, parsePorts, serveChannelPorts } from '../streaming/port-forward.ts'
import {
  type ChannelProtocol,
  channelProtocol,
  offeredProtocols,
  PORT_FORWARD_PROTOCOL,
  SPDY,
  SPDY_EXEC_PROTOCOLS,
  TUNNEL_PROTOCOL,
  upgradeOf,
} from '../streaming/protocols.ts'
import { carryCommand } from './carry-command.ts'
import { kubeletRequest, outcomeOf, refusal, type UpgradeOutcome } from './kubelet-request.ts'

interface Client {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

type Connect = (request: IncomingMessage, socket: Duplex, head: Buffer, stream: KubeletStream) => Promise<void>

/** @param track is told of every connection, so that they can be ended with the server */
export function createKubeletStreams(agent: Agent, track: (stream: Duplex | ClientRequest) => void): Connect {
  /** Kubelets, with the version of channels that they refused while they took SPDY: "10.0.0.5:10250 v5.channel.k8s.io". */
  const refusedChannels = new Set<string>()

  async function ask(client: Client, stream: KubeletStream, method: string, headers: OutgoingHttpHeaders) {
    const upstream = kubeletRequest(agent, stream, method, { ...headers, connection: 'Upgrade', 'content-length': 0 })
    client.socket.once('close', () => upstream.destroy())
    if (client.socket.destroyed) upstream.destroy()
    upstream.end()
    const outcome = await outcomeOf(upstream, stream)
    if (outcome.kubeletSocket) track(outcome.kubeletSocket)
    return outcome
  }

  async function askForSpdy(client: Client, stream: KubeletStream, protocols: readonly string[]): Promise<Duplex> {
    const headers = { upgrade: SPDY, 'x-stream-protocol-version': [...protocols] }
    const { answer, kubeletSocket } = await ask(client, stream, 'POST', headers)
    if (!kubeletSocket) throw await refusal(answer, stream)
    return kubeletSocket
  }

  async function passOn(client: Client, stream: KubeletStream): Promise<void> {
    const headers = handshakeHeaders(client.request)
    const { answer, kubeletSocket } = await ask(client, stream, client.request.method ?? 'POST', headers)
    if (!kubeletSocket) throw await refusal(answer, stream)
    join(client, answer, kubeletSocket)
  }

  async function tunnel(client: Client, stream: KubeletStream): Promise<void> {
    const kubelet = await askForSpdy(client, stream, [PORT_FORWARD_PROTOCOL])
    const webSocket = await accept(client, kubelet, TUNNEL_PROTOCOL)
    const bytes = createWebSocketStream(webSocket)
    bytes.on('error', () => kubelet.destroy()).once('close', () => kubelet.destroy())
    bytes.pipe(kubelet)
    kubelet.pipe(bytes, { end: false })
    kubelet.on('error', () => webSocket.terminate())
    // After the last byte, which may still be waiting for a slow client.
    kubelet.once('close', () => bytes.write(Buffer.alloc(0), () => webSocket.close(1000)))
  }

  /** Undefined when the kubelet does not take this version. It has done nothing then. */
  async function askForChannels(client: Client, stream: KubeletStream, { name }: ChannelProtocol) {
    const headers = { ...handshakeHeaders(client.request), 'sec-websocket-protocol': name }
    const { answer, kubeletSocket }: UpgradeOutcome = await ask(client, stream, 'GET', headers)
    if (kubeletSocket && answer.headers['sec-websocket-protocol'] === name) return { answer, kubeletSocket }
    kubeletSocket?.destroy()
    answer.destroy()
    return undefined
  }

  async function carryChannels(client: Client, stream: KubeletStream, protocol: ChannelProtocol): Promise<void> {
    const ports = stream.operation === 'portforward' ? portsOf(stream) : []
    const kubeletAndVersion = `${stream.node.address}:${stream.node.port} ${protocol.name}`
    if (protocol.name && !refusedChannels.has(kubeletAndVersion)) {
      const taken = await askForChannels(client, stream, protocol)
      if (taken) return join(client, taken.answer, taken.kubeletSocket)
    }
    const isCommand = stream.operation !== 'portforward'
    const kubelet = await askForSpdy(client, stream, isCommand ? [SPDY_EXEC_PROTOCOLS[0]] : [PORT_FORWARD_PROTOCOL])
    refusedChannels.add(kubeletAndVersion)
    const webSocket = await accept(client, kubelet, protocol.name)
    const session = new SpdySession(kubelet, { isServer: false })
    const channels = new WebSocketChannels(webSocket, protocol.isBase64)
    webSocket.once('close', () => session.destroy())
    if (isCommand) await carryCommand(channels, session, protocol.version, stream.query)
    else await serveChannelPorts(channels, ports, (port) => openForwardedPort(session, port))
  }

  async function accept({ request, socket, head }: Client, kubelet: Duplex, protocol: string) {
    try {
      const webSocket = await acceptWebSocket(request, socket, head, protocol)
      track(socket)
      return webSocket
    } catch (error) {
      kubelet.destroy()
      throw new StatusError(400, 'BadRequest', `unable to upgrade: ${(error as Error).message}`)
    }
  }

  function join({ socket, head }: Client, answer: IncomingMessage, kubelet: Duplex): void {
    track(socket)
    socket.write(upgradeAnswer(answer))
    if (head.length > 0) kubelet.write(head)
    // Either end may go first: the client still gets what the kubelet had said; a kubelet without a client may stop at once.
    socket.pipe(kubelet)
    kubelet.pipe(socket)
    socket.once('error', () => kubelet.destroy()).once('close', () => kubelet.destroy())
    kubelet.once('error', () => socket.destroy()).once('close', () => socket.end())
  }

  return async (request, socket, head, stream) => {
    const client = { request, socket, head }
    const wanted = upgradeOf(request)
    if (wanted === 'spdy') return passOn(client, stream)
    if (wanted !== 'websocket') throw new StatusError(400, 'BadRequest', 'Upgrade request required')
    const offered = offeredProtocols(request, 'sec-websocket-protocol')
    if (stream.operation === 'portforward' && offered.includes(TUNNEL_PROTOCOL)) return tunnel(client, stream)
    const protocol = channelProtocol(offered)
    if (!protocol) throw new StatusError(400, 'BadRequest', `unable to upgrade: no protocol in common: ${offered}`)
    return carryChannels(client, stream, protocol)
  }
}

/** Never the client's credentials, which are not the kubelet's to see. */
function handshakeHeaders({ headers, headersDistinct }: IncomingMessage): OutgoingHttpHeaders {
  const kept = Object.entries(headersDistinct).filter(
    ([name]) => name.startsWith('sec-websocket-') || name === 'x-stream-protocol-version',
  )
  return { ...Object.fromEntries(kept), upgrade: headers.upgrade }
}

function upgradeAnswer({ rawHeaders }: IncomingMessage): string {
  const lines = ['HTTP/1.1 101 Switching Protocols']
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

function portsOf({ query }: KubeletStream): number[] {
  try {
    return parsePorts(query.port ?? [])
  } catch (error) {
    throw new StatusError(400, 'BadRequest', (error as Error).message)
  }
}
