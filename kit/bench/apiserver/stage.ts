/** What all measurements of the API server share: the server, connections to it, and a record of who used the processor. */
import type { BenchContext } from '../benchmark.ts'
import type { Figure } from '../figures.ts'
import { compareUnderLoad, type Operate } from '../load.ts'
import type { RequestPool } from '../request-pool.ts'
import type { ControlPlane } from '../stand.ts'

export const NAMESPACE = '/api/v1/namespaces/default'
export const MOST_CLIENTS = 32
export const atLeastEqual = { ratio: 1 }

export interface Stage {
  readonly context: BenchContext
  readonly plane: ControlPlane
  /** With `MOST_CLIENTS` connections. */
  readonly pool: RequestPool
  /** "on our etcd" */
  readonly on: string
  readonly processor: ProcessorUse
}

export interface Rate {
  /** "create ConfigMap" */
  readonly what: string
  readonly clients: number
  readonly operate: Operate
  /** Where there is only so much to delete. Default: as many as the time allows. */
  readonly maxOperations?: number
  readonly about?: Pick<Figure, 'reference' | 'target'>
}

/** How many a second, with so many clients, each of which waits for its answer before it asks again. */
export async function measureRate(stage: Stage, rate: Rate): Promise<void> {
  const { context, plane, on, processor } = stage
  const { clients, operate, maxOperations = 10_000, about } = rate
  const what = `${rate.what}, ${clients} client${clients === 1 ? '' : 's'}, ${on}`
  context.progress(what)
  const { ours } = await processor.during(() =>
    compareUnderLoad({
      shape: { clients, maxOperations, maxMs: context.quick ? 400 : 1_300 },
      rounds: context.quick ? 1 : 2,
      ours: { operate, cpuSeconds: () => plane.cpuSeconds('kube-apiserver') },
      signal: context.signal,
    }),
  )
  context.measured({ what, unit: 'per second', ours, ...about })
}

/**
 * Who used the processor while something was measured. The load comes from a process of its own, but from the same machine: what
 * it takes, the server cannot have.
 */
export class ProcessorUse {
  readonly #plane: ControlPlane
  #seconds = 0
  #generator = 0
  #server = 0

  constructor(plane: ControlPlane) {
    this.#plane = plane
  }

  async during<Result>(measure: () => Promise<Result>): Promise<Result> {
    const startMs = performance.now()
    const own = process.cpuUsage()
    const server = this.#serverSeconds()
    const result = await measure()
    const { user, system } = process.cpuUsage(own)
    this.#seconds += (performance.now() - startMs) / 1_000
    this.#generator += (user + system) / 1e6
    this.#server += this.#serverSeconds() - server
    return result
  }

  /** "the API server kept 95 % of a processor busy, the load generator 15 %" */
  get text(): string {
    const share = (seconds: number) => `${((seconds / this.#seconds) * 100).toFixed(0)} %`
    return `the API server kept ${share(this.#server)} of one processor busy, the load generator ${share(this.#generator)}`
  }

  #serverSeconds(): number {
    return this.#plane.cpuSeconds('kube-apiserver') ?? Number.NaN
  }
}
