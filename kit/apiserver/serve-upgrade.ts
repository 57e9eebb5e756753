/**
 * Requests to go on in another protocol: exec, attach and port-forward, and watches over WebSockets. The two ends are connected, or the client learns
 * why not by an ordinary HTTP answer with a `Status`, written by hand, since after an upgrade request there is only the bare
 * socket.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { StatusError } from '../api/status-error.ts'
import type { ApiResponse } from '../contracts/apiserver.ts'
import { toStatusError } from './answer.ts'
import { credentialsOf } from './credentials.ts'
import { endSoon } from './end-soon.ts'
import { parseTarget, type RequestTarget } from './request-query.ts'
import { REQUEST_TIMEOUT_MS, withTimeout } from './request-timeout.ts'
import { logOurFault, type Shell } from './shell.ts'
import { withoutWatchPath } from './watch-path.ts'
import { sendWatchOverSocket } from './watch-socket.ts'

/** Never rejects. */
export async function serveUpgrade(
  shell: Shell,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    const target = withoutWatchPath(parseTarget(request.url ?? '/'))
    const answer = await withTimeout(
      shell.options.handle({
        method: request.method ?? 'GET',
        ...target,
        accept: request.headers.accept,
        userAgent: request.headers['user-agent'],
        credentials: credentialsOf(request),
      }),
      REQUEST_TIMEOUT_MS,
    )
    if (answer.kind === 'object') return refuseUpgrade(socket, answer.code, answer.object)
    if (answer.kind === 'proxy') return await shell.proxies.tunnel(request, socket, head, answer)
    if (answer.kind === 'watch') return await watchOverSocket(shell, request, socket, head, target, answer)
    if (answer.kind !== 'stream' || answer.operation === 'log') {
      throw new StatusError(400, 'BadRequest', `unable to upgrade: ${target.path} does not speak another protocol`)
    }
    await shell.kubelets.connect(request, socket, head, answer)
  } catch (error) {
    logOurFault(shell, request, socket, error)
    const status = toStatusError(error)
    refuseUpgrade(socket, status.code, status.toStatus())
  }
}

async function watchOverSocket(
  { watches, metrics }: Shell,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: RequestTarget,
  watch: Extract<ApiResponse, { kind: 'watch' }>,
): Promise<void> {
  const stop = () => watch.stop()
  watches.add(stop)
  const running = metrics.started(request.method ?? 'GET', target)
  running.isLongRunning()
  try {
    await sendWatchOverSocket(request, socket, head, target, watch)
  } finally {
    stop()
    watches.delete(stop)
    running.finished(101)
  }
}

function refuseUpgrade(socket: Duplex, code: number, status: object): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = JSON.stringify(status)
  const head = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? 'Error'}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  endSoon(socket, `${head.join('\r\n')}\r\n\r\n${body}`)
}
