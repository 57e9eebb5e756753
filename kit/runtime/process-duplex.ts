/**
 * A process as one connection: what it reads and writes are the two directions. What it says on stderr is why it failed, if it
 * does.
 */
import { Duplex } from 'node:stream'
import type { ProcessStreams } from '../contracts/cri.ts'

export function processDuplex(process: ProcessStreams): Duplex {
  const output = process.output[Symbol.asyncIterator]()
  let complaint = ''

  /** Until there is something to hand on. */
  async function readOn(duplex: Duplex): Promise<void> {
    for (;;) {
      const { done, value } = await output.next()
      if (done) break
      if (value.stream === 'stderr') complaint += Buffer.from(value.bytes).toString('utf8')
      else if (value.bytes.length > 0) {
        duplex.push(value.bytes)
        return
      }
    }
    const exitCode = await process.exitCode()
    if (exitCode === 0) duplex.push(null)
    else duplex.destroy(new Error(complaint.trim() || `exit code ${exitCode}`))
  }

  return new Duplex({
    read() {
      readOn(this).catch((error: Error) => this.destroy(error))
    },
    write(chunk, _encoding, done) {
      process.write(chunk).then(() => done(), done)
    },
    final(done) {
      process.endInput()
      done()
    },
    destroy(error, done) {
      process.close()
      done(error)
    },
  })
}
