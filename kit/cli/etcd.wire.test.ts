/** `npm run etcd` from the outside: what it prints, what it serves, what it leaves behind. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEtcdClient } from '../etcd-api/client.ts'
import { freePort } from '../etcd-api/real-etcd.ts'
import { hasTool } from '../testing/tools.ts'

const START = fileURLToPath(new URL('./start.mjs', import.meta.url))
const LIMIT_MS = 90_000

interface Run {
  readonly child: ChildProcess
  output(): string
  /** Resolves when the output has such a line. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  exit(): Promise<number | null>
}

function etcd(...args: string[]): Run {
  const child = spawn(process.execPath, [START, 'etcd', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, as a terminal gives it one: Ctrl-C reaches all of the group.
    detached: true,
    env: { ...process.env, NO_COLOR: '1' },
  })
  let text = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (more) => {
      text += more
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    child,
    output: () => text,
    exit: () => ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(text)
          if (found) resolve(found)
        }
        listeners.add(look)
        look()
        void ended.then(() => reject(new Error(`it ended, and never said ${pattern}:\n${text}`)))
      }),
  }
}

/** A port whose neighbours, up to that of the last member, are most likely free too. */
const basePort = async () => (await freePort()) + 1

/** The processes whose command line names this directory. */
async function processesIn(directory: string): Promise<number[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')))
  return ids.filter((_, place) => lines[place]!.includes(directory)).map(Number)
}

describe('npm run etcd', () => {
  let directory: string
  const runs: Run[] = []
  const start = (...args: string[]) => {
    const run = etcd('--data-dir', directory, ...args)
    runs.push(run)
    return run
  }
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etcd-alone-'))
  })
  afterAll(async () => {
    for (const { child, exit } of runs) {
      child.kill('SIGTERM')
      await exit()
    }
    await rm(directory, { recursive: true, force: true })
  })

  it(
    'serves clients, brings a killed member back, stops on Ctrl-C without a process left, and goes on at the next start',
    async () => {
      const port = await basePort()
      const first = start('--client-port', String(port), '--json')
      const [line] = await first.said(/^\{"ready":true.*\}$/m)
      const { members } = JSON.parse(line) as { members: { name: string; clientUrl: string; dataDirectory: string }[] }
      expect(members.map(({ clientUrl }) => clientUrl)).toEqual(
        [0, 10, 20].map((more) => `http://127.0.0.1:${port + more}`),
      )
      const client = createEtcdClient({ endpoints: members.map(({ clientUrl }) => clientUrl) })
      await client.put({ key: 'hello', value: 'world' })
      if (hasTool('etcdctl')) {
        const endpoints = members.map(({ clientUrl }) => clientUrl).join(',')
        const { stdout } = spawnSync('etcdctl', ['--endpoints', endpoints, 'get', 'hello'], {
          encoding: 'utf8',
          env: { ...process.env, ETCDCTL_API: '3' },
        })
        expect(stdout).toBe('hello\nworld\n')
      }

      const [victim] = await processesIn(members[0]!.dataDirectory)
      process.kill(victim!, 'SIGKILL')
      await first.said(/etcd-1 was killed by SIGKILL; it is started again\. Its log: .*etcd-1\.log/)
      expect((await client.range({ key: 'hello' })).count, 'with one member down').toBe(1)

      process.kill(-first.child.pid!, 'SIGINT')
      expect(await first.exit()).toBe(130)
      expect(await processesIn(directory), 'processes left').toEqual([])
      client.close()

      const second = start()
      await second.said(/Ready: 3 members\.[\s\S]*etcdctl put hello world/)
      const again = createEtcdClient({ endpoints: [members[2]!.clientUrl] })
      expect((await again.range({ key: 'hello' })).kvs[0]!.value.toString()).toBe('world')
      again.close()

      const other = start('--members', '5')
      expect(await other.exit(), other.output()).toBe(1)
      expect(other.output()).toMatch(/holds a cluster of 3 with --client-port \d+.*choose another --data-dir/)

      const busy = etcd('--data-dir', join(directory, 'other'), '--client-port', String(port))
      runs.push(busy)
      expect(await busy.exit()).toBe(1)
      expect(busy.output()).toMatch(new RegExp(`port ${port} is taken.*--client-port`))
      second.child.kill('SIGTERM')
      expect(await second.exit()).toBe(0)
      expect(await processesIn(directory), 'processes left').toEqual([])
    },
    LIMIT_MS,
  )

  it(
    'says which part of your lab is missing',
    async () => {
      const own = etcd(
        '--data-dir',
        join(directory, 'mine'),
        '--client-port',
        String(await basePort()),
        '--members',
        '1',
        '--mine',
      )
      runs.push(own)
      expect(await own.exit()).toBe(1)
      expect(own.output()).toMatch(/not implemented yet: labs\/01-etcd-raft\/src\/[\s\S]*Next: npm run lab 1/)
    },
    LIMIT_MS,
  )

  it(
    'explains a wrong command line, with exit code 2',
    async () => {
      for (const args of [['--members', '0'], ['--bogus'], ['--cert-file', 'a.crt'], ['--mine', '9']]) {
        const run = etcd('--data-dir', join(directory, 'wrong'), ...args)
        runs.push(run)
        expect(await run.exit(), args.join(' ')).toBe(2)
        expect(run.output(), args.join(' ')).toMatch(/must be a whole number|unknown option|go together|no lab/)
      }
    },
    LIMIT_MS,
  )

  it(
    'is refused a port that something else listens on',
    async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as { port: number }
      const run = etcd('--data-dir', join(directory, 'taken'), '--client-port', String(port - 1))
      runs.push(run)
      expect(await run.exit()).toBe(1)
      expect(run.output()).toMatch(new RegExp(`port ${port} is taken`))
      server.close()
    },
    LIMIT_MS,
  )
})
