/**
 * Carries the streams of a process in a container over SPDY: each has a stream of its own, so there is nothing to number. What is
 * said is as in a WebSocket: the same sizes, the same Status at the end.
 */
import type { ProcessStreams } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import type { SpdySession } from '#kit/spdy/session.ts'
import type { SpdyStream } from '#kit/spdy/stream.ts'
import { chunksOf, type RemoteStreams, type StreamCollector, writeTo } from '#kit/streaming/remote-command.ts'
import { channels, decodeFrame, type ExecStatus, encodeFrame, exitStatus, failureStatus } from './remote-command.ts'

/** The caller should have opened all its streams by then. */
const STREAMS_PATIENCE_MS = 30_000
/** From then on the end is told as a Status; before that as a text, and success not at all. */
const STATUS_SINCE_VERSION = 4

/** Resolves when the process has ended and all is said. */
export async function carryOverSpdy(
  session: SpdySession,
  collector: StreamCollector,
  version: number,
  open: () => Promise<ProcessStreams>,
): Promise<void> {
  const timer = setTimeout(() => session.close(), STREAMS_PATIENCE_MS)
  const streams = await Promise.race([collector.streams, session.closed])
  clearTimeout(timer)
  if (!streams) return
  try {
    const status = await run(session, streams, open)
    for (const stream of [streams.stdin, streams.stdout, streams.stderr, streams.resize]) stream?.end()
    await writeTo(streams.error, Buffer.from(endingFor(version, status)))
    streams.error.end()
  } finally {
    session.close()
  }
}

async function run(
  session: SpdySession,
  streams: RemoteStreams,
  open: () => Promise<ProcessStreams>,
): Promise<ExecStatus> {
  try {
    const process = await open()
    void session.closed.then(() => process.close())
    if (streams.stdin) void feed(process, streams.stdin)
    const brokenSizes = new Promise<never>((_, reject) => {
      if (streams.resize) resizeAsTold(process, streams.resize).catch(reject)
    })
    await Promise.race([sendOutput(streams, process), brokenSizes])
    return exitStatus(await process.exitCode())
  } catch (error) {
    if (isNotImplemented(error)) throw error
    return failureStatus(`error executing command in container: ${describeError(error)}`)
  }
}

async function feed(process: ProcessStreams, stdin: SpdyStream): Promise<void> {
  for await (const bytes of chunksOf(stdin)) await process.write(bytes)
  process.endInput()
}

/** The JSON of channel 4, one after the other. */
async function resizeAsTold(process: ProcessStreams, resize: SpdyStream): Promise<void> {
  let text = ''
  for await (const bytes of chunksOf(resize)) {
    text += bytes.toString('utf8')
    const sizes = text.match(/[^}]*\}/g) ?? []
    text = text.slice(sizes.join('').length)
    for (const size of sizes) {
      const meaning = decodeFrame(encodeFrame(channels.resize, Buffer.from(size)))
      if (meaning.kind === 'resize') process.resize(meaning)
    }
  }
}

async function sendOutput(streams: RemoteStreams, process: ProcessStreams): Promise<void> {
  for await (const { stream, bytes } of process.output) {
    const target = streams[stream]
    if (target) await writeTo(target, bytes)
  }
}

function endingFor(version: number, status: ExecStatus): string {
  if (version >= STATUS_SINCE_VERSION) return JSON.stringify(status)
  return status.status === 'Success' ? '' : (status.message ?? '')
}
