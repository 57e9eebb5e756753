/**
 * `npm run trace -- 1.4 [--scenario figure-8] [--seed 42] [--solution] [--json]`: a simulated run of a step of lab 1 as a page to look at.
 *
 * Plays one of the step's scenarios with your code, whether it passes or fails, and says where the page is: open it in any browser. Without
 * `--scenario` it is the step's first. Where your code is not written yet, or with `--solution`, the finished solution plays. Without a step, all
 * scenarios are listed. The same seed gives the same run.
 */
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { isNotImplemented } from '../contracts/not-implemented.ts'
import { repositoryRoot } from '../labs/catalog.ts'
import { type CreateCore, type Played, playScenario, type Scenario, tracePath } from '../sim/raft/scenario.ts'
import { scenarios, scenariosOf } from '../sim/raft/scenarios.ts'
import { writeTracePage } from '../sim/raft/trace-page.ts'
import { UsageError } from './usage-error.ts'

type Tree = 'labs' | 'solutions'

export async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      scenario: { type: 'string' },
      seed: { type: 'string', default: '1' },
      solution: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const [step] = positionals
  if (step === undefined && values.scenario === undefined) return list(values.json)
  const scenario = choose(step, values.scenario)
  const seed = parseSeed(values.seed)
  const { tree, played, missing } = await play(scenario, seed, values.solution)
  const path = tracePath(scenario, seed)
  writeTracePage(played.trace, join(repositoryRoot, path))
  if (values.json) {
    const { step: id, name } = scenario
    const problem = played.error instanceof Error ? played.error.message : undefined
    console.log(
      JSON.stringify({ step: id, scenario: name, seed, tree, passed: problem === undefined, problem, page: path }),
    )
  } else report({ scenario, seed, tree, played, missing, path })
  return played.error === undefined ? 0 : 1
}

function list(json: boolean): number {
  if (json) console.log(JSON.stringify(scenarios.map(({ step, name, title }) => ({ step, name, title }))))
  else console.log(`${catalog(scenarios)}\n\nLook at one: npm run trace -- 1.4 --scenario figure-8 --seed 42`)
  return 0
}

function catalog(shown: readonly Scenario[]): string {
  return [...shown]
    .sort((a, b) => Number(a.step.split('.')[1]) - Number(b.step.split('.')[1]))
    .map(({ step, name, title }) => `  ${step.padEnd(5)} ${name.padEnd(34)} ${title}`)
    .join('\n')
}

function choose(step: string | undefined, name: string | undefined): Scenario {
  const ofStep = step === undefined ? scenarios : scenariosOf(step)
  if (ofStep.length === 0)
    throw new UsageError(`Step "${step}" has no simulated scenario. These are there:\n${catalog(scenarios)}`)
  const chosen = name === undefined ? ofStep[0] : ofStep.find((scenario) => scenario.name === name)
  if (!chosen) throw new UsageError(`There is no scenario "${name}" here. These are there:\n${catalog(ofStep)}`)
  return chosen
}

function parseSeed(text: string): number {
  const seed = Number(text)
  if (Number.isSafeInteger(seed) && seed >= 0) return seed
  throw new UsageError(`--seed is a whole number from 0 on, not "${text}".`)
}

interface Play {
  readonly tree: Tree
  readonly played: Played
  /** What the learner has not written yet, so that the solution had to step in. */
  readonly missing?: string
}

async function play(scenario: Scenario, seed: number, useSolution: boolean): Promise<Play> {
  if (!useSolution) {
    const played = playScenario(scenario, seed, await coreOf('labs'))
    if (!isNotImplemented(played.error)) return { tree: 'labs', played }
    const solved = playScenario(scenario, seed, await coreOf('solutions'))
    return { tree: 'solutions', played: solved, missing: played.error.message }
  }
  return { tree: 'solutions', played: playScenario(scenario, seed, await coreOf('solutions')) }
}

/** One command may need both trees, so here they go by their paths; `#etcd` would be one of them for the whole process. */
async function coreOf(tree: Tree): Promise<CreateCore> {
  if (tree === 'solutions') {
    const { Raft } = await import('../../solutions/01-etcd-raft/raft/raft.ts')
    const { createRaftState } = await import('../../solutions/01-etcd-raft/raft/create-state.ts')
    return (start) => new Raft(createRaftState(start))
  }
  const { Raft } = await import('../../labs/01-etcd-raft/src/raft/raft.ts')
  const { createRaftState } = await import('../../labs/01-etcd-raft/src/raft/create-state.ts')
  return (start) => new Raft(createRaftState(start))
}

function report({
  scenario,
  seed,
  tree,
  played,
  missing,
  path,
}: Play & { scenario: Scenario; seed: number; path: string }) {
  const others = scenariosOf(scenario.step).filter((other) => other !== scenario)
  const { trace, error } = played
  console.log(`${scenario.step} ${scenario.name}, seed ${seed}: ${scenario.title}`)
  if (missing !== undefined) console.log(`Played by the finished solution, since your code is not that far: ${missing}`)
  else console.log(`Played by ${tree === 'labs' ? 'your code' : 'the finished solution'}.`)
  if (error !== undefined) console.log(`It fails: ${error instanceof Error ? error.message : String(error)}`)
  console.log(
    `${trace.events.length} events. Open it in a browser: ${relative(process.cwd(), join(repositoryRoot, path))}`,
  )
  if (others.length > 0) console.log(`Others of this step (--scenario …): ${others.map(({ name }) => name).join(', ')}`)
}
