/**
 * Connections that want to go on in another protocol, and how they are refused: after such a request there is only the bare
 * socket, so the answer is written by hand.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Pod, Stored } from '#kit/api/objects.ts'
import type { RuntimeService } from '#kit/contracts/cri.ts'
import type { Log } from '#kit/contracts/log.ts'

export interface StreamServerParts {
  readonly runtime: RuntimeService
  readonly findPod: (namespace: string, name: string) => Stored<Pod> | undefined
  readonly log: Log
}

export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export function noCommonProtocol(supported: readonly string[]): string {
  return `unable to upgrade: unable to negotiate protocol: server accepts ${supported.join(', ')}`
}

/** The answer to a caller that wanted to upgrade and may not. */
export function refuseUpgrade(socket: Duplex, code: number, text: string): void {
  const head = [`HTTP/1.1 ${code} ${text.slice(0, 40)}`, 'Content-Type: text/plain', 'Connection: close']
  socket.end(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
}
