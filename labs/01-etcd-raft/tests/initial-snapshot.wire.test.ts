/**
 * A cluster that goes on where another one was: from a file that etcdctl saved of a real etcd, or of our own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { refusalOf, serving } from './api/targets.ts'
import { etcdctl } from './etcdctl.ts'

describeWith(['etcd', 'etcdctl'], 'three of our members, begun with a snapshot', () => {
  let directory: string
  let members: EtcdProcesses | undefined
  const clients: EtcdClient[] = []

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'initial-snapshot-'))
  })
  afterAll(async () => {
    for (const client of clients) client.close()
    await members?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const clientOf = async (endpoints: readonly string[]) => {
    const client = createEtcdClient({ endpoints })
    clients.push(client)
    await serving(client)
    return client
  }

  lesson(
    'hold what a real etcd held, with its history and its leases, and still do when they are started again',
    {
      scenario:
        'A real etcd is written to, compacted, and saved. Three members begin with the file; one is killed and comes back.',
      rule: 'A snapshot holds the store and the leases; who the members are is the new cluster’s own.',
      source: 'etcdutl snapshot restore',
      timeoutMs: 90_000,
    },
    async () => {
      const file = join(directory, 'real.db')
      const real = await startEtcdProcesses({ members: 1, program: 'real' })
      const { hash, revision, old } = await (async () => {
        try {
          const client = await clientOf(real.endpoints)
          await client.leaseGrant({ ID: '777', TTL: 600 })
          for (let value = 0; value < 200; value++) await client.put({ key: `k${value % 20}`, value: String(value) })
          await client.put({ key: 'leased', lease: '777' })
          const past = (await client.deleteRange({ key: 'k1', rangeEnd: 'k2' })).header!.revision
          await client.compact({ revision: past - 50, physical: true })
          const last = (await client.put({ key: 'k0', value: 'last' })).header!.revision
          etcdctl(real.endpoints).say('snapshot', 'save', file)
          return { hash: (await client.hashKV()).hash, revision: last, old: past }
        } finally {
          await real.stop()
        }
      })()

      members = await startEtcdProcesses({ members: 3, flags: ['--initial-snapshot', file] })
      for (const endpoint of members.endpoints) await clientOf([endpoint])
      const client = await clientOf(members.endpoints)
      const now = await client.range({ key: 'k', rangeEnd: 'l' })
      expect(now.header!.revision).toBe(revision)
      expect(now.count).toBe(9)
      expect(String((await client.range({ key: 'k0' })).kvs[0]!.value)).toBe('last')
      expect((await client.range({ key: 'k', rangeEnd: 'l', revision: old - 1 })).count).toBe(20)
      expect(await refusalOf(client.range({ key: 'k0', revision: old - 51 }))).toContain('compacted')
      const { keys, TTL } = await client.leaseTimeToLive({ ID: '777', keys: true })
      expect(keys.map(String)).toEqual(['leased'])
      expect(TTL).toBeGreaterThan(500)
      for (const endpoint of members.endpoints) expect((await client.hashKV({}, endpoint)).hash, endpoint).toBe(hash)
      expect((await client.memberList()).members.map(({ name }) => name).sort()).toEqual(['a', 'b', 'c'])

      const added = (await client.put({ key: 'new' })).header!.revision
      expect(added).toBe(revision + 1)
      await members.kill('b')
      members.start('b')
      const alone = await clientOf([members.endpoint('b')])
      expect((await alone.range({ key: 'new' })).header!.revision).toBe(added)
      expect((await alone.hashKV()).hash).toBe((await client.hashKV()).hash)
    },
  )

  lesson(
    'do not start with a damaged file, and say why',
    {
      scenario: 'A member is started with a file that is no snapshot.',
      rule: 'Better not to start than to start with less than one was given.',
      source: 'etcdutl snapshot restore',
      timeoutMs: 60_000,
    },
    async () => {
      const file = join(directory, 'damaged.db')
      await writeFile(file, 'not a snapshot')
      const refused = await startEtcdProcesses({ members: 1, flags: ['--initial-snapshot', file] })
      expect(await refused.exited('a')).not.toBe(0)
      expect(refused.output('a')).toContain(`--initial-snapshot ${file}: this is no bbolt file`)
      await refused.stop()
    },
  )
})
