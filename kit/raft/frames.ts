/**
 * Frames on a byte stream: a 4-byte length, then so many bytes.
 */
import type { Socket } from 'node:net'
import { describeError } from '../contracts/log.ts'

const MAX_FRAME_BYTES = 64 << 20

export function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + payload.length)
  frame.writeUInt32BE(payload.length, 0)
  frame.set(payload, 4)
  return frame
}

/** Cuts what arrives into frames. `refuse` hears of a frame that is too long, and of what `handle` throws. */
export function onFrames(socket: Socket, handle: (payload: Buffer) => void, refuse: (reason: string) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    try {
      while (rest.length >= 4) {
        const length = rest.readUInt32BE(0)
        if (length > MAX_FRAME_BYTES) return refuse(`a frame of ${length} bytes`)
        if (rest.length < 4 + length) return
        const payload = rest.subarray(4, 4 + length)
        rest = rest.subarray(4 + length)
        handle(payload)
      }
    } catch (error) {
      refuse(describeError(error))
    }
  })
}
