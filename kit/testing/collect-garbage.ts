/**
 * Collects garbage now, for tests that measure memory: what nobody holds any more must not be counted, and when it would
 * have gone by itself is Node's own affair.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What the first round lets go may hold more, and buffers are given back only when the event loop turns. */
const ROUNDS = 3

export async function collectGarbage(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    collect()
    await new Promise(setImmediate)
  }
}
