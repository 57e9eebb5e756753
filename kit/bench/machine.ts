/** Where it was measured: a figure without its machine says little. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

export interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly memoryGB: number
  readonly node: string
  /** "Linux 6.1.0" */
  readonly kernel: string
  /** Processes that wanted a core in the last minute before the run, on average: near 0 on a quiet machine. */
  readonly loadBefore: number
}

export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    kernel: `${type()} ${release()}`,
    loadBefore: loadavg()[0] ?? 0,
  }
}

export function machineLine({ cores, cpu, memoryGB, node, kernel, loadBefore }: Machine): string {
  const busy = loadBefore > cores / 2 ? '; **the machine was busy: the figures are worse than it can do**' : ''
  return `${cores} cores (${cpu}), ${memoryGB} GB, Node ${node}, ${kernel}; load before: ${loadBefore.toFixed(1)}${busy}`
}
