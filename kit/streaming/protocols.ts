/**
 * What the ends of exec, attach and port-forward may speak, and how they agree on it.
 *
 * | over | offered in | names |
 * |---|---|---|
 * | SPDY/3.1 | `X-Stream-Protocol-Version` | `v4.channel.k8s.io` to `channel.k8s.io`; `portforward.k8s.io` |
 * | WebSocket | `Sec-WebSocket-Protocol` | `v5.channel.k8s.io` to `channel.k8s.io`, some also in base64 |
 * | SPDY in a WebSocket | `Sec-WebSocket-Protocol` | `SPDY/3.1+portforward.k8s.io` |
 *
 * Over SPDY each stream is a stream of the session. In a WebSocket the first byte of each message is its channel's number.
 * Only v5 can say in a WebSocket that one channel has ended.
 * Source: apimachinery `pkg/util/remotecommand/constants.go`, `pkg/util/httpstream`; KEP-4006.
 */
import type { IncomingMessage } from 'node:http'

export const SPDY = 'SPDY/3.1'
export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io'
export const TUNNEL_PROTOCOL = `${SPDY}+${PORT_FORWARD_PROTOCOL}`
export const SPDY_EXEC_PROTOCOLS = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const

/** For channels in a WebSocket. */
export interface ChannelProtocol {
  /** Empty when the client named none; that means version 1. */
  readonly name: string
  readonly version: number
  /** Messages are text: the channel as a digit, then base64. */
  readonly isBase64: boolean
}

export function upgradeOf({ headers }: IncomingMessage): 'websocket' | 'spdy' | undefined {
  const wanted = headers.upgrade?.toLowerCase()
  if (wanted === 'websocket') return 'websocket'
  return wanted === SPDY.toLowerCase() ? 'spdy' : undefined
}

/** Best first. Both forms occur: a header line for each protocol, and one line with commas. */
export function offeredProtocols({ headersDistinct }: IncomingMessage, header: string): string[] {
  return (headersDistinct[header] ?? []).flatMap((line) => line.split(',').map((name) => name.trim()))
}

/** The client's first that we have, too. Empty when it offered none, undefined when there is none in common. */
export function agreeOn(offered: readonly string[], supported: readonly string[]): string | undefined {
  if (offered.length === 0) return ''
  return offered.find((name) => supported.includes(name))
}

/** The client's first choice that is one of channels. */
export function channelProtocol(offered: readonly string[]): ChannelProtocol | undefined {
  if (offered.length === 0) return { name: '', version: 1, isBase64: false }
  for (const name of offered) {
    const match = /^(?:v([2-5])\.)?(base64\.)?channel\.k8s\.io$/.exec(name)
    if (match) return { name, version: Number(match[1] ?? 1), isBase64: match[2] !== undefined }
  }
  return undefined
}
