/**
 * `kubectl logs`: which container's output is meant, which part of it, and in what form.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (validateContainerLogStatus), `pkg/kubelet/server/server.go`
 * (getContainerLogs), `pkg/kubelet/kuberuntime/logs/logs.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
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
  throw new NotImplemented('5.8', 'parseLogOptions', 'Read the log options', 'labs/05-kubelet/src/container-logs.ts')
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
  throw new NotImplemented(
    '5.8',
    'attemptForLogs',
    'Find the attempt whose logs are meant',
    'labs/05-kubelet/src/container-logs.ts',
  )
}

/**
 * One entry as it is sent: its text; with `timestamps`, the time and one space before it.
 *
 * @lab 5.8 Write a log entry
 */
export function formatLogEntry({ time, text }: LogEntry, timestamps: boolean): string {
  throw new NotImplemented('5.8', 'formatLogEntry', 'Write a log entry', 'labs/05-kubelet/src/container-logs.ts')
}

/**
 * At most so many bytes of a text, counted in UTF-8; the cut may fall into the middle of a line. `limitBytes` undefined is
 * no limit.
 *
 * @lab 5.8 Cut at the byte limit
 */
export function cutToLimit(text: string, limitBytes: number | undefined): Uint8Array {
  throw new NotImplemented('5.8', 'cutToLimit', 'Cut at the byte limit', 'labs/05-kubelet/src/container-logs.ts')
}
