/**
 * The API server and etcd as processes of their own, for tests that kill them; if wanted with mistakes in the API server, to see that a trial
 * can fail.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../cluster/programs.ts'
import { freePort } from '../etcd-api/real-etcd.ts'
import { repositoryRoot } from '../labs/catalog.ts'

/** A text that a file of the solution has once, and another in its place. */
export interface Mistake {
  /** Relative to solutions/02-apiserver. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface ApiPrograms {
  readonly etcd: { readonly bundle: string }
  readonly directory: string
  remove(): Promise<void>
}

export async function bundleApiPrograms(mistakes: readonly Mistake[] = []): Promise<ApiPrograms> {
  const directory = await mkdtemp(join(tmpdir(), 'api-programs-'))
  // Mistakes are made in the solution, so it is what must run.
  const mine = mistakes.length > 0 ? undefined : process.env.LAB_MINE
  await bundle({
    programs: ['etcd', 'kube-apiserver'],
    directory,
    mine,
    replaced: new Map(mistakes.map(mistaken)),
  })
  return {
    etcd: { bundle: join(directory, 'etcd.mjs') },
    directory,
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

function mistaken({ file, find, replace }: Mistake): [path: string, text: string] {
  const path = join(repositoryRoot, 'solutions', '02-apiserver', file)
  const pieces = readFileSync(path, 'utf8').split(find)
  if (pieces.length !== 2) throw new Error(`${path} has "${find}" ${pieces.length - 1} times`)
  return [path, pieces.join(replace)]
}

export const TOKEN = 'trial'

/** One API server over plain HTTP, which can be killed and started again at the same port. */
export class ApiServerProcess {
  readonly url: string
  readonly #args: readonly string[]
  #process: ChildProcess | undefined
  #output = ''

  private constructor(port: number, args: readonly string[]) {
    this.url = `http://127.0.0.1:${port}`
    this.#args = args
  }

  static async prepare({ directory }: ApiPrograms, etcdEndpoints: readonly string[]): Promise<ApiServerProcess> {
    const tokens = join(directory, 'tokens.csv')
    writeFileSync(tokens, `${TOKEN},admin,1,"system:masters"\n`)
    const port = await freePort()
    return new ApiServerProcess(port, [
      ...['--enable-source-maps', join(directory, 'kube-apiserver.mjs')],
      ...['--etcd-servers', etcdEndpoints.map((endpoint) => `http://${endpoint}`).join(',')],
      ...['--secure-port', String(port), '--token-auth-file', tokens, '--disable-admission-plugins', 'ServiceAccount'],
    ])
  }

  start(): void {
    const child = spawn(process.execPath, this.#args, { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr.on('data', (text) => {
      this.#output = (this.#output + text).slice(-4_000)
    })
    const killIt = () => child.kill('SIGKILL')
    // Whoever forgets it must not leave it behind.
    process.once('exit', killIt)
    child.once('exit', () => process.off('exit', killIt))
    this.#process = child
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  get lastWords(): string {
    return this.#output.trim().split('\n').slice(-8).join('\n  ')
  }
}
