/** All benchmarks, in the order in which `npm run bench -- all` runs them: from the bottom of the cluster to the top. */
import { UsageError } from '../cli/usage-error.ts'
import type { Benchmark } from './benchmark.ts'
import { apiserver } from './benchmarks/apiserver.ts'
import { cluster } from './benchmarks/cluster.ts'
import { etcd } from './benchmarks/etcd.ts'
import { lab } from './benchmarks/lab.ts'
import { pods } from './benchmarks/pods.ts'
import { proxy } from './benchmarks/proxy.ts'
import { scheduler } from './benchmarks/scheduler.ts'

export const benchmarks: readonly Benchmark[] = [etcd, apiserver, scheduler, proxy, pods, cluster, lab]

/** "all" or the name of one. A name that does not exist gets the list of those that do. */
export function selectBenchmarks(name: string | undefined, all = benchmarks): readonly Benchmark[] {
  if (name === 'all') return all
  const found = all.find((benchmark) => benchmark.name === name)
  if (found) return [found]
  const list = all.map((benchmark) => `    ${benchmark.name.padEnd(12)}${benchmark.about}`).join('\n')
  const complaint = name === undefined ? 'Which benchmark?' : `There is no benchmark "${name}".`
  throw new UsageError(`${complaint} There are:\n${list}\n    ${'all'.padEnd(12)}All of them, one page`)
}
