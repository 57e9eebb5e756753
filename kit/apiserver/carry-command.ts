/**
 * exec and attach between a client that speaks channels in a WebSocket and a kubelet that speaks SPDY.
 *
 * Source: apiserver `pkg/util/proxy/streamtranslator.go`.
 */
import type { KubeletStream } from '../contracts/apiserver.ts'
import type { SpdySession } from '../spdy/session.ts'
import type { WebSocketChannels } from '../streaming/channels.ts'
import {
  channels as channelNumbers,
  chunksOf,
  type RemoteStreams,
  type StreamType,
  streamTypes,
  textOf,
  writeTo,
} from '../streaming/remote-command.ts'

/** What the kubelet speaks; it tells how the command ended as a Status. */
const KUBELET_VERSION = 4
/** The client's, from which on it reads a Status, too. Before that it is a text. */
const STATUS_SINCE_VERSION = 4

const CONNECTION_LOST = JSON.stringify({
  metadata: {},
  status: 'Failure',
  reason: 'InternalError',
  message: 'Internal error occurred: lost connection to the kubelet before the command ended',
  code: 500,
})

/** Resolves when all is said. */
export async function carryCommand(
  client: WebSocketChannels,
  session: SpdySession,
  clientVersion: number,
  query: KubeletStream['query'],
): Promise<void> {
  const isOn = (name: string) => query[name]?.[0] === '1'
  const asked = { stdin: isOn('input'), stdout: isOn('output'), stderr: isOn('error'), tty: isOn('tty') }
  const streams: RemoteStreams = {}
  for (const streamtype of streamTypes(asked, KUBELET_VERSION)) streams[streamtype] = session.openStream({ streamtype })

  void sendInput(client, streams)
  const [status] = await Promise.all([
    textOf(streams.error!),
    ...(['stdout', 'stderr'] as const).map((name) => sendOutput(client, streams, name)),
  ])
  const ending = endingFor(clientVersion, status || CONNECTION_LOST)
  if (ending) await client.send(channelNumbers.error, Buffer.from(ending))
  client.close()
}

async function sendInput(client: WebSocketChannels, streams: RemoteStreams): Promise<void> {
  const byChannel: Partial<Record<number, StreamType>> = {
    [channelNumbers.stdin]: 'stdin',
    [channelNumbers.resize]: 'resize',
  }
  for await (const message of client.messages()) {
    const stream = streams[byChannel[message.channel] ?? 'error']
    if (!stream || stream === streams.error) continue
    if (message.type === 'end') stream.end()
    else await writeTo(stream, message.bytes)
  }
}

async function sendOutput(client: WebSocketChannels, streams: RemoteStreams, name: 'stdout' | 'stderr') {
  const stream = streams[name]
  if (!stream) return
  for await (const bytes of chunksOf(stream)) await client.send(channelNumbers[name], bytes)
}

/** The Status for those who read one; for the others its message, or nothing when all went well. */
function endingFor(clientVersion: number, status: string): string {
  if (clientVersion >= STATUS_SINCE_VERSION) return status
  try {
    const { status: result, message = '' } = JSON.parse(status)
    return result === 'Success' ? '' : message
  } catch {
    return status
  }
}
