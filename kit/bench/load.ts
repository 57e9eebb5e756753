/**
 * A closed-loop load: each client sends its next operation when the last one has been answered, so the rate is what the
 * server can do and the latency is what a client waits. Bounded in count and in time.
 *
 * Two systems are compared in turns (ours, theirs, ours, theirs …): what else the machine does meanwhile hits both.
 */
import type { Measured } from './figures.ts'
import { median, percentile } from './statistics.ts'

export interface LoadShape {
  readonly clients: number
  readonly maxOperations: number
  readonly maxMs: number
}

/** One operation of client number `client`. Rejects when it failed: then nothing was measured. */
export type Operate = (client: number) => Promise<unknown>

export interface Round {
  readonly perSecond: number
  readonly latenciesMs: readonly number[]
}

export async function runRound(shape: LoadShape, operate: Operate, signal: AbortSignal): Promise<Round> {
  const latenciesMs: number[] = []
  const startMs = performance.now()
  let begun = 0
  const client = async (number: number) => {
    while (begun < shape.maxOperations && performance.now() - startMs < shape.maxMs) {
      signal.throwIfAborted()
      begun++
      const sentMs = performance.now()
      await operate(number)
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(Array.from({ length: shape.clients }, (_, number) => client(number)))
  return { perSecond: latenciesMs.length / ((performance.now() - startMs) / 1000), latenciesMs }
}

export interface Comparison {
  readonly shape: LoadShape
  readonly rounds: number
  readonly ours: Operate
  readonly theirs?: Operate | undefined
  readonly signal: AbortSignal
}

/** Compilers and caches of both sides get warm before anything counts. */
const WARM_UP = { maxOperations: 2_000, maxMs: 400 }

export async function compareUnderLoad(comparison: Comparison): Promise<{ ours: Measured; theirs?: Measured }> {
  const { shape, rounds, ours, theirs, signal } = comparison
  const systems = theirs ? [ours, theirs] : [ours]
  const results = systems.map((): Round[] => [])
  for (const operate of systems) {
    const maxOperations = Math.min(WARM_UP.maxOperations, shape.maxOperations)
    await runRound({ clients: shape.clients, maxOperations, maxMs: WARM_UP.maxMs }, operate, signal)
  }
  for (let round = 0; round < rounds; round++) {
    for (const [i, operate] of systems.entries()) results[i]!.push(await runRound(shape, operate, signal))
  }
  const [first, second] = results
  return { ours: summarize(first!), ...(second && { theirs: summarize(second) }) }
}

/** The rate of the middle round, and the latencies of all. */
export function summarize(rounds: readonly Round[]): Measured {
  const latenciesMs = rounds.flatMap((round) => round.latenciesMs)
  return {
    value: median(rounds.map(({ perSecond }) => perSecond)) ?? 0,
    p50Ms: percentile(latenciesMs, 50),
    p99Ms: percentile(latenciesMs, 99),
  }
}
