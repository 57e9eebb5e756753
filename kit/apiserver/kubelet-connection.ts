/**
 * The API server's way to kubelets: logs are fetched from them, exec and attach are connected through to them.
 *
 * For exec the server understands nothing of what is said: it repeats the client's upgrade request to the kubelet, and
 * once the kubelet agrees, copies bytes both ways. So every protocol that client and kubelet have in common works, and
 * a slow reader slows the writer at the other end by TCP itself.
 * Guarantee: a kubelet that refuses, or is not there, becomes a `Status`; no client is left hanging.
 * Source: kubernetes `pkg/registry/core/pod/rest/{log,subresources}.go`, apimachinery `util/proxy/upgradeaware.go`.
 */
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StatusError } from '../api/status-error.ts'
import type { HttpServerOptions, KubeletStream } from '../contracts/apiserver.ts'
import { type Exchange, setCommonHeaders } from './answer.ts'
import { connectProblem } from './connect-problem.ts'
import { formatQuery } from './request-query.ts'

const CONNECT_TIMEOUT_MS = 30_000
const MAX_ERROR_CHARACTERS = 50_000

export interface KubeletConnection {
  /** Answers with the kubelet's text as it comes; `follow` goes on until either side has enough. */
  sendLog(exchange: Exchange, stream: KubeletStream): Promise<void>
  /** Connects the client's socket with the kubelet's. Resolves when both are connected. */
  tunnel(request: IncomingMessage, socket: Duplex, head: Buffer, stream: KubeletStream): Promise<void>
  /** Ends all streams. */
  close(): void
}

export function createKubeletConnection(options: NonNullable<HttpServerOptions['kubelet']>): KubeletConnection {
  const agent = new Agent({
    keepAlive: false,
    ...(options.certificateAuthority && { ca: options.certificateAuthority }),
    ...(options.clientCertificate && { cert: options.clientCertificate }),
    ...(options.clientPrivateKey && { key: options.clientPrivateKey }),
  })
  const open = new Set<Duplex | ClientRequest>()
  const track = (stream: Duplex | ClientRequest) => {
    open.add(stream)
    stream.once('close', () => open.delete(stream))
  }

  return {
    async sendLog({ request, response }, stream) {
      if (stream.operation !== 'log') {
        throw new StatusError(400, 'BadRequest', 'Upgrade request required')
      }
      const upstream = kubeletRequest(agent, stream, request.method ?? 'GET', {})
      track(upstream)
      response.once('close', () => upstream.destroy())
      if (response.destroyed) upstream.destroy()
      upstream.end()
      const answer = await answerOf(upstream, stream)
      if (answer.statusCode !== 200) throw await refusal(answer, stream)
      setCommonHeaders(response)
      response.setHeader('Content-Type', 'text/plain')
      response.flushHeaders()
      await pipeline(answer, response)
    },

    async tunnel(request, socket, head, stream) {
      const upstream = kubeletRequest(agent, stream, request.method ?? 'GET', upgradeHeaders(request))
      socket.once('close', () => upstream.destroy())
      if (socket.destroyed) upstream.destroy()
      upstream.end()
      const { answer, kubeletSocket, kubeletHead } = await upgradeOf(upstream, stream)
      if (!kubeletSocket) throw await refusal(answer, stream)
      track(kubeletSocket)
      track(socket)
      socket.write(upgradeAnswer(answer))
      if (kubeletHead.length > 0) socket.write(kubeletHead)
      if (head.length > 0) kubeletSocket.write(head)
      connect(socket, kubeletSocket)
    },

    close() {
      for (const stream of open) stream.destroy()
      agent.destroy()
    },
  }
}

function kubeletRequest(
  agent: Agent,
  stream: KubeletStream,
  method: string,
  headers: OutgoingHttpHeaders,
): ClientRequest {
  const { node, path, query } = stream
  const target = { host: node.address, port: node.port, path: path + formatQuery(query), method, headers }
  return httpsRequest({ ...target, agent, timeout: CONNECT_TIMEOUT_MS })
}

/** The headers of the WebSocket (or SPDY) handshake; never the client's credentials, which are not the kubelet's to see. */
function upgradeHeaders({ headers }: IncomingMessage): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(
    ([name]) => name.startsWith('sec-websocket-') || name === 'x-stream-protocol-version',
  )
  return { ...Object.fromEntries(kept), connection: 'Upgrade', upgrade: headers.upgrade, 'content-length': 0 }
}

function upgradeAnswer({ rawHeaders }: IncomingMessage): string {
  const lines = ['HTTP/1.1 101 Switching Protocols']
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Either end may go first: the client still gets what the kubelet had said; a kubelet without a client may stop at once. */
function connect(client: Duplex, kubelet: Duplex): void {
  client.pipe(kubelet)
  kubelet.pipe(client)
  client.once('error', () => kubelet.destroy()).once('close', () => kubelet.destroy())
  kubelet.once('error', () => client.destroy()).once('close', () => client.end())
}

function answerOf(upstream: ClientRequest, stream: KubeletStream): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    upstream.once('response', (answer) => {
      upstream.setTimeout(0)
      resolve(answer)
    })
    onFailure(upstream, stream, reject)
  })
}

interface UpgradeOutcome {
  readonly answer: IncomingMessage
  /** Undefined when the kubelet refused. */
  readonly kubeletSocket?: Duplex
  readonly kubeletHead: Buffer
}

function upgradeOf(upstream: ClientRequest, stream: KubeletStream): Promise<UpgradeOutcome> {
  return new Promise((resolve, reject) => {
    upstream.once('upgrade', (answer, kubeletSocket, kubeletHead) => {
      kubeletSocket.setTimeout(0)
      resolve({ answer, kubeletSocket, kubeletHead })
    })
    upstream.once('response', (answer) => resolve({ answer, kubeletHead: Buffer.alloc(0) }))
    onFailure(upstream, stream, reject)
  })
}

/** Upstream's words for a kubelet that cannot be reached. */
function onFailure(upstream: ClientRequest, stream: KubeletStream, reject: (error: Error) => void): void {
  const { node, path, query, operation } = stream
  const url = `https://${node.address}:${node.port}${path}${formatQuery(query)}`
  const what = operation === 'log' ? `Get ${JSON.stringify(url)}` : 'error dialing backend'
  const fail = (problem: string) => {
    reject(new StatusError(500, 'Unknown', `${what}: dial tcp ${node.address}:${node.port}: ${problem}`))
  }
  upstream.once('timeout', () => upstream.destroy(new Error('i/o timeout')))
  upstream.once('error', (error) => fail(connectProblem(error)))
  upstream.once('close', () => fail('connection closed'))
}

/** The kubelet explains itself in plain text, which becomes the message. */
async function refusal(answer: IncomingMessage, { operation }: KubeletStream): Promise<StatusError> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) {
    text += chunk
    if (text.length > MAX_ERROR_CHARACTERS) break
  }
  text = text.trim()
  const code = answer.statusCode ?? 500
  if (code === 400) return new StatusError(400, 'BadRequest', text)
  if (code === 500) {
    return new StatusError(500, 'InternalError', `Internal error occurred: ${text}`, { causes: [{ message: text }] })
  }
  const message = code === 404 ? text || 'the server could not find the requested resource' : text
  return new StatusError(
    code === 200 ? 500 : code,
    code === 404 ? 'NotFound' : 'Unknown',
    message || `kubelet answered ${code} to ${operation}`,
  )
}
