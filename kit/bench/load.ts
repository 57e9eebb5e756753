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

/** What is under load: how to ask it, and how much processor time it has used so far, if that can be known. */
export interface System {
  readonly operate: Operate
  readonly cpuSeconds?: () => number | undefined
}

export interface Round {
  readonly perSecond: number
  readonly latenciesMs: readonly number[]
  readonly cpuSeconds?: number | undefined
}

export async function runRound(shape: LoadShape, { operate, cpuSeconds }: System, signal: AbortSignal): Promise<Round> {
  const cpuBefore = cpuSeconds?.()
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
  if (latenciesMs.length === 0) throw new Error('not one operation ended, so nothing was measured')
  const perSecond = latenciesMs.length / ((performance.now() - startMs) / 1000)
  const cpuAfter = cpuSeconds?.()
  const isKnown = cpuBefore !== undefined && cpuAfter !== undefined
  return { perSecond, latenciesMs, ...(isKnown && { cpuSeconds: cpuAfter - cpuBefore }) }
}

export interface Comparison {
  readonly shape: LoadShape
  readonly rounds: number
  readonly ours: System
  readonly theirs?: System | undefined
  readonly signal: AbortSignal
}

/** Compilers and caches of both sides get warm before anything counts. */
const WARM_UP = { maxOperations: 2_000, maxMs: 400 }

export async function compareUnderLoad(comparison: Comparison): Promise<{ ours: Measured; theirs?: Measured }> {
  const { shape, rounds, ours, theirs, signal } = comparison
  const systems = theirs ? [ours, theirs] : [ours]
  const results = systems.map((): Round[] => [])
  for (const system of systems) {
    const maxOperations = Math.min(WARM_UP.maxOperations, shape.maxOperations)
    await runRound({ clients: shape.clients, maxOperations, maxMs: WARM_UP.maxMs }, system, signal)
  }
  for (let round = 0; round < rounds; round++) {
    for (const [i, system] of systems.entries()) results[i]!.push(await runRound(shape, system, signal))
  }
  const [first, second] = results
  return { ours: summarize(first!), ...(second && { theirs: summarize(second) }) }
}

/** The rate of the middle round, and latencies and processor time of all. */
export function summarize(rounds: readonly Round[]): Measured {
  const latenciesMs = rounds.flatMap((round) => round.latenciesMs)
  const cpu = rounds.map((round) => round.cpuSeconds).filter((seconds) => seconds !== undefined)
  const cpuMicros = (cpu.reduce((sum, seconds) => sum + seconds, 0) / latenciesMs.length) * 1e6
  return {
    value: median(rounds.map(({ perSecond }) => perSecond)) ?? 0,
    p50Ms: percentile(latenciesMs, 50),
    p99Ms: percentile(latenciesMs, 99),
    ...(cpu.length > 0 && { cpuMicros }),
  }
}
