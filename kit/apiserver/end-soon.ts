/**
 * The last words on a connection: whoever does not hang up after them is hung up on.
 */
import type { Duplex } from 'node:stream'

const PATIENCE_MS = 1_000

export function endSoon(socket: Duplex, lastWords: string): void {
  socket.end(lastWords)
  // What still comes is not read, but for the end of it.
  socket.resume()
  const hangUp = setTimeout(() => socket.destroy(), PATIENCE_MS)
  socket.once('close', () => clearTimeout(hangUp))
}
