/**
 * Our etcd as one file, which starts several times faster than its sources do; and, to see that a trial can fail, with one of the checker's
 * mistakes in it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../cluster/programs.ts'
import { readMutants } from '../gate/mutants.ts'
import { readCatalog, repositoryRoot } from '../labs/catalog.ts'

export interface EtcdProgram {
  readonly bundle: string
  remove(): Promise<void>
}

/** @param mutant a name from `checker/mutants/01-etcd-raft.yaml`, for a program with that mistake. */
export async function bundleEtcd(mutant?: string): Promise<EtcdProgram> {
  const directory = await mkdtemp(join(tmpdir(), 'etcd-program-'))
  const replaced = mutant === undefined ? new Map<string, string>() : mistaken(mutant)
  // Mistakes are made in the solution, so it is what must run.
  const mine = mutant === undefined ? process.env.LAB_MINE : undefined
  await bundle({ programs: ['etcd'], directory, mine, replaced })
  return { bundle: join(directory, 'etcd.mjs'), remove: () => rm(directory, { recursive: true, force: true }) }
}

function mistaken(name: string): Map<string, string> {
  const { mutants } = readMutants(repositoryRoot, readCatalog())
  const mutant = mutants.find((one) => one.lab.number === 1 && one.name === name)
  if (!mutant) throw new Error(`checker/mutants/01-etcd-raft.yaml has no mutant "${name}"`)
  return new Map([[join(repositoryRoot, mutant.file), mutant.source]])
}
