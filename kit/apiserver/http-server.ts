/**
 * The API server's shell: sockets, TLS, bodies, content types, streams. What a request means is decided elsewhere
 * (kit/contracts/apiserver.ts says where the line runs).
 *
 * Guarantees: every request gets an answer, and every error a `Status`; nothing that a client sends ends the process;
 * sizes and times are bounded; `stop()` ends watches and streams first, so that clients can go elsewhere at once.
 * Source: apiserver `pkg/server`; WIRE "API server".
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type StatusDetails, StatusError } from '../api/status-error.ts'
import type { ApiRequest, ApiResponse, HttpServer, HttpServerOptions } from '../contracts/apiserver.ts'
import { isNotImplemented } from '../contracts/not-implemented.ts'
import { type Exchange, sendError, sendObject, sendText } from './answer.ts'
import { credentialsOf } from './credentials.ts'
import { type DocumentSources, sendDocumentAt } from './documents.ts'
import { createKubeletConnection, type KubeletConnection } from './kubelet-connection.ts'
import { listenOnAll } from './listen.ts'
import { negotiate } from './negotiation.ts'
import { represent } from './representation.ts'
import { readRequestBody } from './request-body.ts'
import { RequestMetrics } from './request-metrics.ts'
import { parseTarget, type RequestTarget } from './request-query.ts'
import { refuseUpgrade } from './upgrade.ts'
import { sendWatch } from './watch-answer.ts'

const REQUEST_TIMEOUT_MS = 60_000
const STOP_PATIENCE_MS = 2_000

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const metrics = new RequestMetrics()
  const kubelets = createKubeletConnection(options.kubelet ?? {})
  const running = new Set<AbortController>()
  const sources: DocumentSources = {
    kinds: options.kinds,
    metrics,
    get serverAddress() {
      return `${options.bindAddresses.at(-1)}:${port}`
    },
    ready: () => options.ready?.() ?? true,
  }
  const shell: Shell = { options, metrics, kubelets, running, sources }

  const { servers, port } = await listenOnAll(options.bindAddresses, options.port, () => createShellServer(shell))
  let stopped: Promise<void> | undefined
  return {
    port,
    stop() {
      stopped ??= stopServers(servers, shell)
      return stopped
    },
  }
}

interface Shell {
  readonly options: HttpServerOptions
  readonly metrics: RequestMetrics
  readonly kubelets: KubeletConnection
  /** One for each watch or stream that is under way. */
  readonly running: Set<AbortController>
  readonly sources: DocumentSources
}

function createShellServer(shell: Shell): Server {
  const { tls } = shell.options
  const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: 20_000, keepAliveTimeout: 180_000 }
  const server = tls
    ? createTlsServer({
        ...limits,
        cert: tls.certificate,
        key: tls.privateKey,
        minVersion: 'TLSv1.2',
        ...(tls.clientCertificateAuthority && {
          ca: tls.clientCertificateAuthority,
          requestCert: true,
          rejectUnauthorized: false,
        }),
      })
    : createServer(limits)
  server.on('request', (request, response) => void serve(shell, request, response))
  server.on('upgrade', (request, socket, head) => void serveUpgrade(shell, request, socket, head))
  server.on('clientError', refuseGarbage)
  return server
}

/** Answers one request. Never rejects. */
async function serve(shell: Shell, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const exchange: Exchange = { request, response }
  shell.metrics.started()
  response.once('close', () => shell.metrics.finished(request.method ?? '', response.statusCode))
  // Connections break; whoever writes to one learns that from `destroyed`.
  response.on('error', () => {})
  try {
    const target = parseTarget(request.url ?? '/')
    // An answer that the client would not take must not be found out after the deed.
    if (answersWithObject(target)) negotiate(request.headers.accept)
    const answer = await withTimeout(decide(shell, request, target), timeoutMs(target))
    await sendAnswer(shell, exchange, target, answer)
  } catch (error) {
    logOurFault(shell, request, response, error)
    await sendError(exchange, error).catch(() => response.destroy())
  }
}

/** Below a group-version there are objects, but for logs, which are text. */
function answersWithObject({ path }: RequestTarget): boolean {
  return /^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\/./.test(path) && !path.endsWith('/log')
}

/** Asks the core. */
async function decide(shell: Shell, request: IncomingMessage, target: RequestTarget): Promise<ApiResponse> {
  const credentials = credentialsOf(request)
  const { contentType, body } = await readRequestBody(request)
  const apiRequest: ApiRequest = {
    method: request.method ?? 'GET',
    ...target,
    contentType,
    accept: request.headers.accept,
    userAgent: request.headers['user-agent'],
    credentials,
    ...(body !== undefined && { body }),
  }
  return shell.options.handle(apiRequest)
}

async function sendAnswer(shell: Shell, exchange: Exchange, target: RequestTarget, answer: ApiResponse): Promise<void> {
  switch (answer.kind) {
    case 'document':
      return sendDocumentAt(exchange, target, shell.sources)
    case 'stream':
      return shell.kubelets.sendLog(exchange, answer)
    case 'watch':
      return sendRunningWatch(shell, exchange, target, answer)
    case 'object':
      return sendObjectAnswer(exchange, target, answer)
  }
}

function sendObjectAnswer(
  exchange: Exchange,
  target: RequestTarget,
  { code, object, row, warnings = [] }: Extract<ApiResponse, { kind: 'object' }>,
): Promise<void> {
  const headers: Record<string, string | string[]> = {}
  if (warnings.length > 0) headers.Warning = warnings.map(warningHeader)
  const isStatus = object.kind === 'Status' && object.apiVersion === 'v1'
  // In answers to its first questions (discovery, version) kubectl shows the words of a failure only when they are text.
  if (isStatus && code === 501 && !answersWithObject(target)) return sendText(exchange, code, String(object.message))
  if (isStatus || !row) {
    const { retryAfterSeconds } = (object.details ?? {}) as StatusDetails
    if (retryAfterSeconds) headers['Retry-After'] = `${retryAfterSeconds}`
    return sendObject(exchange, code, object, 'json', headers)
  }
  const representation = negotiate(exchange.request.headers.accept)
  const shown = represent(object, row, representation, {
    includeObject: target.query.includeObject?.[0],
    nowMs: Date.now(),
  })
  return sendObject(exchange, code, shown, representation.encoding, headers)
}

async function sendRunningWatch(
  { options, running, metrics }: Shell,
  exchange: Exchange,
  { query }: RequestTarget,
  watch: Extract<ApiResponse, { kind: 'watch' }>,
): Promise<void> {
  const untilStopped = new AbortController()
  untilStopped.signal.addEventListener('abort', () => watch.stop())
  running.add(untilStopped)
  metrics.watchStarted()
  try {
    await sendWatch(exchange, watch, {
      representation: negotiate(exchange.request.headers.accept),
      includeObject: query.includeObject?.[0],
      stalledAfterMs: options.stalledWatchMs,
    })
  } finally {
    watch.stop()
    running.delete(untilStopped)
    metrics.watchEnded()
  }
}

/** exec, attach and port-forward take the connection over; everything else that wants to is refused with a `Status`. */
async function serveUpgrade(shell: Shell, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    const target = parseTarget(request.url ?? '/')
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
    if (answer.kind !== 'stream' || answer.operation === 'log') {
      if (answer.kind === 'watch') answer.stop()
      throw new StatusError(400, 'BadRequest', `unable to upgrade: ${target.path} does not speak another protocol`)
    }
    await shell.kubelets.tunnel(request, socket, head, answer)
  } catch (error) {
    logOurFault(shell, request, socket, error)
    refuseUpgrade(socket, error)
  }
}

/** What we did not mean to happen. Clients that go away in the middle of an answer are their own business. */
function logOurFault(
  { options }: Shell,
  { method, url }: IncomingMessage,
  connection: Duplex | ServerResponse,
  error: unknown,
) {
  if (error instanceof StatusError || isNotImplemented(error) || connection.destroyed) return
  options.log?.error(`${method} ${url}`, error)
}

/** What is not HTTP gets a 400 and is gone; without this, Node would do the same, but say nothing of the reason. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable && error.code !== 'ECONNRESET') {
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n${status}`)
  } else socket.destroy()
}

function warningHeader(text: string): string {
  return `299 - "${text.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`
}

/** `?timeout=32s` may shorten the server's own limit, never lengthen it. */
function timeoutMs({ query }: RequestTarget): number {
  const seconds = /^(\d+)s$/.exec(query.timeout?.[0] ?? '')?.[1]
  return seconds && Number(seconds) > 0 ? Math.min(Number(seconds) * 1000, REQUEST_TIMEOUT_MS) : REQUEST_TIMEOUT_MS
}

async function withTimeout<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StatusError(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout')),
      limitMs,
    )
  })
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}

async function stopServers(servers: readonly Server[], { running, kubelets, metrics }: Shell): Promise<void> {
  const closed = Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))))
  for (const controller of running) controller.abort()
  kubelets.close()
  const deadline = Date.now() + STOP_PATIENCE_MS
  // Connections that clients keep for later go as soon as the last answer is out.
  const closing = setInterval(() => {
    if (metrics.inFlight > 0 && Date.now() < deadline) return
    for (const server of servers) server.closeAllConnections()
  }, 5)
  await closed
  clearInterval(closing)
}
