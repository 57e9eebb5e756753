/**
 * A proxy between kubectl and the API server that writes down who said what.
 *
 * It passes on what it gets, headers included, except that it asks for answers that are not compressed.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import type { Exchange } from './transcript.ts'

export interface RecordingProxy {
  readonly port: number
  /** All exchanges since the last call, in the order in which they began. Those that are not over are cut off. */
  take(): Exchange[]
  stop(): Promise<void>
}

export interface RecordingProxyOptions {
  /** The API server's port on the loopback address. */
  readonly target: number
  readonly certificateAuthority: string
  readonly certificate: string
  readonly privateKey: string
}

interface Recorded {
  readonly exchange: () => Exchange
  cutOff(): void
}

export async function startRecordingProxy(options: RecordingProxyOptions): Promise<RecordingProxy> {
  const agent = new https.Agent({ keepAlive: true, ca: options.certificateAuthority })
  let recorded: Recorded[] = []
  const server = https.createServer({ cert: options.certificate, key: options.privateKey })
  server.on('request', (request, response) => recorded.push(forward(request, response, agent, options.target)))
  server.on('upgrade', (request, socket, head) => recorded.push(upgrade(request, socket, head, options)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    take() {
      const taken = recorded
      recorded = []
      for (const { cutOff } of taken) cutOff()
      return taken.map(({ exchange }) => exchange()).filter(({ url }) => !isDiscovery(url))
    },
    async stop() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
    },
  }
}

/** kubectl asks for these again and again, or not at all, as its cache on disk goes; and some builds of it ask for the version first. */
function isDiscovery(url: string): boolean {
  return /^\/apis?(\?|$)|^\/version\?timeout=5s/.test(url)
}

function forward(request: IncomingMessage, response: ServerResponse, agent: https.Agent, port: number): Recorded {
  const headers = { ...request.headers, 'accept-encoding': 'identity' }
  const { method = 'GET', url = '/' } = request
  const chunks: Buffer[] = []
  let answer: IncomingMessage | undefined
  const onward = https.request({ agent, host: '127.0.0.1', port, method, path: url, headers })
  onward.on('response', (received) => {
    answer = received
    response.writeHead(received.statusCode ?? 500, received.headers)
    // Whoever watches waits for the headers before the first event.
    response.flushHeaders()
    received.on('data', (chunk: Buffer) => chunks.push(chunk))
    received.on('error', () => response.destroy())
    received.pipe(response)
  })
  onward.on('error', () => response.destroy())
  response.on('close', () => onward.destroy())
  request.pipe(onward)
  return {
    exchange: () => ({
      ...described(request),
      status: answer?.statusCode ?? null,
      responseType: answer?.headers['content-type'] ?? null,
      response: answer ? parsed(Buffer.concat(chunks).toString(), url) : null,
    }),
    cutOff: () => void onward.destroy(),
  }
}

/** What flows after an upgrade is not ours to understand. */
function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, options: RecordingProxyOptions): Recorded {
  const onward = connect({ host: '127.0.0.1', port: options.target, ca: options.certificateAuthority })
  const lines = [`${request.method} ${request.url} HTTP/1.1`]
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`)
  }
  onward.write(`${lines.join('\r\n')}\r\n\r\n`)
  onward.write(head)
  onward.on('error', () => socket.destroy())
  socket.on('error', () => onward.destroy())
  onward.pipe(socket).pipe(onward)
  return { exchange: () => described(request), cutOff: () => void onward.destroy() }
}

function described({ method = 'GET', url = '/', headers }: IncomingMessage): Exchange {
  return { method, url, accept: headers.accept ?? null, contentType: headers['content-type'] ?? null }
}

function parsed(text: string, url: string): unknown {
  if (text === '') return null
  try {
    const values = /[?&]watch=(true|1)/.test(url) ? text.trim().split('\n').map(parseEvent) : undefined
    return values ? { stream: values.filter((value) => value !== undefined) } : JSON.parse(text)
  } catch {
    return { text }
  }
}

/** The last line may have been cut off. */
function parseEvent(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
