/**
 * Docker puts stdout and stderr of a process without a tty into one stream of frames: one byte that names the stream
 * (1 stdout, 2 stderr), three zero bytes, the length as a 32-bit big-endian number, then so many bytes.
 *
 * Source: Docker Engine API, "Stream format" of `POST /containers/<id>/attach`.
 */
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
