/**
 * Runs the tests of labs in this process's Vitest and hands back plain outcomes, step by step, in the labs' order.
 *
 * Each lab is a project of its own, in which that lab is the learner's and all others are solutions. Test files run in
 * parallel; a step is reported once all earlier ones have been, so the order never depends on which was faster.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BaseSequencer, createVitest, type TestSpecification, type Vitest } from 'vitest/node'
import { importConditions } from '../cli/import-conditions.ts'
import { type Lab, repositoryRoot, type Step } from './catalog.ts'
import { type Collector, createCollector } from './collect-outcomes.ts'
import type { StepRun } from './outcome.ts'
import { DEAF_AFTER_MS, listenForSigns, SILENT_AFTER_MS, SignsOfLife, STUCK_AFTER_MS } from './signs-of-life.ts'

export interface LabSteps {
  readonly lab: Lab
  readonly steps: readonly Step[]
}

export interface RunEvents {
  /** All test files of this step have ended. Return false to stop the whole run. */
  stepEnded(run: StepRun): boolean
  /**
   * After the step had ended, an error came to light that no test was waiting for, so the step is not as it seemed. What is
   * only not implemented yet does not count: a given loop may call parts of later steps.
   */
  errorEscaped?(run: StepRun): void
  /** A test has begun or ended. */
  progress?(lab: Lab, step: Step, testsDone: number): void
  /** Said once for a file whose code blocks its worker: an endless loop, most likely. */
  silent?(step: Step, test: string | undefined, silentMs: number): void
}

export interface LabRunner {
  run(events: RunEvents): Promise<'ended' | 'stopped'>
  /** Ends the run that is going on, without further outcomes: a worker that still answers ends its test first. */
  stop(): void
  /** Forgets what was loaded of these files (absolute paths), so that the next run sees their new text. */
  filesChanged(paths: readonly string[]): void
  close(): Promise<void>
}

/** What waits for something that never happens should not keep a learner waiting; no test comes near it. */
const TEST_TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 250

/** A Vite plugin that gives some files another text than the disk has. */
export interface FileSource {
  readonly name: string
  readonly enforce: 'pre'
  /** The text of a module (absolute path), or undefined to leave it alone. */
  load(id: string): string | undefined
}

export interface RunnerOptions {
  readonly root?: string
  /** Steers what the test files load; the gate puts generated stubs there. */
  readonly plugins?: readonly FileSource[]
  readonly testTimeoutMs?: number
  /** A learner's endless loop blocks its process, and no timer in there can end it: the runner gives up after this long. */
  readonly stuckAfterMs?: number
}

export async function createLabRunner(
  selection: readonly LabSteps[],
  {
    root = repositoryRoot,
    plugins = [],
    testTimeoutMs = TEST_TIMEOUT_MS,
    stuckAfterMs = STUCK_AFTER_MS,
  }: RunnerOptions = {},
): Promise<LabRunner> {
  const order = new Map<string, { lab: Lab; step: Step }>()
  for (const { lab, steps } of selection) {
    for (const step of steps) {
      const item = { lab, step }
      for (const test of step.tests) order.set(join(root, 'labs', lab.name, test), item)
    }
  }
  const paths = [...order.keys()]

  /** Earlier steps first: their verdict is what the learner waits for. */
  class StepOrder extends BaseSequencer {
    override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
      return files.sort((a, b) => paths.indexOf(a.moduleId) - paths.indexOf(b.moduleId))
    }
  }

  const collector = createCollector(root, order)
  const projects = selection.map(({ lab, steps }) => {
    const conditions = [...importConditions(String(lab.number)), 'module', 'node', 'development|production']
    return {
      root,
      plugins: [...plugins],
      resolve: { conditions },
      ssr: { resolve: { conditions } },
      test: {
        name: lab.name,
        include: steps.flatMap((step) => step.tests.map((test) => `labs/${lab.name}/${test}`)),
        // Quicker to start than processes, by a third of the learner's waiting time.
        pool: 'threads' as const,
        setupFiles: [fileURLToPath(new URL('./heartbeat.ts', import.meta.url))],
        testTimeout: testTimeoutMs,
      },
    }
  })
  const vitest = await createVitest('test', {
    config: false,
    root,
    watch: false,
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: [collector.reporter],
    sequence: { sequencer: StepOrder },
    projects,
  } as Parameters<typeof createVitest>[1])

  let stop = () => {}
  return {
    async run(events) {
      let ended: 'ended' | 'stopped' = 'ended'
      const run = startRun(vitest, collector, order, events, stuckAfterMs)
      stop = () => {
        ended = 'stopped'
        run.stop()
      }
      await run.finished
      stop = () => {}
      return ended
    },
    stop: () => stop(),
    filesChanged(changed) {
      for (const path of changed) vitest.invalidateFile(path)
    },
    close: () => vitest.close(),
  }
}

function startRun(
  vitest: Vitest,
  collector: Collector,
  order: ReadonlyMap<string, { lab: Lab; step: Step }>,
  events: RunEvents,
  stuckAfterMs: number,
): { finished: Promise<void>; stop(): void } {
  const steps = [...new Set(order.values())]
  const signs = new SignsOfLife()
  const told = new Set<string>()
  let next = 0
  let stopped = false
  let forced = false
  let lastSignMs = Date.now()

  const cancel = () => void vitest.cancelCurrentRun('test-failure')
  const stop = () => {
    if (stopped) return
    stopped = true
    cancel()
  }
  /** Vitest waits for its workers when it is asked to cancel once, and ends them when it is asked again meanwhile. */
  const force = () => {
    if (forced) return
    forced = true
    collector.endMissingModules()
    reportEnded()
    cancel()
    cancel()
  }
  const reportEnded = () => {
    for (const path of order.keys()) if (collector.hasEnded(path)) signs.ended(path)
    for (let item = steps[next]; item && !stopped; item = steps[next]) {
      const run = collector.stepRun(item.lab, item.step)
      if (!run) return
      next++
      if (!events.stepEnded(run)) stop()
    }
  }
  const lookForBlockedWorkers = () => {
    const now = Date.now()
    if (stopped && signs.silent(DEAF_AFTER_MS, now).length > 0) force()
    for (const { file, test, silentMs } of signs.silent(SILENT_AFTER_MS, now)) {
      if (stopped || told.has(file)) continue
      told.add(file)
      events.silent?.(order.get(file)!.step, test, silentMs)
    }
    const stuck = signs.silent(stuckAfterMs, now)
    for (const file of stuck) collector.endStuckModule(file)
    if (stuck.length > 0) reportEnded()
    const nothingLeft = [...order.keys()].every(collector.hasEnded)
    if (stuck.length > 0 && (stopped || nothingLeft)) force()
    if (now - lastSignMs >= stuckAfterMs) force()
  }

  collector.begin((lab, step, done) => {
    lastSignMs = Date.now()
    if (!stopped) events.progress?.(lab, step, done)
    reportEnded()
  })
  const stopListening = listenForSigns((sign) => {
    if (!order.has(sign.file)) return
    lastSignMs = Date.now()
    signs.sign(sign, lastSignMs)
  })
  const watchdog = setInterval(lookForBlockedWorkers, LOOK_EVERY_MS)

  const run = async () => {
    try {
      const specifications = await vitest.globTestSpecifications()
      if (stopped) return
      const { unhandledErrors } = await vitest.runTestSpecifications(specifications, true)
      const reported = steps.slice(0, next).map((item) => item.step)
      for (const { lab, step } of forced ? [] : collector.escaped(unhandledErrors)) {
        const again = collector.stepRun(lab, step)
        if (again && reported.includes(step)) events.errorEscaped?.(again)
      }
      collector.endMissingModules()
      reportEnded()
    } finally {
      clearInterval(watchdog)
      stopListening()
    }
  }
  return { finished: run(), stop }
}
