/**
 * The real etcdctl, as a user would run it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'

export interface Etcdctl {
  /** Runs a command to its end. `input` goes to standard input. */
  run(args: readonly string[], input?: string): EtcdctlResult
  /** What a command says on standard output; fails the test when it fails. */
  say(...args: string[]): string
  /** A command that goes on until it is stopped. */
  start(...args: string[]): RunningEtcdctl
}

export interface EtcdctlResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningEtcdctl {
  /** Resolves with everything said so far, as soon as that contains `text`. */
  until(text: string): Promise<string>
  stop(): Promise<void>
}

/** @param endpoints as for `--endpoints`; `flags` come before every command. */
export function etcdctl(endpoints: readonly string[], flags: readonly string[] = []): Etcdctl {
  const env = { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoints.join(',') }
  const run: Etcdctl['run'] = (args, input = '') => {
    const { status, stdout, stderr } = spawnSync('etcdctl', [...flags, ...args], { env, input, encoding: 'utf8' })
    return { status, stdout: stdout.trimEnd(), stderr }
  }
  return {
    run,
    say(...args) {
      const { status, stdout, stderr } = run(args)
      if (status !== 0) throw new Error(`etcdctl ${args.join(' ')} failed:\n${stderr}`)
      return stdout
    },
    start: (...args) => follow(spawn('etcdctl', [...flags, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] })),
  }
}

function follow(child: ChildProcess): RunningEtcdctl {
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  let wake = () => {}
  child.stdout!.on('data', (text) => {
    output += text
    wake()
  })
  return {
    async until(text) {
      while (!output.includes(text)) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return output
    },
    async stop() {
      child.kill()
      await exit
    },
  }
}

export function etcdctlStory(command: string) {
  return {
    scenario: `A user runs etcdctl ${command}.`,
    rule: 'Our member answers as a real one does; etcdctl cannot tell them apart.',
    source: 'etcd etcdctl/README.md',
    timeoutMs: 30_000,
  }
}
