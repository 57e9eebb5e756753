/**
 * The learner's wait: `npm run lab 3`, from enter to verdict, beside a bare `npx vitest run` of the same test files.
 *
 * Both run in a copy of the kit whose lab 3 holds the finished solution, since on stubs the runner stops at the first step.
 */
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { readCatalog, repositoryRoot } from '../../labs/catalog.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import { timeCommand } from '../command.ts'
import { benchClusterName } from '../stand.ts'
import { median } from '../statistics.ts'

const LAB = 3
const TIMEOUT_MS = 180_000
const COPIED = ['kit', 'labs', 'solutions', 'checker', 'package.json', 'package-lock.json', 'vitest.config.ts']

export const lab: Benchmark = {
  name: 'lab',
  about: `\`npm run lab ${LAB}\`, enter to verdict, beside a bare \`npx vitest run\` of the same files`,

  async run(context) {
    const { name, steps } = readCatalog().find(({ number }) => number === LAB)!
    const files = steps.flatMap(({ tests }) => tests.map((test) => `labs/${name}/${test}`))
    const cwd = copyWithSolution(context, name)
    const runs = context.quick ? 1 : 5
    const ours: number[] = []
    const theirs: number[] = []
    // The first run of both is thrown away: the disk's cache.
    for (let run = 0; run <= runs; run++) {
      context.progress(`the lab and the bare tests, ${run} of ${runs}`)
      const labMs = await timeCommand(context, ['npm', 'run', '--silent', 'lab', `${LAB}`], {
        cwd,
        timeoutMs: TIMEOUT_MS,
      })
      const bareMs = await timeCommand(context, ['npx', 'vitest', 'run', ...files], {
        cwd,
        env: { LAB_MINE: `${LAB}` },
        timeoutMs: TIMEOUT_MS,
      })
      if (run === 0) continue
      ours.push(labMs / 1000)
      theirs.push(bareMs / 1000)
    }
    context.measured({
      what: `npm run lab ${LAB}, all steps pass, median of ${runs}`,
      unit: 's',
      ours: { value: median(ours) ?? Number.NaN },
      reference: { name: 'npx vitest run', origin: 'measured', value: median(theirs) ?? Number.NaN },
      target: { ratio: 1.2 },
    })
  },
}

function copyWithSolution(context: BenchContext, labName: string): string {
  context.progress('copying the kit')
  const copy = join(repositoryRoot, '.cluster', benchClusterName())
  context.cleanup(() => rmSync(copy, { recursive: true, force: true }))
  mkdirSync(copy, { recursive: true })
  for (const path of COPIED) cpSync(join(repositoryRoot, path), join(copy, path), { recursive: true })
  symlinkSync(join(repositoryRoot, 'node_modules'), join(copy, 'node_modules'), 'dir')
  const src = join(copy, 'labs', labName, 'src')
  rmSync(src, { recursive: true, force: true })
  cpSync(join(repositoryRoot, 'solutions', labName), src, { recursive: true })
  return copy
}
