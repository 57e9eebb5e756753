/** Runs one of the repository's own commands, for the gate and for tests of the commands, with a deadline. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from '../labs/catalog.ts'

export interface CommandResult {
  /** Undefined when the deadline ended it. */
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** The command and all it started are killed at the deadline. */
export function runCommand(
  args: readonly string[],
  deadlineMs: number,
  root: string = repositoryRoot,
): Promise<CommandResult> {
  const child = spawn(process.execPath, [join(root, 'kit/cli/start.mjs'), ...args], {
    cwd: root,
    // A process group of its own, so that the workers of a stuck run can be ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined, VITEST: undefined, VITEST_POOL_ID: undefined },
  })
  let stdout = ''
  let stderr = ''
  let timedOut = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const timer = setTimeout(() => {
    timedOut = true
    if (child.pid) process.kill(-child.pid, 'SIGKILL')
  }, deadlineMs)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ exitCode: timedOut ? undefined : (code ?? 1), stdout, stderr })
    })
  })
}
