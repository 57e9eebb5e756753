/**
 * `npm run soak -- etcd-processes`: trials of real etcd processes, one seed after another.
 */
import type { EtcdProcessesOptions } from '../cluster/etcd-processes.ts'
import { createRandom } from '../sim/random.ts'
import { bundleEtcd } from './etcd-program.ts'
import { judgeTrial, runTrial } from './etcd-trial.ts'
import { faults } from './faults.ts'

export interface EtcdProcessesSoak {
  readonly seeds: Iterable<number>
  /** `real`: the real etcd, as a check of the checks. */
  readonly program?: 'ours' | 'real'
  /** A mistake of the checker's to be found. */
  readonly mutant?: string
  /** 3 and 5 in turn, if left out. */
  readonly members?: number
  readonly faultsPerTrial?: number
  readonly signal?: AbortSignal
  readonly say: (line: string) => void
}

/** Resolves with the number of trials that went well; throws at the first that did not. */
export async function soakEtcdProcesses(options: EtcdProcessesSoak): Promise<number> {
  const { signal, say } = options
  const ours = options.program === 'real' ? undefined : await bundleEtcd(options.mutant)
  const program: EtcdProcessesOptions['program'] = ours ?? 'real'
  let done = 0
  try {
    for (const seed of options.seeds) {
      if (signal?.aborted) break
      const random = createRandom(seed)
      const members = options.members ?? (seed % 2 === 0 ? 5 : 3)
      const sequence = Array.from({ length: options.faultsPerTrial ?? 8 }, () => random.pick(Object.values(faults)))
      const begunMs = performance.now()
      const record = await runTrial({
        seed,
        members,
        program,
        faults: sequence,
        askProgress: options.program !== 'real',
        ...(signal && { signal }),
      })
      judgeTrial(record)
      done++
      const seconds = ((performance.now() - begunMs) / 1000).toFixed(1)
      say(
        `seed ${seed}: ${members} members, ${sequence.length} faults, ${record.operations.length} operations in order (${seconds} s)`,
      )
    }
  } finally {
    await ours?.remove()
  }
  return done
}
