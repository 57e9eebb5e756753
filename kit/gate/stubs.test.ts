/** The gate, part one: stubs and guides are what the generator makes, and the labs are described completely. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCatalog, repositoryRoot as root } from '../labs/catalog.ts'
import { runStubs } from '../stubs/command.ts'
import { generateStubTree, labNames } from '../stubs/stub-tree.ts'

const labs = readCatalog()

describe('the stubs', () => {
  it('and the code in the guides are what `npm run stubs` generates', () => {
    const { lines } = runStubs(root, { labs: [], check: true, force: false })
    // In a learner's own checkout, edited stubs are what it is for; what is committed must be as generated.
    const drift = process.env.CI ? lines : lines.filter((line) => /^(outdated|no longer generated)/.test(line))
    expect(drift).toEqual([])
  })

  it('belong to labs that all have a lab.yaml', () => {
    expect(labNames(root)).toEqual(labs.map((lab) => lab.name))
  })
})

describe.each(labs.map((lab) => ({ lab, name: lab.name })))('lab.yaml of $name', ({ lab }) => {
  const steps = new Set(lab.steps.map((step) => step.id))

  it('numbers its steps in order', () => {
    expect(lab.steps.map((step) => step.id)).toEqual(lab.steps.map((_, index) => `${lab.number}.${index + 1}`))
  })

  it('gives every step three hints that say something', () => {
    for (const step of lab.steps) {
      expect(step.hints, step.id).toHaveLength(3)
      expect(Math.min(...step.hints.map((hint) => hint.length)), `${step.id}: the shortest hint`).toBeGreaterThan(10)
    }
  })

  it('names files that exist and hold exactly the parts of the step', () => {
    const { tasks } = generateStubTree(root, lab.name)
    expect(tasks.filter((task) => !steps.has(task.step)).map((task) => `${task.step} ${task.symbol}`)).toEqual([])
    for (const step of lab.steps) {
      const tagged = tasks.filter((task) => task.step === step.id).map((task) => task.file)
      const named = step.files.map((file) => `labs/${lab.name}/src/${file}`)
      expect([...named].sort(), `the files of step ${step.id}`).toEqual([...new Set(tagged)].sort())
    }
  })

  it('names every test of a step exactly once; other test files are about the lab as a whole', () => {
    const folder = join(root, 'labs', lab.name)
    const found = readdirSync(join(folder, 'tests'), { recursive: true, encoding: 'utf8' })
      .map((path) => `tests/${path.replaceAll('\\', '/')}`)
      .filter((path) => /\/step-[^/]*\.test\.ts$/.test(path))
    const named = lab.steps.flatMap((step) => step.tests)
    expect(new Set(named).size).toBe(named.length)
    expect(found.filter((path) => !named.includes(path))).toEqual([])
    expect(named.filter((path) => !existsSync(join(folder, path)))).toEqual([])
  })
})
