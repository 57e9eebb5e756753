/**
 * The kubelet's own HTTPS server, which the API server calls for `kubectl logs`, `exec`, `attach` and `port-forward`.
 *
 * Whoever may call it may run commands in every container of the node. So it wants a client certificate of the cluster's
 * authority, and one of the group `system:masters`, which the API server's has. Only the health check is open to all that
 * have a certificate.
 *
 * Source: kubernetes `pkg/kubelet/server/server.go`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Pod, Stored } from '#kit/api/objects.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { RuntimeService } from '#kit/contracts/cri.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { attemptForLogs, cutToLimit, formatLogEntry, parseLogOptions } from './container-logs.ts'
import { NodeUsage, resourceMetrics } from './resource-metrics.ts'
import { attemptsOf, readPodStatus } from './runtime-pod-status.ts'
import { statsSummary } from './stats-summary.ts'
import { serveStreams } from './stream-server.ts'
import { refuseUpgrade } from './upgrades.ts'

/** PEM texts. */
export interface KubeletServerTls {
  readonly cert: string
  readonly key: string
  /** Whose client certificates are accepted. */
  readonly clientCa: string
}

type ServerParts = KubeletServerOptions & { readonly nodeUsage: NodeUsage }

export interface KubeletServerOptions {
  readonly address: string
  /** 0 picks a free one. */
  readonly port: number
  readonly tls: KubeletServerTls
  readonly nodeName: string
  readonly runtime: RuntimeService
  readonly findPod: (namespace: string, name: string) => Stored<Pod> | undefined
  readonly pods: { list(): readonly Stored<Pod>[] }
  readonly clock: Clock
  readonly log: Log
}

const MASTERS = 'system:masters'

export async function startKubeletServer(given: KubeletServerOptions): Promise<RunningComponent & { port: number }> {
  const options: ServerParts = { ...given, nodeUsage: new NodeUsage() }
  const { tls, log } = options
  // Certificates are asked for, but judged below, so that a caller without one gets an answer that says so.
  const server = createServer({ ...tls, ca: tls.clientCa, requestCert: true, rejectUnauthorized: false })
  server.on('request', (request, response) => {
    serve(options, request, response).catch((error: unknown) => {
      log.error(`${request.method} ${request.url}`, error)
      if (!response.headersSent) answer(response, 500, describeError(error))
      else response.destroy()
    })
  })
  const upgraded = new Set<Duplex>()
  server.on('upgrade', (request, socket: Duplex, head) => {
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket)).on('error', () => socket.destroy())
    const refusal = refuse(request)
    if (refusal) return refuseUpgrade(socket, refusal.code, refusal.text)
    serveStreams(options, request, socket, head).catch((error: unknown) => {
      log.error(`upgrade ${request.url}`, error)
      refuseUpgrade(socket, 500, describeError(error))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.address, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of upgraded) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function serve(options: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = refuse(request)
  if (refusal) return answer(response, refusal.code, refusal.text)
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [, root, ...rest] = url.pathname.split('/').map(decodeURIComponent)
  if (root === 'healthz') return answer(response, 200, 'ok')
  if (root === 'pods') {
    return answerJson(response, { kind: 'PodList', apiVersion: 'v1', items: options.pods.list() })
  }
  if (url.pathname === '/metrics/resource') {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
    return answer(response, 200, await resourceMetrics(options.runtime, options.nodeUsage))
  }
  if (url.pathname === '/stats/summary') {
    return answerJson(response, await statsSummary(options.runtime, options.nodeUsage, options.nodeName))
  }
  if (root === 'containerLogs' && rest.length === 3) return serveLogs(options, response, rest, url.searchParams)
  answer(response, 404, '404 page not found\n')
}

/** Undefined when the caller may go on. */
function refuse(request: IncomingMessage): { code: number; text: string } | undefined {
  const socket = request.socket as TLSSocket
  if (!socket.authorized) return { code: 401, text: 'Unauthorized' }
  const { subject } = socket.getPeerCertificate()
  const groups: unknown = subject?.O
  const isMaster = Array.isArray(groups) ? groups.includes(MASTERS) : groups === MASTERS
  if (isMaster || request.url === '/healthz') return undefined
  return { code: 403, text: `Forbidden (user=${subject?.CN}, resource=nodes, subresource=proxy)` }
}

async function serveLogs(
  { runtime, findPod, clock }: KubeletServerOptions,
  response: ServerResponse,
  [namespace = '', podName = '', containerName = '']: readonly string[],
  query: URLSearchParams,
): Promise<void> {
  const pod = findPod(namespace, podName)
  if (!pod) return answer(response, 404, `pod "${podName}" does not exist`)
  const parsed = parseLogOptions(Object.fromEntries(query), clock.now())
  if (!parsed.ok) return answer(response, 400, parsed.message)
  const { follow, previous, timestamps, tailLines, sinceMs, limitBytes } = parsed.value

  const attempts = attemptsOf(await readPodStatus(runtime, pod.metadata.uid), containerName)
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses]
  const waiting = statuses.find(({ name }) => name === containerName)?.state?.waiting?.reason
  const attempt = attemptForLogs({ pod: podName, container: containerName }, attempts, previous, waiting)
  if (!attempt.ok) return answer(response, 400, attempt.message)

  const stop = new AbortController()
  response.on('close', () => stop.abort())
  response.writeHead(200, { 'Content-Type': 'text/plain' })
  // The caller of `logs -f` wants to see that it is connected, before the first line comes.
  response.flushHeaders()
  let left = limitBytes
  const request = { follow, tailLines, sinceMs }
  try {
    for await (const entry of runtime.containerLogs(attempt.value.id, request, stop.signal)) {
      const bytes = cutToLimit(formatLogEntry(entry, timestamps), left)
      if (!response.write(bytes)) await drained(response)
      if (left !== undefined) left -= bytes.length
      if (left === 0 || stop.signal.aborted) break
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error
  }
  stop.abort()
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve)
    response.once('close', resolve)
  })
}

function answerJson(response: ServerResponse, value: object): void {
  response.setHeader('Content-Type', 'application/json')
  answer(response, 200, JSON.stringify(value))
}

function answer(response: ServerResponse, code: number, text: string): void {
  response.statusCode = code
  if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.end(text)
}
