/**
 * `kubectl logs`: which container's output is meant, which part of it, and in what form.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (validateContainerLogStatus), `pkg/kubelet/server/server.go`
 * (getContainerLogs), `pkg/kubelet/kuberuntime/logs/logs.go`.
 */
import type { ContainerStatus, LogEntry } from '#kit/contracts/cri.ts'

export interface LogOptions {
  readonly follow: boolean
  readonly previous: boolean
  readonly timestamps: boolean
  readonly tailLines?: number
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs?: number
  readonly limitBytes?: number
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string }

/**
 * Reads the query of `/containerLogs/…?follow=true&tailLines=10&sinceSeconds=60`. Absent options are left out of the
 * result; `follow`, `previous` and `timestamps` are false unless "true" or "1".
 *
 * Refused, with these messages: `tailLines` that is not a whole number of at least 0 (`tailLines: must be greater than or
 * equal to 0`), `limitBytes` below 1 (`limitBytes: must be greater than 0`), `sinceSeconds` below 1 (`sinceSeconds: must be
 * greater than 0`), a `sinceTime` that is no time (`sinceTime: must be RFC 3339`), and `sinceTime` together with
 * `sinceSeconds` (`at most one of sinceTime or sinceSeconds may be specified`).
 *
 * @lab 5.8 Read the log options
 */
export function parseLogOptions(query: Readonly<Record<string, string>>, nowMs: number): Parsed<LogOptions> {
  const { tailLines, limitBytes, sinceSeconds, sinceTime } = query
  const isTrue = (value: string | undefined) => value === 'true' || value === '1'
  const isWholeNumber = (value: string, least: number) => /^\d+$/.test(value) && Number(value) >= least
  const refuse = (message: string) => ({ ok: false as const, message })

  if (tailLines !== undefined && !isWholeNumber(tailLines, 0)) {
    return refuse('tailLines: must be greater than or equal to 0')
  }
  if (limitBytes !== undefined && !isWholeNumber(limitBytes, 1)) return refuse('limitBytes: must be greater than 0')
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    return refuse('at most one of sinceTime or sinceSeconds may be specified')
  }
  if (sinceSeconds !== undefined && !isWholeNumber(sinceSeconds, 1))
    return refuse('sinceSeconds: must be greater than 0')
  if (sinceTime !== undefined && Number.isNaN(Date.parse(sinceTime))) return refuse('sinceTime: must be RFC 3339')
  return {
    ok: true,
    value: {
      follow: isTrue(query.follow),
      previous: isTrue(query.previous),
      timestamps: isTrue(query.timestamps),
      ...(tailLines !== undefined && { tailLines: Number(tailLines) }),
      ...(limitBytes !== undefined && { limitBytes: Number(limitBytes) }),
      ...(sinceSeconds !== undefined && { sinceMs: nowMs - Number(sinceSeconds) * 1000 }),
      ...(sinceTime !== undefined && { sinceMs: Date.parse(sinceTime) }),
    },
  }
}

/**
 * Which attempt's output is meant. `attempts` are all of the container's, newest first.
 *
 * - Without `previous`: the newest that was ever started. None: `container "main" in pod "web" is waiting to start:
 *   <waitingReason>`.
 * - With `previous`: the newest but one; or the newest, if that is over and the container waits for its restart (there is a
 *   `waitingReason`). None: `previous terminated container "main" in pod "web" not found`.
 *
 * @lab 5.8 Find the attempt whose logs are meant
 */
export function attemptForLogs(
  names: { readonly pod: string; readonly container: string },
  attempts: readonly ContainerStatus[],
  previous: boolean,
  waitingReason: string | undefined,
): Parsed<ContainerStatus> {
  const started = attempts.filter(({ state }) => state !== 'CONTAINER_CREATED')
  const [newest, beforeThat] = started
  const subject = `container "${names.container}" in pod "${names.pod}"`
  if (!previous) {
    if (newest) return { ok: true, value: newest }
    return { ok: false, message: `${subject} is waiting to start: ${waitingReason ?? 'ContainerCreating'}` }
  }
  const ended = newest?.state === 'CONTAINER_EXITED' && waitingReason !== undefined ? newest : beforeThat
  if (ended) return { ok: true, value: ended }
  return { ok: false, message: `previous terminated ${subject} not found` }
}

/**
 * One entry as it is sent: its text; with `timestamps`, the time and one space before it.
 *
 * @lab 5.8 Write a log entry
 */
export function formatLogEntry({ time, text }: LogEntry, timestamps: boolean): string {
  return timestamps ? `${time} ${text}` : text
}

/**
 * At most so many bytes of a text, counted in UTF-8; the cut may fall into the middle of a line. `limitBytes` undefined is
 * no limit.
 *
 * @lab 5.8 Cut at the byte limit
 */
export function cutToLimit(text: string, limitBytes: number | undefined): Uint8Array {
  const bytes = Buffer.from(text, 'utf8')
  return limitBytes === undefined ? bytes : bytes.subarray(0, limitBytes)
}
