/**
 * Runs a program that contains a submission's code, within bounds of time and output.
 *
 * `process` is the first and weakest isolation: a process group of its own, a clean environment, a deadline, a cap on what
 * it may print. It keeps accidents (endless loops, floods of output) from the batch; it is no wall against malice. Stronger
 * ones (`namespace`, `docker`) implement the same interface.
 */
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import type { Readable } from 'node:stream'

export interface Bounds {
  /** For the whole program. */
  readonly timeoutMs: number
  /** A test process that gives no sign of life for this long is given up. */
  readonly stuckAfterMs: number
  readonly outputBytes: number
}

export interface Execution {
  /** What the program wrote to file descriptor 3, where the judge reports. */
  readonly report: string
  /** The last of what it printed. */
  readonly output: string
  readonly ended: 'exit' | 'timeout' | 'output'
  readonly exitCode: number | undefined
}

export interface Isolation {
  readonly name: 'process' | 'namespace' | 'docker'
  /** Runs Node with these arguments in a folder. Resolves once nothing of the program's process group is left. */
  run(folder: string, nodeArgs: readonly string[], bounds: Bounds): Promise<Execution>
}

const KEPT_OUTPUT = 4_000

export const processIsolation: Isolation = {
  name: 'process',
  run(folder, nodeArgs, bounds) {
    const child = spawn(process.execPath, nodeArgs, {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: tmpdir(), LANG: 'C.UTF-8', NO_COLOR: '1' },
    })
    let ended: Execution['ended'] = 'exit'
    let report = ''
    let output = ''
    let bytes = 0
    const kill = () => {
      try {
        if (child.pid) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // The group is gone already.
      }
    }
    const stop = (why: Execution['ended']) => {
      if (ended === 'exit') ended = why
      kill()
    }
    const listen = (stream: Readable, keep: (text: string) => void) => {
      stream.setEncoding('utf8').on('data', (text: string) => {
        bytes += text.length
        if (bytes > bounds.outputBytes) stop('output')
        else keep(text)
      })
    }
    listen(child.stdout as Readable, (text) => {
      output = (output + text).slice(-KEPT_OUTPUT)
    })
    listen(child.stderr as Readable, (text) => {
      output = (output + text).slice(-KEPT_OUTPUT)
    })
    listen(child.stdio[3] as Readable, (text) => {
      report += text
    })
    const timer = setTimeout(() => stop('timeout'), bounds.timeoutMs)
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      // A straggler of the group would hold the pipes open: end it as soon as the program itself has ended.
      child.on('exit', kill)
      child.on('close', (code) => {
        clearTimeout(timer)
        resolve({ report, output, ended, exitCode: ended === 'exit' ? (code ?? undefined) : undefined })
      })
    })
  },
}
