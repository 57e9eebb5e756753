/**
 * exec and attach over SPDY: one stream each for input, output, errors, the terminal's size, and one for how it ended.
 *
 * | `streamtype` | what goes over it |
 * |---|---|
 * | `stdin` | the client's input; its end is the end of input |
 * | `stdout`, `stderr` | with a terminal only `stdout` |
 * | `resize` | `{"Width":80,"Height":24}` again and again, only with a terminal, from version 3 on |
 * | `error` | at the end: a Status as JSON from version 4 on, before that a text, or nothing when all is well |
 *
 * Source: kubernetes `staging/src/k8s.io/kubelet/pkg/cri/streaming/remotecommand/httpstream.go`.
 */
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { StreamOptions } from '../contracts/cri.ts'
import type { SpdyStream } from '../spdy/stream.ts'

export type StreamType = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize'

/** The channels of the same in a WebSocket. */
export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const

/** In the order in which kubectl opens them. */
export function streamTypes({ stdin, stdout, stderr, tty }: StreamOptions, version: number): StreamType[] {
  const types: StreamType[] = ['error']
  if (stdin) types.push('stdin')
  if (stdout) types.push('stdout')
  if (stderr && !tty) types.push('stderr')
  if (tty && version >= 3) types.push('resize')
  return types
}

export type RemoteStreams = Partial<Record<StreamType, SpdyStream>>

/** Collects the streams that a client opens. */
export class StreamCollector {
  readonly #missing: Set<string>
  readonly #streams: RemoteStreams = {}
  readonly #complete: () => void
  /** All are there. */
  readonly streams: Promise<Required<Pick<RemoteStreams, 'error'>> & RemoteStreams>

  constructor(types: readonly StreamType[]) {
    this.#missing = new Set(types)
    const { promise, resolve } = withResolver()
    this.#complete = resolve
    this.streams = promise.then(() => this.#streams as Required<Pick<RemoteStreams, 'error'>> & RemoteStreams)
  }

  add(stream: SpdyStream): void {
    const type = stream.headers.streamtype as StreamType
    if (!this.#missing.delete(type)) {
      stream.destroy()
      return
    }
    this.#streams[type] = stream
    if (this.#missing.size === 0) this.#complete()
  }
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** Resolves when the stream takes more, or is gone. */
export async function writeTo(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.writableEnded || bytes.length === 0) return
  if (stream.write(bytes)) return
  const stop = new AbortController()
  const gone = once(stream, 'close', { signal: stop.signal })
  await Promise.race([once(stream, 'drain', { signal: stop.signal }), gone]).catch(() => {})
  stop.abort()
  gone.catch(() => {})
}

/** Reads to the end, or as far as it comes; leaves the stream's other direction open. */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer> {
  try {
    yield* stream.iterator({ destroyOnReturn: false })
  } catch {
    // Cut off: there is no more.
  }
}

export async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of chunksOf(stream)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
