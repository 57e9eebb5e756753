/**
 * A kubelet without containers, for tests of the API server's way to kubelets: the paths, the certificates and the
 * WebSocket channels are real, what they lead to is made up.
 *
 * Containers: "main" has logs and runs commands; any other "waits to start". Commands: `echo …`, `cat`, `exit N`, `flood N`
 * (N messages of 64 KiB).
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export interface FakeKubelet {
  readonly port: number
  /** Every request: method, path with query, and the client's common name. */
  readonly requests: readonly string[]
  /** Commands that are running. */
  readonly sessions: number
  stop(): Promise<void>
}

export interface FakeKubeletOptions {
  readonly certificate: string
  readonly privateKey: string
  readonly clientCertificateAuthority: string
}

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const STATUS = 3
const CLOSE = 255

export async function startFakeKubelet(options: FakeKubeletOptions): Promise<FakeKubelet> {
  const requests: string[] = []
  const server = createServer({
    cert: options.certificate,
    key: options.privateKey,
    ca: options.clientCertificateAuthority,
    requestCert: true,
    rejectUnauthorized: true,
  })
  const note = (request: IncomingMessage) => {
    const { subject } = (request.socket as unknown as import('node:tls').TLSSocket).getPeerCertificate()
    requests.push(`${request.method} ${request.url} ${subject.CN}`)
  }
  server.on('request', (request, response) => {
    note(request)
    answerLogs(new URL(request.url ?? '/', 'https://kubelet'), response)
  })
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => ['v5.channel.k8s.io', 'v4.channel.k8s.io'].find((name) => offered.has(name)) ?? false,
  })
  server.on('upgrade', (request, socket, head) => {
    note(request)
    const url = new URL(request.url ?? '/', 'https://kubelet')
    if (request.headers.upgrade !== 'websocket' || !url.pathname.endsWith('/main')) {
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\ncannot exec here\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      runCommand(webSocket, url.searchParams.getAll('command')),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get sessions() {
      return sockets.clients.size
    },
    async stop() {
      for (const client of sockets.clients) client.terminate()
      server.close()
      server.closeAllConnections()
    },
  }
}

function answerLogs(url: URL, response: ServerResponse): void {
  const [, operation, , pod, container] = url.pathname.split('/')
  if (operation !== 'containerLogs') response.writeHead(404).end('404 page not found\n')
  else if (container !== 'main') {
    response.writeHead(400).end(`container "${container}" in pod "${pod}" is waiting to start: ContainerCreating\n`)
  } else {
    const tail = Number(url.searchParams.get('tailLines') ?? 3)
    for (const line of ['one', 'two', 'three'].slice(-tail)) response.write(`${line}\n`)
    if (url.searchParams.get('follow') !== 'true') {
      response.end()
      return
    }
    const ticking = setInterval(() => response.write('more\n'), 20)
    response.on('close', () => clearInterval(ticking))
  }
}

function runCommand(webSocket: WebSocket, [program = '', ...args]: string[]): void {
  const send = (channel: number, text: string | Buffer) =>
    webSocket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]))
  const exit = (code: number) => {
    send(STATUS, JSON.stringify(code === 0 ? { metadata: {}, status: 'Success' } : exitStatus(code)))
    webSocket.close(1000)
  }
  switch (program) {
    case 'echo':
      send(STDOUT, `${args.join(' ')}\n`)
      exit(0)
      break
    case 'flood':
      for (let count = 0; count < Number(args[0]); count++) send(STDOUT, 'x'.repeat(64 * 1024))
      exit(0)
      break
    case 'exit':
      send(STDERR, 'leaving\n')
      exit(Number(args[0]))
      break
    case 'cat':
      webSocket.on('message', (message: Buffer) => {
        if (message[0] === STDIN) send(STDOUT, message.subarray(1))
        if (message[0] === CLOSE && message[1] === STDIN) exit(0)
      })
      break
    default:
      exit(127)
  }
}

function exitStatus(code: number): object {
  return {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: `${code}` }] },
  }
}
