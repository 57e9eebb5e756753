/**
 * `npm test [-- <file or word> …]`: everything. All labs on the solutions, the kit, the gate, and the cluster with Docker.
 *
 * The last line is always `N passed, N failed, N skipped`, and the exit code is 0 only when something passed and nothing
 * failed. A test file that does not load, and an error that no test waited for, count as failed.
 */
import { parseCLI, startVitest, type TestModule } from 'vitest/node'
import { repositoryRoot } from '../labs/catalog.ts'
import { prepareTools } from './prepare-tools.ts'

export async function main(args: string[]): Promise<number> {
  await prepareTools((message) => console.error(message))
  const { filter, options } = parseCLI(['vitest', 'run', ...args])
  const vitest = await startVitest('test', filter, { ...options, root: repositoryRoot, watch: false })
  const modules = vitest.state.getTestModules()
  const counts = count(modules)
  const failed = counts.failed + vitest.state.getUnhandledErrors().length
  await vitest.close()
  console.log(`${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`)
  return failed === 0 && counts.passed > 0 ? 0 : 1
}

function count(modules: readonly TestModule[]): { passed: number; failed: number; skipped: number } {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      counts[state === 'pending' ? 'failed' : state]++
    }
    if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) counts.failed++
  }
  return counts
}
