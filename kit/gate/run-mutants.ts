/**
 * Runs every mutant against the tests of its step, all in one Vitest: one project per mutant, whose plugin swaps one file.
 *
 * A mutant is caught when a test fails. One whose test file cannot even be collected, or that runs into a timeout without
 * saying so (`hangs: true`), is told apart: it says nothing about whether the tests know the mistake.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVitest, type TestModule, type VitestPluginContext } from 'vitest/node'
import { importConditions } from '../cli/import-conditions.ts'
import type { Mutant } from './mutants.ts'

export type Verdict = 'caught' | 'survived' | 'broken' | 'timed out'

export interface MutantResult {
  readonly mutant: Mutant
  readonly verdict: Verdict
  /** The test that caught it, or what went wrong. */
  readonly detail: string
}

/** Tests that need Docker or a wire, and stories of whole clusters, are not needed to catch a mutant, and would be slow. */
export function testsFor(mutant: Mutant): string[] {
  return mutant.step.tests.filter((test) => !/\.(docker|wire)\.test\.ts$|\/scenarios-[^/]*$/.test(test))
}

/** @param report is called as soon as a mutant has its verdict */
export async function runMutants(
  root: string,
  mutants: readonly Mutant[],
  report: (result: MutantResult) => void,
): Promise<void> {
  const conditions = [...importConditions(undefined), 'module', 'node', 'development|production']
  const cache = await mkdtemp(join(tmpdir(), 'mutants-'))
  const mutated = new Set(mutants.map(({ file }) => join(root, file)))
  const projects = mutants.map((mutant, index) => ({
    root,
    plugins: [swapFile(join(root, mutant.file), mutant.source, mutated)],
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name: String(index),
      include: testsFor(mutant).map((test) => `labs/${mutant.lab.name}/${test}`),
      setupFiles: [join(root, 'kit/gate/stop-at-first-failure.ts')],
      pool: 'threads' as const,
      testTimeout: 10_000,
      // Hundreds of projects compile the same files: once is enough.
      experimental: { fsModuleCache: true, fsModuleCachePath: cache },
    },
  }))
  const pending = new Map<string, Set<TestModule>>()
  const reporter = {
    onTestModuleCollected(module: TestModule) {
      const seen = pending.get(module.project.name) ?? new Set()
      pending.set(module.project.name, seen.add(module))
    },
    onTestModuleEnd(module: TestModule) {
      const mutant = mutants[Number(module.project.name)]!
      const modules = pending.get(module.project.name) ?? new Set()
      pending.set(module.project.name, modules.add(module))
      const ended = [...modules].filter((each) => each.state() !== 'pending' && each.state() !== 'queued')
      if (ended.length === testsFor(mutant).length) report({ mutant, ...judge(mutant, ended) })
    },
  }
  const vitest = await createVitest('test', {
    config: false,
    root,
    watch: false,
    silent: true,
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: [reporter],
    projects,
  } as Parameters<typeof createVitest>[1])
  try {
    await vitest.start()
  } finally {
    await vitest.close()
    await rm(cache, { recursive: true, force: true })
  }
}

function judge(mutant: Mutant, modules: readonly TestModule[]): Omit<MutantResult, 'mutant'> {
  const problems = modules.flatMap((module) => module.errors())
  const failed = modules.flatMap((module) => [...module.children.allTests('failed')])
  const byAssertion = failed.find((test) => !isTimeout(test.result().errors?.[0]?.message))
  if (byAssertion) return { verdict: 'caught', detail: byAssertion.name }
  if (failed[0]) return { verdict: mutant.hangs ? 'caught' : 'timed out', detail: failed[0].name }
  if (problems[0]) return { verdict: 'broken', detail: problems[0].message }
  return { verdict: 'survived', detail: `${modules.map((module) => module.moduleId).join(', ')} passed` }
}

function isTimeout(message: string | undefined): boolean {
  return message?.startsWith('Test timed out') ?? false
}

/** @param mutated all files that some mutant changes: they are different from project to project, so no project may take another's. */
function swapFile(file: string, source: string, mutated: ReadonlySet<string>) {
  return {
    name: 'mutant',
    enforce: 'pre' as const,
    load: (id: string) => (id.split('?')[0] === file ? source : undefined),
    configureVitest({ experimental_defineCacheKeyGenerator: define }: VitestPluginContext) {
      define(({ id }) => (mutated.has(id.split('?')[0]!) ? false : undefined))
    },
  }
}
