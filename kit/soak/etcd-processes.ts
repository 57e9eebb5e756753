/**
 * `npm run soak -- etcd-processes`: real processes of lab 1, killed, paused and cut off from each other, a different sequence for each seed;
 * `etcd-processes-real`: the same with the real etcd, as a check of the checks.
 */
import { createRandom } from '../sim/random.ts'
import { bundleEtcd } from '../trust/etcd-program.ts'
import { runTrial, SNAPSHOTS_OFTEN, type TrialOptions } from '../trust/etcd-trial.ts'
import { faults } from '../trust/faults.ts'
import { judgeTrial } from '../trust/judge-trial.ts'
import type { Finding, SoakTarget } from './target.ts'

const FAULTS_PER_TRIAL = 8

export const etcdProcesses: SoakTarget = {
  name: 'etcd-processes',
  about: 'Processes of lab 1 under kill -9, pause and partition: linearizable? watches complete? members equal?',
  seeds: 20,
  async open() {
    const program = await bundleEtcd()
    const options = (seed: number) => ({ program, flags: seed % 4 < 2 ? [] : SNAPSHOTS_OFTEN })
    return { tryOut: (seed) => tryOut('etcd-processes', seed, options(seed)), close: program.remove }
  },
}

export const realEtcdProcesses: SoakTarget = {
  name: 'etcd-processes-real',
  about: 'The same with the real etcd: the checks must not find anything',
  seeds: 20,
  async open() {
    // The versions that distributions have answer requests for progress wrongly.
    const options = { program: 'real', askProgress: false } as const
    return { tryOut: (seed) => tryOut('etcd-processes-real', seed, options), close: async () => {} }
  },
}

async function tryOut(target: string, seed: number, options: Partial<TrialOptions>): Promise<Finding | undefined> {
  try {
    judgeTrial(await runTrial({ ...soakTrial(seed), ...options }))
    return undefined
  } catch (error) {
    return { seed, sentence: (error as Error).message, replay: `npm run soak -- ${target} --from ${seed} --seeds 1` }
  }
}

/** Three members or five, and any faults in any order. */
export function soakTrial(seed: number): Pick<TrialOptions, 'seed' | 'members' | 'faults'> {
  const random = createRandom(seed)
  const sequence = Array.from({ length: FAULTS_PER_TRIAL }, () => random.pick(Object.values(faults)))
  return { seed, members: seed % 2 === 0 ? 5 : 3, faults: sequence }
}
