/** Which of a step's parts the learner has written: read from the files themselves, so it cannot lie. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateStubTree } from '../stubs/stub-tree.ts'
import type { Lab, Step } from './catalog.ts'
import type { Part } from './outcome.ts'

/** The tagged symbols of a step, in the order of the solution's text. */
export function readParts(root: string, lab: Lab, step: Step): Part[] {
  return readLabParts(root, lab).filter((part) => part.step === step.id)
}

/** The tagged symbols of all steps of a lab. */
export function readLabParts(root: string, lab: Lab): (Part & { readonly step: string })[] {
  return generateStubTree(root, lab.name).tasks.map(({ step, symbol, task, file }) => {
    return { step, symbol, task, file, written: !throwsFor(join(root, file), step, symbol) }
  })
}

/** Whether the file still has the stub's `throw new NotImplemented('3.2', 'symbol', …)`. */
function throwsFor(file: string, step: string, symbol: string): boolean {
  if (!existsSync(file)) return true
  const calls = readFileSync(file, 'utf8').matchAll(/new NotImplemented\(\s*(['"])(.+?)\1,\s*(['"])(.+?)\3/g)
  return [...calls].some((call) => call[2] === step && call[4] === symbol)
}
