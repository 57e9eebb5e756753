/**
 * A story that a cluster must survive, by name: tests play it with many seeds, and `npm run trace` shows it with one.
 *
 * Both go through `playScenario`, so what is tested is what is shown. A failure leaves a page behind, and says where.
 */
import { join } from 'node:path'
import { isNotImplemented } from '../../contracts/not-implemented.ts'
import type { RaftTrace } from '../raft-trace.ts'
import type { SimulatorOptions } from './options.ts'
import { LAST_FEW } from './recorder.ts'
import { Stage, type StageOptions } from './stage.ts'
import { writeTracePage } from './trace-page.ts'

export interface Scenario {
  /** The step of lab 1 that it is about: "1.3". */
  readonly step: string
  /** In a file's name and on the command line: "figure-8". */
  readonly name: string
  /** What holds, as a sentence. */
  readonly title: string
  /** The situation, as a story in one to three sentences. */
  readonly scenario: string
  readonly rule: string
  readonly source: string
  /** How many seeds a test tries: 1, 2, 3, … */
  readonly seeds: number
  /** The cluster; perhaps another one for each seed. */
  readonly stage: StageOptions | ((seed: number) => StageOptions)
  /** The command that shows the run again, where it is not `npm run trace`. */
  readonly replay?: (seed: number) => string
  /** Throws when something that must come about does not. */
  play(stage: Stage): void
}

export interface Played {
  readonly trace: RaftTrace
  /** Why it failed; undefined when it did not. */
  readonly error: unknown
}

export type CreateCore = SimulatorOptions['create']

/**
 * Plays a scenario once. The same seed and the same code give the same trace, event by event.
 *
 * @param keepEvents how many of the last events the trace is to have; all unless given
 */
export function playScenario(scenario: Scenario, seed: number, create: CreateCore, keepEvents?: number): Played {
  const options = typeof scenario.stage === 'function' ? scenario.stage(seed) : scenario.stage
  const stage = new Stage({ ...options, seed, create, ...(keepEvents !== undefined && { keepEvents }) })
  let error: unknown
  try {
    scenario.play(stage)
  } catch (caught) {
    error = caught
    if (caught instanceof Error) stage.cluster.fail(scenario.rule, firstLine(caught.message))
  }
  return { trace: stage.cluster.trace(scenario.title, replayCommand(scenario, seed)), error }
}

export function replayCommand({ step, name, replay }: Scenario, seed: number): string {
  return replay?.(seed) ?? `npm run trace -- ${step} --scenario ${name} --seed ${seed}`
}

/** Where the page of a run is written, from the repository's root. */
export function tracePath({ step, name }: Pick<Scenario, 'step' | 'name'>, seed: number): string {
  return `.lab/traces/lab-1-${step}-${name}-seed-${seed}.html`
}

/** What a failure leaves behind. */
export interface FailurePage {
  readonly path: string
  readonly replay: string
}

/**
 * Plays a scenario, and throws what it throws, with the page that was written and the command to replay it in the message.
 *
 * @param root the repository's, for the page
 * @param onPage is told of the page before the error is thrown
 */
export function playOrThrow(
  scenario: Scenario,
  seed: number,
  create: CreateCore,
  root: string,
  onPage: (page: FailurePage) => void = () => {},
): void {
  // Most go well: only one that does not is played again with all its events kept.
  const { error } = playScenario(scenario, seed, create, LAST_FEW)
  if (error === undefined) return
  if (isNotImplemented(error) || !(error instanceof Error)) throw error
  const { trace } = playScenario(scenario, seed, create)
  const page = { path: tracePath(scenario, seed), replay: trace.replay }
  writeTracePage(trace, join(root, page.path))
  onPage(page)
  error.message += `\n  Seed ${seed}. To look at it: ${page.path}\n  To replay it: ${page.replay}\n`
  throw error
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}
