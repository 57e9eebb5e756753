/**
 * Snapshots with real processes: logs stay short, whoever was away catches up, and a restart gives back what was there.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import type { KeyEvent } from '#kit/etcd-api/messages.ts'
import { eventually } from '#kit/testing/eventually.ts'
import { lesson } from '#kit/testing/lesson.ts'

/** Puts `count` values into a hundred keys, 64 at a time. */
async function putMany(client: EtcdClient, count: number): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) {
      const number = next++
      await client.put({ key: `key ${number % 100}`, value: `value ${number}` })
    }
  }
  await Promise.all(Array.from({ length: 64 }, worker))
}

const FEW = ['--snapshot-count', '500', '--experimental-snapshot-catchup-entries', '100']

describe('three members that take a snapshot every 500 entries', () => {
  let members: EtcdProcesses
  let client: EtcdClient
  const rest = ['a', 'b']

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 3, flags: FEW })
    client = createEtcdClient({ endpoints: rest.map((name) => members.endpoint(name)), timeoutMs: 4000 })
    await eventually(() => client.put({ key: 'ready' }))
  }, 60_000)
  afterAll(async () => {
    client?.close()
    await members?.stop()
  })

  /** Rejects unless all members have the same data at the same revision. */
  const oneHash = async () => {
    const answers = await Promise.all(members.endpoints.map((endpoint) => client.hashKV({}, endpoint)))
    const distinct = new Set(answers.map(({ hash, header }) => `${hash} at ${header?.revision}`))
    if (distinct.size > 1) throw new Error(`members differ: ${[...distinct].join(', ')}`)
    return [...distinct][0]!
  }
  const files = async (name: string, kind: 'wal' | 'snap') =>
    (await readdir(join(members.dataDirectory(name), kind))).filter((file) => file.endsWith(`.${kind}`))

  lesson(
    'a member that was away long catches up through a snapshot, and serves watches from before it',
    {
      scenario:
        'One member is killed with -9. Thousands of puts later, its leader has long forgotten the entries that it lacks. It comes back with what it had.',
      rule: 'It becomes what the others are: same hash, and the history that is not compacted can be watched there too.',
      source: 'Raft §7; etcd server/etcdserver/api/rafthttp snapshots',
      timeoutMs: 180_000,
    },
    async () => {
      await putMany(client, 200)
      await eventually(oneHash)
      await members.kill('c')
      await putMany(client, 2500)
      members.start('c')
      await eventually(oneHash)
      expect(members.output('c')).toMatch(/took over the leader's snapshot/)
      expect(await files('c', 'snap')).not.toEqual([])

      const { header } = await client.range({ key: 'ready' })
      const startRevision = header!.revision - 1500
      const alone = createEtcdClient({ endpoints: [members.endpoint('c')] })
      const events: KeyEvent[] = []
      const watch = alone.watch(
        { key: 'key ', rangeEnd: 'key!', startRevision },
        { onEvents: (more) => events.push(...more) },
      )
      await eventually(async () => {
        if (events.at(-1)?.kv.modRevision !== header!.revision) throw new Error('the watch is behind')
      })
      watch.cancel()
      alone.close()
      expect(events.map(({ kv }) => kv.modRevision)).toEqual(events.map((_, place) => startRevision + place))
    },
  )

  lesson(
    'keeps two snapshots and little log',
    {
      scenario: 'The directories after some thousand entries.',
      rule: 'What two snapshots make unnecessary is deleted.',
      source: 'etcd server/etcdserver/server.go purgeFile',
      timeoutMs: 60_000,
    },
    async () => {
      expect(await eventually(() => files('a', 'snap'))).toHaveLength(2)
      expect(await files('a', 'wal')).toHaveLength(1)
    },
  )

  lesson(
    'starts again with what it served before, whenever it is killed',
    {
      scenario:
        'All members are killed with -9 while puts are under way, and with them snapshots; then all start again. Twice.',
      rule: 'Start-up is replay: snapshot and log give the same store, by its hash, and nothing acknowledged is missing.',
      source: 'etcd server/etcdserver/bootstrap.go',
      timeoutMs: 180_000,
    },
    async () => {
      for (let round = 0; round < 2; round++) {
        let acknowledged = 0
        const writing = (async () => {
          for (let number = 0; ; number++) {
            await client.put({ key: 'counter', value: String(number) })
            acknowledged = number
          }
        })().catch(() => {})
        await putMany(client, 700 + 150 * round)
        await Promise.all(members.names.map((name) => members.kill(name)))
        await writing
        for (const name of members.names) members.start(name)
        await eventually(oneHash)
        const { kvs } = await eventually(() => client.range({ key: 'counter' }))
        expect(Number(kvs[0]!.value.toString()), `round ${round}`).toBeGreaterThanOrEqual(acknowledged)
      }
      const before = await eventually(oneHash)
      await Promise.all(members.names.map((name) => members.kill(name)))
      for (const name of members.names) members.start(name)
      expect(await eventually(oneHash)).toBe(before)
    },
  )

  lesson(
    'a known member whose directory was emptied does not start',
    {
      scenario: 'A member is killed, its directory deleted, and it is started as if nothing had been.',
      rule: 'It would vote a second time in a term and deny entries that it has acknowledged, so that a majority forgets what was decided. It must be removed and added anew.',
      source: 'etcd server/etcdserver/bootstrap.go, "member … has already been bootstrapped"',
      timeoutMs: 60_000,
    },
    async () => {
      await members.kill('c')
      await rm(members.dataDirectory('c'), { recursive: true })
      members.start('c')
      expect(await members.exited('c')).toBe(1)
      expect(members.output('c')).toMatch(/has been part of this cluster before, and its data directory is empty/)
      expect(members.output('c')).toMatch(/etcdctl member remove/)
    },
  )
})
