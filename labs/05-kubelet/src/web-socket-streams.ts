/**
 * Carries the streams of a process in a container over a WebSocket: the shell around remote-command.ts.
 */
import type { Duplex } from 'node:stream'
import { createWebSocketStream, type WebSocket } from 'ws'
import type { ProcessStreams } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { channels, decodeFrame, type ExecStatus, encodeFrame, exitStatus, failureStatus } from './remote-command.ts'

/** Resolves when the process has ended and all is said. */
export async function carryOverWebSocket(webSocket: WebSocket, open: () => Promise<ProcessStreams>): Promise<void> {
  // Frames as they came; whoever does not read them holds the client back.
  const frames = createWebSocketStream(webSocket, { readableObjectMode: true })
  frames.on('error', () => webSocket.terminate())
  const status = await run(webSocket, frames, open)
  await send(webSocket, encodeFrame(channels.error, Buffer.from(JSON.stringify(status))))
  webSocket.close(1000)
  // Or the client's own good-bye would never be read.
  frames.resume()
}

async function run(webSocket: WebSocket, frames: Duplex, open: () => Promise<ProcessStreams>): Promise<ExecStatus> {
  try {
    const process = await open()
    webSocket.once('close', () => process.close())
    if (webSocket.readyState !== webSocket.OPEN) process.close()
    const brokenInput = new Promise<never>((_, reject) => feed(process, frames).catch(reject))
    await Promise.race([sendOutput(webSocket, process), brokenInput])
    return exitStatus(await process.exitCode())
  } catch (error) {
    if (isNotImplemented(error)) throw error
    return failureStatus(`error executing command in container: ${describeError(error)}`)
  }
}

async function feed(process: ProcessStreams, frames: Duplex): Promise<void> {
  for await (const frame of frames.iterator({ destroyOnReturn: false })) {
    const meaning = decodeFrame(Buffer.from(frame))
    if (meaning.kind === 'stdin') await process.write(meaning.bytes)
    if (meaning.kind === 'end-of-stdin') process.endInput()
    if (meaning.kind === 'resize') process.resize(meaning)
  }
}

async function sendOutput(webSocket: WebSocket, process: ProcessStreams): Promise<void> {
  for await (const { stream, bytes } of process.output) await send(webSocket, encodeFrame(channels[stream], bytes))
}

/** Resolves when the bytes are on their way, so that a slow client slows the process down and not fills our memory. */
function send(webSocket: WebSocket, frame: Uint8Array): Promise<void> {
  return new Promise((resolve) => webSocket.send(frame, () => resolve()))
}
