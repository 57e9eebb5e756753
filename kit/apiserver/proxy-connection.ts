/**
 * Passes requests on: to kubelets, pods and endpoints of Services, whatever they are about.
 *
 * The server does not look at what is said. Method, query, body and headers go there as they came, the answer comes back as
 * it is sent, piece by piece; upgrades (WebSocket) become a pair of sockets. Only three things are touched:
 * - the client's credentials stay here, and so do headers that are about one connection (RFC 9110 §7.6.1);
 * - a redirect to an absolute path leads back through the proxy, or the client would land at the API server itself;
 * - `X-Forwarded-Uri` and `X-Forwarded-For` tell the other end how it was reached.
 * (Upstream also rewrites links in HTML pages; here a page with absolute links has to be told its prefix.)
 *
 * Guarantee: nobody there, or nobody who answers, becomes a `Status`.
 * Source: apimachinery `pkg/util/proxy/{upgradeaware,transport}.go`.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StatusError } from '../api/status-error.ts'
import type { HttpServerOptions, ProxyDestination } from '../contracts/apiserver.ts'
import { type Exchange, setCommonHeaders } from './answer.ts'
import { connectProblem } from './connect-problem.ts'
import { endToEnd, forwardedHeaders, queryOf, wayBack } from './proxy-headers.ts'

const CONNECT_TIMEOUT_MS = 30_000

export interface ProxyConnection {
  /** Sends the request on, and its answer back. */
  send(exchange: Exchange, destination: ProxyDestination): Promise<void>
  /** Connects the client's socket with one at the destination. Resolves when the destination has answered. */
  tunnel(request: IncomingMessage, socket: Duplex, head: Buffer, destination: ProxyDestination): Promise<void>
  /** Ends whatever is under way. */
  close(): void
}

export function createProxyConnection(kubelet: NonNullable<HttpServerOptions['kubelet']>): ProxyConnection {
  const agents = {
    http: new HttpAgent(),
    https: new HttpsAgent({ rejectUnauthorized: false }),
    kubelet: new HttpsAgent({
      ...(kubelet.certificateAuthority && { ca: kubelet.certificateAuthority }),
      ...(kubelet.clientCertificate && { cert: kubelet.clientCertificate }),
      ...(kubelet.clientPrivateKey && { key: kubelet.clientPrivateKey }),
    }),
  }
  const open = new Set<Duplex | ClientRequest>()
  const track = (stream: Duplex | ClientRequest) => {
    open.add(stream)
    stream.once('close', () => open.delete(stream))
  }

  function requestTo(destination: ProxyDestination, request: IncomingMessage, headers: OutgoingHttpHeaders) {
    const { scheme, address, port, path, toKubelet } = destination
    const target = {
      host: address,
      path: (path || '/') + queryOf(request),
      method: request.method,
      headers,
      timeout: CONNECT_TIMEOUT_MS,
      ...(port && { port }),
    }
    const upstream =
      scheme === 'https'
        ? // Or the client's Host header would be taken for the name that the certificate has to bear.
          httpsRequest({ ...target, servername: '', agent: toKubelet ? agents.kubelet : agents.https })
        : httpRequest({ ...target, agent: agents.http })
    track(upstream)
    return upstream
  }

  return {
    async send({ request, response }, destination) {
      if (destination.path === '' && (request.method === 'GET' || request.method === 'HEAD')) {
        const [path] = (request.url ?? '').split('?')
        response.writeHead(301, { Location: `${path}/${queryOf(request)}` }).end()
        return
      }
      const upstream = requestTo(destination, request, forwardedHeaders(request, destination))
      response.once('close', () => upstream.destroy())
      if (response.destroyed) upstream.destroy()
      request.pipe(upstream)
      const { answer } = await answerOf(upstream, destination, 'error trying to reach service')
      setCommonHeaders(response)
      for (const [name, value] of Object.entries(endToEnd(answer.headers))) {
        if (value !== undefined && !name.startsWith('access-control-')) response.setHeader(name, value)
      }
      if (answer.headers.location)
        response.setHeader('Location', wayBack(answer.headers.location, request, destination))
      response.writeHead(answer.statusCode ?? 502)
      response.flushHeaders()
      await pipeline(answer, response)
    },

    async tunnel(request, socket, head, destination) {
      const { upgrade } = request.headers
      const headers = { ...forwardedHeaders(request, destination), connection: 'Upgrade', upgrade }
      const upstream = requestTo(destination, request, headers)
      socket.once('close', () => upstream.destroy())
      if (socket.destroyed) upstream.destroy()
      upstream.end()
      const { answer, remote, remoteHead } = await answerOf(upstream, destination, 'error dialing backend')
      track(socket)
      socket.write(headText(answer))
      if (!remote) {
        await pipeline(answer, socket)
        return
      }
      track(remote)
      if (remoteHead.length > 0) socket.write(remoteHead)
      if (head.length > 0) remote.write(head)
      socket.pipe(remote)
      remote.pipe(socket)
      socket.once('error', () => remote.destroy()).once('close', () => remote.destroy())
      remote.once('error', () => socket.destroy()).once('close', () => socket.end())
    },

    close() {
      for (const stream of open) stream.destroy()
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

interface Answer {
  readonly answer: IncomingMessage
  /** The connection, after an upgrade. */
  readonly remote?: Duplex
  readonly remoteHead: Buffer
}

function answerOf(upstream: ClientRequest, { address, port, scheme }: ProxyDestination, what: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const [code, reason] = what.startsWith('error dialing')
      ? ([500, 'Unknown'] as const)
      : ([503, 'ServiceUnavailable'] as const)
    const target = `dial tcp ${address}:${port ?? (scheme === 'https' ? 443 : 80)}`
    const fail = (problem: string) => reject(new StatusError(code, reason, `${what}: ${target}: ${problem}`))
    // Only connecting has a limit: whoever answers may take its time.
    upstream.once('socket', (socket) => {
      if (!socket.connecting) upstream.setTimeout(0)
      else socket.once('connect', () => upstream.setTimeout(0))
    })
    upstream.once('response', (answer) => resolve({ answer, remoteHead: Buffer.alloc(0) }))
    upstream.once('upgrade', (answer, remote, remoteHead) => {
      remote.setTimeout(0)
      resolve({ answer, remote, remoteHead })
    })
    upstream.once('timeout', () => upstream.destroy(new Error('i/o timeout')))
    upstream.once('error', (error) => fail(connectProblem(error)))
    upstream.once('close', () => fail('connection closed'))
  })
}

/** The head of an answer, as it came. */
function headText({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    // What follows is no longer cut into chunks.
    if (rawHeaders[index]?.toLowerCase() === 'transfer-encoding') continue
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`)
  }
  if (statusCode !== 101) lines.push('Connection: close')
  return `${lines.join('\r\n')}\r\n\r\n`
}
