/**
 * Remembers what the tests said about a lab, so that the overview is quick. It cannot lie: the key is a hash of everything
 * the tests could depend on, from the learner's files to the Node version. Runs in which a test was skipped are not kept,
 * since a tool may have been installed since.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { listFiles } from '../stubs/stub-tree.ts'
import type { Lab } from './catalog.ts'
import type { StepOutcome } from './outcome.ts'

/** As StepOutcome, without the objects of the catalogue. */
type Kept = Omit<StepOutcome, 'lab' | 'step'> & { readonly stepId: string }

/** Hashes what all labs share once. */
export function createResultCache(root: string) {
  const shared = hashTrees(root, ['kit', 'solutions'], ['package-lock.json', 'package.json'])
  const fileOf = (lab: Lab) => join(root, '.lab', 'results', `${lab.name}.json`)
  const keyOf = (lab: Lab) => {
    const own = hashTrees(root, [`labs/${lab.name}/src`, `labs/${lab.name}/tests`], [`labs/${lab.name}/lab.yaml`])
    return `${process.version} ${shared} ${own}`
  }
  return {
    read(lab: Lab): StepOutcome[] | undefined {
      const file = fileOf(lab)
      if (!existsSync(file)) return undefined
      try {
        const { key, steps } = JSON.parse(readFileSync(file, 'utf8')) as { key: string; steps: Kept[] }
        if (key !== keyOf(lab)) return undefined
        return steps.map(({ stepId, ...kept }) => {
          const step = lab.steps.find((each) => each.id === stepId)
          if (!step) throw new Error('unknown step')
          return { ...kept, lab, step }
        })
      } catch {
        return undefined
      }
    },
    write(lab: Lab, outcomes: readonly StepOutcome[]): void {
      if (outcomes.some((outcome) => outcome.tests.some((test) => test.state === 'skipped'))) return
      const steps = outcomes.map(({ lab: _, step, ...kept }): Kept => ({ ...kept, stepId: step.id }))
      mkdirSync(dirname(fileOf(lab)), { recursive: true })
      writeFileSync(fileOf(lab), JSON.stringify({ key: keyOf(lab), steps }))
    },
  }
}

function hashTrees(root: string, folders: readonly string[], files: readonly string[]): string {
  const hash = createHash('sha256')
  const add = (path: string) =>
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0')
  for (const folder of folders) for (const path of listFiles(join(root, folder), true)) add(`${folder}/${path}`)
  for (const path of files) if (existsSync(join(root, path))) add(path)
  return hash.digest('hex')
}
