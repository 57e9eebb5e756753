/**
 * One request from its head to the end of its answer: read it, ask the core, send what it says in the form that the client
 * wants.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StatusDetails } from '../api/status-error.ts'
import type { ApiRequest, ApiResponse } from '../contracts/apiserver.ts'
import { type Exchange, sendError, sendObject, sendText } from './answer.ts'
import { credentialsOf } from './credentials.ts'
import { sendDocumentAt } from './documents.ts'
import { negotiate } from './negotiation.ts'
import { isProxyPath } from './proxy-headers.ts'
import { represent } from './representation.ts'
import { readRequestBody } from './request-body.ts'
import { parseTarget, type RequestTarget } from './request-query.ts'
import { timeoutMs, withTimeout } from './request-timeout.ts'
import { logOurFault, type Shell } from './shell.ts'
import { sendWatch } from './watch-answer.ts'
import { withoutWatchPath } from './watch-path.ts'

/** Answers one request. Never rejects. */
export async function serveRequest(shell: Shell, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const exchange: Exchange = { request, response }
  const asked = parseTarget(request.url ?? '/')
  const running = shell.metrics.started(request.method ?? '', asked)
  response.once('close', () => running.finished(response.statusCode))
  // Connections break; whoever writes to one learns that from `destroyed`.
  response.on('error', () => {})
  try {
    const target = withoutWatchPath(asked)
    // An answer that the client would not take must not be found out after the deed.
    if (answersWithObject(target)) negotiate(request.headers.accept)
    const answer = await withTimeout(decide(shell, request, target), timeoutMs(target))
    if (answer.kind === 'watch' || answer.kind === 'stream') running.isLongRunning()
    await sendAnswer(shell, exchange, target, answer)
  } catch (error) {
    logOurFault(shell, request, response, error)
    await sendError(exchange, error).catch(() => response.destroy())
  }
}

/** Below a group-version there are objects, but for logs, which are text, and for what others answer. */
function answersWithObject({ path }: RequestTarget): boolean {
  return /^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\/./.test(path) && !path.endsWith('/log') && !isProxyPath(path)
}

/** Asks the core. */
async function decide(shell: Shell, request: IncomingMessage, target: RequestTarget): Promise<ApiResponse> {
  const credentials = credentialsOf(request)
  // A body that is not for us is not read here.
  const { contentType, body } = isProxyPath(target.path)
    ? { contentType: undefined, body: undefined }
    : await readRequestBody(request)
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
    case 'proxy':
      return shell.proxies.send(exchange, answer)
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
  { options, watches, metrics }: Shell,
  exchange: Exchange,
  { query }: RequestTarget,
  watch: Extract<ApiResponse, { kind: 'watch' }>,
): Promise<void> {
  const stop = () => watch.stop()
  watches.add(stop)
  try {
    await sendWatch(exchange, watch, {
      representation: negotiate(exchange.request.headers.accept),
      includeObject: query.includeObject?.[0],
      stalledAfterMs: options.stalledWatchMs,
      onEvent: metrics.watchEventCounter(watch.row),
    })
  } finally {
    stop()
    watches.delete(stop)
  }
}

function warningHeader(text: string): string {
  return `299 - "${text.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`
}
