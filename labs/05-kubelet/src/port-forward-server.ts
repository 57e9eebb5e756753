/**
 * `kubectl port-forward`: connections to ports of a pod, through the kubelet, which can reach every network that its pods have.
 * The protocols are given (kit/streaming/port-forward.ts), the runtime makes the connections.
 */
import type { Duplex } from 'node:stream'
import type { Pod, Stored } from '#kit/api/objects.ts'
import { acceptSpdy, acceptWebSocket } from '#kit/streaming/accept-upgrade.ts'
import { WebSocketChannels } from '#kit/streaming/channels.ts'
import { type OpenPort, parsePorts, portForwardStreams, serveChannelPorts } from '#kit/streaming/port-forward.ts'
import {
  agreeOn,
  channelProtocol,
  offeredProtocols,
  PORT_FORWARD_PROTOCOL,
  upgradeOf,
} from '#kit/streaming/protocols.ts'
import { noCommonProtocol, refuseUpgrade, type StreamServerParts, type Upgrade } from './upgrades.ts'

/** Channels in a WebSocket: what upstream's kubelet takes, too. */
const CHANNEL_PROTOCOLS = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io']

export async function servePortForward(
  { runtime, log }: StreamServerParts,
  { request, socket, head }: Upgrade,
  pod: Stored<Pod>,
  query: URLSearchParams,
): Promise<void> {
  const { name, uid } = pod.metadata
  const sandboxes = await runtime.listPodSandbox({ podUid: uid })
  const sandbox = sandboxes.find(({ state }) => state === 'SANDBOX_READY')
  if (!sandbox) return refuseUpgrade(socket, 500, `pod ${name} is not running`)

  const open: OpenPort = async (port) => {
    const explain = (error: Error) => `error forwarding port ${port} to pod ${name}, uid ${uid}: ${error.message}`
    const data = await runtime.portForward(sandbox.id, port).catch((error: Error) => {
      throw new Error(explain(error))
    })
    return { data, failure: failureOf(data, explain) }
  }

  if (upgradeOf(request) === 'spdy') {
    const supported = [PORT_FORWARD_PROTOCOL]
    const protocol = agreeOn(offeredProtocols(request, 'x-stream-protocol-version'), supported)
    if (protocol === undefined) return refuseUpgrade(socket, 403, noCommonProtocol(supported))
    acceptSpdy(socket, head, protocol, portForwardStreams(open))
    return
  }
  const protocol = agreeOn(offeredProtocols(request, 'sec-websocket-protocol'), CHANNEL_PROTOCOLS)
  if (protocol === undefined) return refuseUpgrade(socket, 403, noCommonProtocol(CHANNEL_PROTOCOLS))
  let ports: number[]
  try {
    ports = parsePorts(query.getAll('port'))
  } catch (error) {
    return refuseUpgrade(socket, 400, (error as Error).message)
  }
  const webSocket = await acceptWebSocket(request, socket, head, protocol)
  const channels = new WebSocketChannels(webSocket, channelProtocol([protocol])?.isBase64)
  serveChannelPorts(channels, ports, open).catch((error) => log.error(`port-forward ${request.url}`, error))
}

function failureOf(connection: Duplex, explain: (error: Error) => string): Promise<string> {
  return new Promise((resolve) => {
    connection.once('error', (error) => resolve(explain(error))).once('close', () => resolve(''))
  })
}
