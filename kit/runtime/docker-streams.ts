/**
 * Docker puts stdout and stderr of a process without a tty into one stream of frames: one byte that names the stream
 * (1 stdout, 2 stderr), three zero bytes, the length as a 32-bit big-endian number, then so many bytes.
 *
 * Source: Docker Engine API, "Stream format" of `POST /containers/<id>/attach`.
 */
import type { LogEntry, ProcessStreams } from '../contracts/cri.ts'

const HEADER_BYTES = 8

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly bytes: Uint8Array
}

/** Whole frames only, however the network cut them; a torn frame at the end is dropped. */
export async function* demultiplex(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncIterable<OutputChunk> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt32BE(4)
      if (rest.length < end) break
      yield { stream: rest[0] === 2 ? 'stderr' : 'stdout', bytes: rest.subarray(HEADER_BYTES, end) }
      rest = rest.subarray(end)
    }
  }
}

const START_FAILURE = 'OCI runtime exec failed'
/** As a shell has it: not executable, not found. */
const START_FAILURE_CODES = [126, 127]

/** A command that could not be started: the engine writes why where the output would be. Here it is an error again. */
export async function* withoutStartFailure(
  output: ProcessStreams['output'],
  exitCode: () => Promise<number>,
): ProcessStreams['output'] {
  let isFirst = true
  for await (const chunk of output) {
    const text = isFirst ? Buffer.from(chunk.bytes).toString('utf8') : ''
    isFirst = false
    if (text.startsWith(START_FAILURE) && START_FAILURE_CODES.includes(await exitCode())) throw new Error(text.trim())
    yield chunk
  }
}

/** With a tty there is one stream, and nothing to take apart. */
export async function* asStdout(stream: AsyncIterable<Uint8Array>) {
  for await (const bytes of stream) yield { stream: 'stdout' as const, bytes }
}

/** Docker's log lines: "<time> <text>\n". A message without newline at its end stays without one. */
export async function* logEntries(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  tty: boolean,
): AsyncIterable<LogEntry> {
  if (tty) {
    for await (const line of lines(chunks)) yield logEntry('stdout', line.toString('utf8'))
    return
  }
  // Without a tty, the engine sends each logged line as a frame of its own.
  for await (const { stream, bytes } of demultiplex(chunks)) yield logEntry(stream, Buffer.from(bytes).toString('utf8'))
}

function logEntry(stream: 'stdout' | 'stderr', line: string): LogEntry {
  const space = line.indexOf(' ')
  return { stream, time: line.slice(0, space), text: line.slice(space + 1) }
}

/** Cuts a byte stream after each newline. */
export async function* lines(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncIterable<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      yield rest.subarray(0, end + 1)
      rest = rest.subarray(end + 1)
    }
  }
  if (rest.length > 0) yield rest
}
