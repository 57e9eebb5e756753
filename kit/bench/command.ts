/** Runs commands of this kit as a user would, and tells when they said something or ended. */
import { spawn } from 'node:child_process'
import { repositoryRoot } from '../labs/catalog.ts'
import type { BenchContext } from './benchmark.ts'

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Record<string, string>
  /** Exit codes other than 0 that are no failure. */
  readonly timeoutMs: number
}

/** @returns milliseconds from the start to the end. Rejects, with the last lines of output, when it failed. */
export async function timeCommand(
  context: BenchContext,
  command: readonly [string, ...string[]],
  options: CommandOptions,
): Promise<number> {
  const startMs = performance.now()
  const running = runCommand(context, command, options)
  await running.ended
  return performance.now() - startMs
}

export interface RunningCommand {
  /** Resolves when the output matches. Rejects when the command ended without. */
  saying(pattern: RegExp): Promise<void>
  /** Rejects when the exit code is not 0. */
  readonly ended: Promise<void>
  /** Ctrl-C, and waits for the end. */
  interrupt(): Promise<void>
}

export function runCommand(
  { signal, cleanup }: BenchContext,
  [program, ...args]: readonly [string, ...string[]],
  { cwd = repositoryRoot, env = {}, timeoutMs }: CommandOptions,
): RunningCommand {
  signal.throwIfAborted()
  // A process group of its own: Ctrl-C in the terminal reaches only this process, which then ends the command in order.
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  const listeners = new Set<() => void>()
  const onOutput = (chunk: Buffer) => {
    output += chunk
    for (const listener of listeners) listener()
  }
  child.stdout.on('data', onOutput)
  child.stderr.on('data', onOutput)
  const interruptGroup = () => {
    if (child.exitCode === null && child.signalCode === null && child.pid) process.kill(-child.pid, 'SIGINT')
  }
  const timer = setTimeout(interruptGroup, timeoutMs)
  signal.addEventListener('abort', interruptGroup, { once: true })
  let interrupted = false
  const exited = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', interruptGroup)
      if (code === 0 || interrupted) return resolve()
      const tail = output.trimEnd().split('\n').slice(-6).join('\n')
      reject(new Error(`"${[program, ...args].join(' ')}" ended with ${killedBy ?? `code ${code}`}:\n${tail}`))
    })
  })
  exited.catch(() => {})
  const interrupt = async () => {
    interrupted = true
    interruptGroup()
    await exited.catch(() => {})
  }
  cleanup(interrupt)
  return {
    ended: exited,
    interrupt,
    saying(pattern) {
      const said = new Promise<void>((resolve) => {
        const listener = () => {
          if (pattern.test(output)) resolve()
        }
        listeners.add(listener)
        listener()
      })
      const endedWithout = exited.then(() => {
        if (!pattern.test(output)) throw new Error(`"${program} ${args.join(' ')}" ended without saying ${pattern}`)
      })
      return Promise.race([said, endedWithout])
    },
  }
}
