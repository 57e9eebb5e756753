/**
 * Starts a real etcd for a test: one member, its own directory, free ports, stopped and removed afterwards.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { rmdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEtcdClient } from './client.ts'

export interface RealEtcd {
  readonly endpoint: string
  stop(): Promise<void>
}

export interface RealEtcdOptions {
  /** A file from which `etcdctl snapshot restore` makes its data. Needs etcdctl. */
  readonly snapshot?: string
}

export async function startRealEtcd({ snapshot }: RealEtcdOptions = {}): Promise<RealEtcd> {
  const directory = await mkdtemp(join(tmpdir(), 'real-etcd-'))
  const endpoint = `http://127.0.0.1:${await freePort()}`
  const peer = `http://127.0.0.1:${await freePort()}`
  if (snapshot) restore(snapshot, { directory, peer })
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

function restore(snapshot: string, { directory, peer }: { directory: string; peer: string }): void {
  // etcdctl wants to make the directory itself.
  rmdirSync(directory)
  const member = ['--name', 'real', '--initial-cluster', `real=${peer}`, '--initial-advertise-peer-urls', peer]
  const { status, stderr } = spawnSync(
    'etcdctl',
    ['snapshot', 'restore', snapshot, '--data-dir', directory, ...member],
    {
      env: { ...process.env, ETCDCTL_API: '3' },
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(`etcdctl snapshot restore failed: ${stderr}`)
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
