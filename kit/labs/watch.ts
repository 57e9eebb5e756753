/**
 * `npm run lab 3 -- --watch`: runs again whenever a file of the lab changes, with keys for what one does next.
 *
 * One Vitest stays loaded, so a run after an edit takes a fraction of the first.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createPaint, wantsColours } from '../cli/terminal/paint.ts'
import { listFiles } from '../stubs/stub-tree.ts'
import type { Lab, Step } from './catalog.ts'
import { hintOffer, nextHint } from './hints.ts'
import { runLabOnce } from './lab-session.ts'
import type { StepOutcome } from './outcome.ts'
import { createLabRunner, type LabRunner } from './run-labs.ts'

/**
 * Looking at the files' times finds every change, on every system, however an editor writes: notifications of the file system
 * get lost when a file is replaced by another of its name.
 */
const LOOK_EVERY_MS = 250

const KEYS = [
  ['enter', 'run again'],
  ['n', 'next step'],
  ['a', 'whole lab'],
  ['h', 'hint'],
  ['q', 'quit'],
] as const

/** Resolves with the exit code when the learner quits: 0 when the last run passed. */
export async function watchLab(root: string, lab: Lab, first: readonly Step[]): Promise<number> {
  const paint = createPaint(wantsColours(process.stdout))
  let steps = first
  let runner: LabRunner = await createLabRunner([{ lab, steps }])
  let outcomes: StepOutcome[] = []
  let busy = false
  let again = false
  let quitting = false
  /** The step whose next hint the key `h` gives when it is pressed once more: a slip of the finger must cost none. */
  let offered: Step | undefined

  const run = async () => {
    busy = true
    do {
      again = false
      offered = undefined
      runner.filesChanged([...fileTimes(root, lab).keys()])
      if (process.stdout.isTTY) process.stdout.write('\u001b[2J\u001b[3J\u001b[H')
      outcomes = await runLabOnce(runner, { root, lab, steps, print: true, watching: true })
    } while (again)
    busy = false
    if (!quitting) printKeys()
  }
  /** A run of what is no longer on the disk is of no use: it ends, even if its code never would. */
  const startOver = () => {
    if (!busy) {
      current = run()
      return
    }
    again = true
    runner.stop()
  }
  const printKeys = () => {
    const keys = KEYS.map(([key, what]) => `${paint.link(key)} ${paint.quiet(what)}`)
    process.stdout.write(`  ${keys.join('   ')}\n`)
  }
  const choose = async (chosen: readonly Step[]) => {
    if (busy) return
    await runner.close()
    steps = chosen
    runner = await createLabRunner([{ lab, steps }])
    startOver()
  }
  const hint = () => {
    const step = outcomes.find((outcome) => outcome.status !== 'passed')?.step ?? steps[0]!
    const lines = offered === step ? nextHint(root, lab, step) : hintOffer(root, step)
    offered = offered === step ? undefined : step
    process.stdout.write(`\n${lines.join('\n')}\n`)
    if (!busy) printKeys()
  }

  let known = fileTimes(root, lab)
  const looker = setInterval(() => {
    const now = fileTimes(root, lab)
    const differs = now.size !== known.size || [...now].some(([path, time]) => known.get(path) !== time)
    known = now
    if (differs) startOver()
  }, LOOK_EVERY_MS)

  let current = run()
  await new Promise<void>((quit, fail) => {
    current.catch(fail)
    onKey((key) => {
      if (key === 'q' || key === '\u0003' || key === '\u0004') quit()
      else if (key === '\r' || key === '\n' || key === 'r') startOver()
      else if (key === 'n') void choose([stepAfter(lab, outcomes, steps)])
      else if (key === 'a') void choose(lab.steps)
      else if (key === 'h') hint()
    })
    // Without a terminal: what was begun is still worth its verdict.
    process.stdin.on('end', () => current.then(quit, fail))
  })
  clearInterval(looker)
  stopKeys()
  quitting = true
  again = false
  runner.stop()
  await current
  await runner.close()
  return outcomes.length === steps.length && outcomes.every((outcome) => outcome.status === 'passed') ? 0 : 1
}

/** When each file of the lab was last written, by absolute path. */
function fileTimes(root: string, lab: Lab): Map<string, number> {
  const times = new Map<string, number>()
  for (const folder of ['src', 'tests'].map((name) => join(root, 'labs', lab.name, name))) {
    for (const path of listFiles(folder, true)) {
      const stat = statSync(join(folder, path), { throwIfNoEntry: false })
      if (stat) times.set(join(folder, path), stat.mtimeMs)
    }
  }
  return times
}

/** The step to go on with: the first that does not pass, else the one after the last that ran. */
function stepAfter(lab: Lab, outcomes: readonly StepOutcome[], steps: readonly Step[]): Step {
  const open = outcomes.find((outcome) => outcome.status !== 'passed')?.step
  const last = steps.at(-1)!
  if (open && steps.length > 1) return open
  return lab.steps[lab.steps.indexOf(last) + 1] ?? last
}

/** One call per key; without a terminal, whole lines count by their first letter. */
function onKey(handle: (key: string) => void): void {
  const { stdin } = process
  if (stdin.isTTY) stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.on('data', (text: string) => {
    for (const key of stdin.isTTY ? text : text.slice(0, 1)) handle(key)
  })
}

/** Gives the terminal back; a stream that is still read would keep the process alive. */
function stopKeys(): void {
  const { stdin } = process
  if (stdin.isTTY) stdin.setRawMode(false)
  stdin.removeAllListeners('data')
  stdin.pause()
}
