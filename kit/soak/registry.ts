/** Everything that `npm run soak` knows. */
import { UsageError } from '../cli/usage-error.ts'
import { etcd } from './etcd.ts'
import { etcdProcesses, realEtcdProcesses } from './etcd-processes.ts'
import type { SoakTarget } from './target.ts'

export const soakTargets: readonly SoakTarget[] = [etcd, etcdProcesses, realEtcdProcesses]

/** A name that does not exist gets the list of those that do. */
export function selectTarget(name: string | undefined): SoakTarget {
  const found = soakTargets.find((target) => target.name === name)
  if (found) return found
  const list = soakTargets.map((target) => `    ${target.name.padEnd(16)}${target.about}`).join('\n')
  const complaint = name === undefined ? 'What is to be soaked?' : `There is nothing called "${name}" to soak.`
  throw new UsageError(`${complaint} There is:\n${list}`)
}
