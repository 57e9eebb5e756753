/**
 * Starts a real etcd for a test: one member, its own directory, free ports, stopped and removed afterwards.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEtcdClient } from './client.ts'

export interface RealEtcd {
  readonly endpoint: string
  stop(): Promise<void>
}

export async function startRealEtcd(): Promise<RealEtcd> {
  const directory = await mkdtemp(join(tmpdir(), 'real-etcd-'))
  const endpoint = `http://127.0.0.1:${await freePort()}`
  const peer = `http://127.0.0.1:${await freePort()}`
  const child = spawn(
    'etcd',
    [
      ...['--name', 'real', '--data-dir', directory, '--log-level', 'error'],
      ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `real=${peer}`],
    ],
    { stdio: 'ignore', env: { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch } },
  )
  const client = createEtcdClient({ endpoints: [endpoint] })
  await client.status().finally(() => client.close())
  return {
    endpoint,
    async stop() {
      await ended(child)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/**
 * A port that was free a moment ago, below those that the system gives to outgoing connections: whoever is told a port to listen on needs a moment
 * to do so, and must not find it taken.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exit
}
