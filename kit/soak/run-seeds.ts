/**
 * Seeds spread over processes, until all are done or one of them fails.
 *
 * Each process takes the next seed when it has finished one, so that a slow seed holds up nobody.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Finding } from './target.ts'

export interface SoakPlan {
  readonly target: string
  readonly from: number
  readonly seeds: number
  readonly jobs: number
  readonly signal: AbortSignal
  /** After every seed. */
  readonly onSeed: (done: number) => void
}

export interface SoakResult {
  /** Seeds that went well. */
  readonly passed: number
  readonly finding?: Finding
  readonly totalMs: number
}

/** What a process answers for each seed; null when all went well. */
export interface SoakAnswer {
  readonly finding: Finding | null
}

export async function runSeeds(plan: SoakPlan): Promise<SoakResult> {
  const begunMs = performance.now()
  const workers: ChildProcess[] = []
  let next = plan.from
  let passed = 0
  let finding: Finding | undefined
  const isOver = () => finding !== undefined || plan.signal.aborted || next >= plan.from + plan.seeds

  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [plan.target])
      workers.push(worker)
      const giveNext = () => {
        if (isOver()) worker.disconnect()
        else worker.send({ seed: next++ })
      }
      worker.on('message', (answer: SoakAnswer) => {
        if (answer.finding) finding = earlier(finding, answer.finding)
        else plan.onSeed(++passed)
        giveNext()
      })
      worker.on('error', reject)
      worker.on('exit', (code, signal) => {
        if (code === 0 || plan.signal.aborted) resolve()
        else reject(new Error(`a process that soaks ${plan.target} ended with ${signal ?? code}; its words are above`))
      })
      giveNext()
    })
  const stop = () => {
    for (const worker of workers) worker.kill()
  }
  plan.signal.addEventListener('abort', stop)
  try {
    await Promise.all(Array.from({ length: Math.min(plan.jobs, plan.seeds) }, work))
  } finally {
    plan.signal.removeEventListener('abort', stop)
    stop()
  }
  return { passed, ...(finding && { finding }), totalMs: performance.now() - begunMs }
}

function earlier(one: Finding | undefined, other: Finding): Finding {
  return one && one.seed < other.seed ? one : other
}
