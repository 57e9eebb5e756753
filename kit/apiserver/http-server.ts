/**
 * The API server's shell: sockets, TLS, bodies, content types, streams. What a request means is decided elsewhere
 * (kit/contracts/apiserver.ts says where the line runs).
 *
 * Guarantees: every request gets an answer, and every error a `Status`; nothing that a client sends ends the process;
 * sizes and times are bounded; `stop()` ends watches and streams first, so that clients can go elsewhere at once.
 * Source: apiserver `pkg/server`; WIRE "API server".
 */
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { HttpServer, HttpServerOptions } from '../contracts/apiserver.ts'
import type { DocumentSources } from './documents.ts'
import { endSoon } from './end-soon.ts'
import { createKubeletConnection } from './kubelet-connection.ts'
import { listenOnAll } from './listen.ts'
import { createProxyConnection } from './proxy-connection.ts'
import { RequestMetrics } from './request-metrics.ts'
import { REQUEST_TIMEOUT_MS } from './request-timeout.ts'
import { serveRequest } from './serve-request.ts'
import { serveUpgrade } from './serve-upgrade.ts'
import type { Shell } from './shell.ts'

const STOP_PATIENCE_MS = 2_000
const HEADERS_TIMEOUT_MS = 20_000
/** Commands of exec and long selectors are in the request line. */
const MAX_HEADER_BYTES = 128 * 1024

export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const metrics = new RequestMetrics(options.kinds, options.furtherMetrics)
  const kubelets = createKubeletConnection(options.kubelet ?? {})
  const sources: DocumentSources = {
    kinds: options.kinds,
    metrics,
    get serverAddress() {
      return `${options.bindAddresses.at(-1)}:${port}`
    },
    ready: () => options.ready?.() ?? true,
    storeAnswers: async () => options.storeAnswers?.() ?? true,
    documentAt: options.documentAt,
  }
  const proxies = createProxyConnection(options.kubelet ?? {})
  const shell: Shell = { options, metrics, kubelets, proxies, watches: new Set(), sources }

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

function createShellServer(shell: Shell): Server {
  const { tls, headersTimeoutMs = HEADERS_TIMEOUT_MS } = shell.options
  const limits = {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: headersTimeoutMs / 2,
    keepAliveTimeout: 180_000,
    maxHeaderSize: MAX_HEADER_BYTES,
  }
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
  server.on('request', (request, response) => void serveRequest(shell, request, response))
  server.on('upgrade', (request, socket, head) => void serveUpgrade(shell, request, socket, head))
  server.on('clientError', refuseGarbage)
  return server
}

/** What is not HTTP gets a 400 and is gone; without this, Node would do the same, but say nothing of the reason. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable && error.code !== 'ECONNRESET') {
    const status = GARBAGE[error.code ?? ''] ?? '400 Bad Request'
    endSoon(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n${status}`)
  } else socket.destroy()
}

const GARBAGE: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

async function stopServers(servers: readonly Server[], { watches, kubelets, proxies, metrics }: Shell): Promise<void> {
  const closed = Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))))
  for (const stopWatch of watches) stopWatch()
  kubelets.close()
  proxies.close()
  const deadline = Date.now() + STOP_PATIENCE_MS
  // Connections that clients keep for later go as soon as the last answer is out.
  const closing = setInterval(() => {
    if (metrics.inFlight > 0 && Date.now() < deadline) return
    for (const server of servers) server.closeAllConnections()
  }, 5)
  await closed
  clearInterval(closing)
}
