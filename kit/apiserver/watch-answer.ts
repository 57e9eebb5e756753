/**
 * A watch as a chunked answer: one JSON line per event, as soon as it happens.
 *
 * Guarantee: a client that does not read holds up nobody but itself. The next event is asked for only when the
 * connection has taken the last one, and a connection that takes nothing for ten seconds is cut off.
 * Source: apiserver `pkg/endpoints/handlers/watch.go`.
 */
import type { ServerResponse } from 'node:http'
import type { ApiResponse, WatchStreamEvent } from '../contracts/apiserver.ts'
import { type Exchange, setCommonHeaders } from './answer.ts'
import { jsonText } from './json-text.ts'
import type { Representation } from './negotiation.ts'
import { represent } from './representation.ts'

const STALLED_AFTER_MS = 10_000

export interface WatchAnswerOptions {
  readonly representation: Representation
  /** The query parameter. */
  readonly includeObject: string | undefined
  readonly stalledAfterMs?: number | undefined
  /** Called for each that is sent. */
  onEvent?(): void
}

/** Resolves when the watch is over, whoever ended it. Stopping it is then the caller's business. */
export async function sendWatch(
  { request, response }: Exchange,
  watch: Extract<ApiResponse, { kind: 'watch' }>,
  { representation, includeObject, stalledAfterMs = STALLED_AFTER_MS, onEvent }: WatchAnswerOptions,
): Promise<void> {
  setCommonHeaders(response)
  response.setHeader('Content-Type', 'application/json')
  // Clients wait for the headers before they wait for events.
  response.flushHeaders()
  request.socket.setNoDelay(true)
  response.once('close', () => watch.stop())
  if (response.destroyed) watch.stop()

  const lineOf = lineWriter(watch, { representation, includeObject })
  for await (const event of watch.events) {
    if (response.destroyed) return
    onEvent?.()
    if (!response.write(lineOf(event))) await drained(response, stalledAfterMs)
  }
  response.end()
}

/** How to write each next event in the form that the client wants, as a line of JSON. */
export function lineWriter(
  { row }: Pick<Extract<ApiResponse, { kind: 'watch' }>, 'row'>,
  { representation, includeObject }: Pick<WatchAnswerOptions, 'representation' | 'includeObject'>,
): (event: WatchStreamEvent) => string {
  let isFirst = true
  return (event) => {
    const line = eventLine(event, (object) =>
      represent(object, row, representation, { includeObject, withoutColumns: !isFirst, nowMs: Date.now() }),
    )
    isFirst &&= event.type === 'ERROR'
    return line
  }
}

function eventLine(
  { type, object }: WatchStreamEvent,
  transform: (object: WatchStreamEvent['object']) => object,
): string {
  const shown = type === 'ERROR' ? object : transform(object)
  return `{"type":"${type}","object":${jsonText(shown)}}\n`
}

/** Resolves when the client has caught up or is gone; a stalled one is made to be gone. */
async function drained(response: ServerResponse, patienceMs: number): Promise<void> {
  if (response.destroyed) return
  await new Promise<void>((resolve) => {
    const cutOff = setTimeout(() => response.destroy(), patienceMs)
    const settle = () => {
      clearTimeout(cutOff)
      // Also the listener that was not called: a slow watcher would gather one with every pause.
      response.off('drain', settle).off('close', settle)
      resolve()
    }
    response.on('drain', settle).on('close', settle)
  })
}
