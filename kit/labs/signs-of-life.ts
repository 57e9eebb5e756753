/**
 * Which test files are running, in which test each of them is, and how long each has been silent.
 *
 * Workers say so on a channel of their own (see `heartbeat.ts`). Vitest's messages come in batches that a blocked worker never
 * sends, while what is posted here arrives even when the next statement loops for ever. A worker whose event loop turns posts
 * every second, so silence means blocked: code that merely waits, for a socket or a container, is not silent.
 */
import { url as inspectorUrl } from 'node:inspector'
import { BroadcastChannel } from 'node:worker_threads'

/** It joins the threads of this process, and no other process. */
export const SIGNS_CHANNEL = 'brain-and-muscle.signs-of-life'
export const HEARTBEAT_MS = 1_000
/** A worker that missed three heartbeats will not end its test when asked to. */
export const DEAF_AFTER_MS = 3 * HEARTBEAT_MS
/** When the learner is told. */
export const SILENT_AFTER_MS = 10_000
/** Nobody waits longer for code that blocks its worker. A debugger that halts the code is no such thing. */
export const STUCK_AFTER_MS = inspectorUrl() ? Number.POSITIVE_INFINITY : 30_000

export interface SignOfLife {
  /** The test file, as an absolute path. */
  readonly file: string
  /** The test that it is in; undefined while the file loads and between tests. */
  readonly test: string | undefined
}

export interface SilentFile extends SignOfLife {
  readonly silentMs: number
}

/** Pure: every call is told the time. */
export class SignsOfLife {
  readonly #running = new Map<string, { test: string | undefined; lastSignMs: number }>()
  readonly #ended = new Set<string>()

  sign({ file, test }: SignOfLife, nowMs: number): void {
    if (!this.#ended.has(file)) this.#running.set(file, { test, lastSignMs: nowMs })
  }

  /** The file's verdict is known; what its worker still says does not count. */
  ended(file: string): void {
    this.#running.delete(file)
    this.#ended.add(file)
  }

  /** The running files without a sign for at least this long. */
  silent(forMs: number, nowMs: number): SilentFile[] {
    return [...this.#running]
      .map(([file, { test, lastSignMs }]) => ({ file, test, silentMs: nowMs - lastSignMs }))
      .filter(({ silentMs }) => silentMs >= forMs)
  }
}

/** Returns the function that ends listening. */
export function listenForSigns(heard: (sign: SignOfLife) => void): () => void {
  const channel = new BroadcastChannel(SIGNS_CHANNEL)
  channel.unref()
  channel.onmessage = (message: unknown) => heard((message as { data: SignOfLife }).data)
  return () => channel.close()
}
