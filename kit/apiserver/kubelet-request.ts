/**
 * One request to a kubelet, and what may come of it: an answer, another protocol, or nobody there.
 */
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { StatusError } from '../api/status-error.ts'
import type { HttpServerOptions, KubeletStream } from '../contracts/apiserver.ts'
import { connectProblem } from './connect-problem.ts'
import { formatQuery } from './request-query.ts'

const CONNECT_TIMEOUT_MS = 30_000
const MAX_ERROR_CHARACTERS = 50_000

export function kubeletAgent(options: NonNullable<HttpServerOptions['kubelet']>): Agent {
  return new Agent({
    keepAlive: false,
    ...(options.certificateAuthority && { ca: options.certificateAuthority }),
    ...(options.clientCertificate && { cert: options.clientCertificate }),
    ...(options.clientPrivateKey && { key: options.clientPrivateKey }),
  })
}

export function kubeletRequest(
  agent: Agent,
  stream: KubeletStream,
  method: string,
  headers: OutgoingHttpHeaders,
): ClientRequest {
  const { node, path, query } = stream
  const target = { host: node.address, port: node.port, path: path + formatQuery(query), method, headers }
  return httpsRequest({ ...target, agent, timeout: CONNECT_TIMEOUT_MS })
}

export function answerOf(upstream: ClientRequest, stream: KubeletStream): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    upstream.once('response', (answer) => {
      upstream.setTimeout(0)
      resolve(answer)
    })
    onFailure(upstream, stream, reject)
  })
}

export interface UpgradeOutcome {
  readonly answer: IncomingMessage
  /** Undefined when the kubelet refused. */
  readonly kubeletSocket?: Duplex
}

export function outcomeOf(upstream: ClientRequest, stream: KubeletStream): Promise<UpgradeOutcome> {
  return new Promise((resolve, reject) => {
    upstream.once('upgrade', (answer, kubeletSocket, head) => {
      kubeletSocket.setTimeout(0)
      // It may break before anybody reads from it; that it closes is all that matters then.
      kubeletSocket.on('error', () => {})
      if (head.length > 0) kubeletSocket.unshift(head)
      resolve({ answer, kubeletSocket })
    })
    upstream.once('response', (answer) => resolve({ answer }))
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
export async function refusal(answer: IncomingMessage, { operation }: KubeletStream): Promise<StatusError> {
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
