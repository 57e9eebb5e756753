/**
 * Refusing to switch protocols, in such a way that the client learns why: an ordinary HTTP answer with a `Status`,
 * written by hand, since after an upgrade request there is only the bare socket.
 */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ApiObject } from '../api/objects.ts'
import { toStatusError } from './answer.ts'

/** Either an error, or a code and the Status object to send with it. */
export function refuseUpgrade(socket: Duplex, error: unknown): void
export function refuseUpgrade(socket: Duplex, code: number, status: ApiObject): void
export function refuseUpgrade(socket: Duplex, codeOrError: unknown, status?: ApiObject): void {
  const refusal = status ? { code: codeOrError as number, status } : fromError(codeOrError)
  const body = JSON.stringify(refusal.status)
  if (!socket.writable) {
    socket.destroy()
    return
  }
  socket.end(
    [
      `HTTP/1.1 ${refusal.code} ${STATUS_CODES[refusal.code] ?? 'Error'}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}

function fromError(error: unknown) {
  const status = toStatusError(error)
  return { code: status.code, status: status.toStatus() }
}
