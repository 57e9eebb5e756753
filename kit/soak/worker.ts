/**
 * One of the processes among which `run-seeds.ts` spreads seeds: it tries each seed that it is sent, and answers; with nobody left to answer, it ends.
 */

import { selectTarget } from './registry.ts'
import type { SoakAnswer } from './run-seeds.ts'

const soaking = await selectTarget(process.argv[2]).open()

process.on('message', async ({ seed }: { seed: number }) => {
  const answer: SoakAnswer = { finding: (await soaking.tryOut(seed)) ?? null }
  if (process.connected) process.send!(answer)
})
process.on('disconnect', () => void soaking.close())
// The terminal's Ctrl-C reaches this process too; the one that started it decides what becomes of it.
process.on('SIGINT', () => {})
