/**
 * `npm run soak -- etcd`: lab 1's Raft and its store in simulated clusters, a different one for each seed.
 */
import { join } from 'node:path'
import { createRaftState } from '#etcd/raft/create-state.ts'
import { Raft } from '#etcd/raft/raft.ts'
import { isNotImplemented } from '../contracts/not-implemented.ts'
import { repositoryRoot } from '../labs/catalog.ts'
import { LAST_FEW } from '../sim/raft/recorder.ts'
import { InvariantViolation } from '../sim/raft/rules.ts'
import { type CreateCore, playScenario, tracePath } from '../sim/raft/scenario.ts'
import { soakScenario } from '../sim/raft/scenarios/soak.ts'
import { writeTracePage } from '../sim/raft/trace-page.ts'
import type { Finding, SoakTarget } from './target.ts'

export const etcd: SoakTarget = {
  name: 'etcd',
  about: 'Clusters of lab 1 on virtual time, under every fault there is',
  seeds: 1000,
  async open() {
    return {
      tryOut: async (seed) => soakOnce(seed, (start) => new Raft(createRaftState(start)), repositoryRoot),
      close: async () => {},
    }
  },
}

/**
 * Plays one seed. Most go well, so only the last events are kept; one that does not is played again with all of them, for the page.
 *
 * @param root where the page goes; without it, there is none
 */
export function soakOnce(seed: number, create: CreateCore, root?: string): Finding | undefined {
  const { error } = playScenario(soakScenario, seed, create, LAST_FEW)
  if (error === undefined) return undefined
  if (isNotImplemented(error)) throw error
  const finding = { seed, sentence: sentenceOf(error), replay: `npm run soak -- etcd --from ${seed} --seeds 1` }
  if (root === undefined) return finding
  const page = tracePath(soakScenario, seed)
  writeTracePage(playScenario(soakScenario, seed, create).trace, join(root, page))
  return { ...finding, page }
}

function sentenceOf(error: unknown): string {
  if (error instanceof InvariantViolation) return `${error.deed}\nBroken: ${error.rule}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
