/**
 * Members as real processes: killed, restarted, deprived of their majority.
 */
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import type { KeyEvent } from '#kit/etcd-api/messages.ts'
import { eventually } from '#kit/testing/eventually.ts'
import { lesson } from '#kit/testing/lesson.ts'

describe('three members', () => {
  let members: EtcdProcesses
  let client: EtcdClient
  const alone: EtcdClient[] = []

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 3 })
    client = createEtcdClient({ endpoints: members.endpoints })
    await eventually(() => client.put({ key: 'ready' }))
  }, 60_000)
  afterEach(() => {
    for (const one of alone.splice(0)) one.close()
  })
  afterAll(async () => {
    client?.close()
    await members?.stop()
  })

  const only = (name: string) => {
    const one = createEtcdClient({ endpoints: [members.endpoint(name)], timeoutMs: 10_000 })
    alone.push(one)
    return one
  }
  const leader = () =>
    eventually(async () => {
      for (const name of members.names) {
        const status = await only(name)
          .status()
          .catch(() => undefined)
        if (status && status.leader !== '0' && status.leader === status.header?.memberId) return name
      }
      throw new Error('no leader')
    })
  const hashes = () =>
    eventually(async () => {
      const answers = await Promise.all(members.names.map((name) => only(name).hashKV()))
      const distinct = new Set(answers.map(({ hash, header }) => `${hash} at ${header?.revision}`))
      if (distinct.size > 1) throw new Error(`members differ: ${[...distinct].join(', ')}`)
      return distinct
    })

  lesson(
    'any member answers for all',
    {
      scenario: 'A key is put through one member and read, without delay, through the others.',
      rule: 'A linearizable read on any member sees every acknowledged write.',
      source: 'etcd, "KV API guarantees"',
      timeoutMs: 30_000,
    },
    async () => {
      for (const [round, name] of members.names.entries()) {
        await only(name).put({ key: 'shared', value: String(round) })
        for (const reader of members.names) {
          const { kvs } = await only(reader).range({ key: 'shared' })
          expect(kvs[0]!.value.toString(), `written through ${name}, read through ${reader}`).toBe(String(round))
        }
      }
    },
  )

  lesson(
    'the leader is killed: a new one, and no acknowledged write is lost',
    {
      scenario:
        'Writes go on while the leader is killed with -9 and, later, started again. A watch runs all the while.',
      rule: 'What was acknowledged is durable, and a watch sees it once and in order.',
      source: 'Raft §5.4; etcd, "API guarantees"',
      timeoutMs: 60_000,
    },
    async () => {
      const events: KeyEvent[] = []
      const watch = client.watch({ key: 'w/', rangeEnd: 'w0' }, { onEvents: (more) => events.push(...more) })
      const acknowledged: string[] = []
      const killed = await leader()
      for (let write = 0; write < 60; write++) {
        if (write === 20) await members.kill(killed)
        if (write === 40) members.start(killed)
        const key = `w/${String(write).padStart(3, '0')}`
        await eventually(() => client.put({ key, value: 'x' }))
        acknowledged.push(key)
      }
      const { kvs } = await client.range({ key: 'w/', rangeEnd: 'w0' })
      expect(kvs.map(({ key }) => key.toString())).toEqual(acknowledged)
      expect(await leader()).toBeDefined()
      expect((await hashes()).size, 'the restarted member has caught up').toBe(1)
      await eventually(async () => {
        if (events.at(-1)?.kv.key.toString() !== acknowledged.at(-1)) throw new Error('the watch is behind')
      })
      watch.cancel()
      const revisions = events.map(({ kv }) => kv.modRevision)
      expect(revisions, 'in order, none twice').toEqual([...new Set(revisions)].sort((a, b) => a - b))
      expect([...new Set(events.map(({ kv }) => kv.key.toString()))]).toEqual(acknowledged)
    },
  )

  lesson(
    'two of three are down: writes and reads are refused in bounded time, and all is back with them',
    {
      scenario:
        'Two members are killed. The third is asked to write, to read, to read serializably. Then one comes back.',
      rule: 'Without a majority nothing is decided, nothing is read as if it were fresh, and nobody waits for ever.',
      source: 'Raft §5.3, §8; etcd, "Failures"',
      timeoutMs: 60_000,
    },
    async () => {
      await eventually(() => client.put({ key: 'before', value: '1' }))
      await hashes()
      const survivor = members.names.find((name) => name !== 'a')!
      const others = members.names.filter((name) => name !== survivor)
      for (const name of others) await members.kill(name)
      const begun = Date.now()
      const [write, read] = await Promise.allSettled([
        only(survivor).put({ key: 'lonely', value: '1' }),
        only(survivor).range({ key: 'before' }),
      ])
      expect(Date.now() - begun, 'milliseconds until refused').toBeLessThan(15_000)
      for (const refused of [write, read]) {
        expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } })
        expect(String(refused.status === 'rejected' && refused.reason)).toMatch(/request timed out|no leader/)
      }
      const stale = await only(survivor).range({ key: 'before', serializable: true })
      expect(stale.count, 'a serializable read needs nobody').toBe(1)

      members.start(others[0]!)
      await eventually(() => client.put({ key: 'after', value: '1' }))
      expect((await client.range({ key: 'after' })).count).toBe(1)
      members.start(others[1]!)
      expect((await hashes()).size).toBe(1)
    },
  )

  lesson(
    'a paused leader serves nothing old when it wakes up',
    {
      scenario:
        'The leader is stopped (SIGSTOP). The others elect a new one and write. The old leader is woken and asked to read at once.',
      rule: 'A member that slept must not answer from the past.',
      source: 'Raft §8',
      timeoutMs: 60_000,
    },
    async () => {
      const old = await leader()
      await client.put({ key: 'slept', value: 'old' })
      members.signal(old, 'SIGSTOP')
      const rest = createEtcdClient({
        endpoints: members.names.filter((name) => name !== old).map(members.endpoint),
      })
      alone.push(rest)
      await eventually(() => rest.put({ key: 'slept', value: 'new' }))
      members.signal(old, 'SIGCONT')
      const { kvs } = await eventually(() => only(old).range({ key: 'slept' }))
      expect(kvs[0]!.value.toString()).toBe('new')
    },
  )
})

describe('one member and its disk', () => {
  let members: EtcdProcesses
  let client: EtcdClient
  const wal = () => join(members.dataDirectory('a'), 'wal', '0000000000000000-0000000000000001.wal')
  /** Up to where the log has something in it: its length is set ahead. */
  const writtenBytes = async () => (await readFile(wal())).findLastIndex((byte) => byte !== 0) + 1
  const overwrite = async (bytes: Uint8Array, position: number) => {
    const file = await open(wal(), 'r+')
    await file.write(bytes, 0, bytes.length, position)
    await file.close()
  }

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 1 })
    client = createEtcdClient({ endpoints: members.endpoints })
  }, 60_000)
  afterAll(async () => {
    client?.close()
    await members?.stop()
  })

  lesson(
    'cuts a torn end, and keeps everything before it',
    {
      scenario:
        'The member is killed; then half a record is added to its log, as a crash while writing would leave it.',
      rule: 'A torn end was never acknowledged; what came before was.',
      source: 'etcd server/storage/wal',
      timeoutMs: 60_000,
    },
    async () => {
      for (const key of ['x', 'y', 'z']) await eventually(() => client.put({ key, value: key }))
      await members.kill('a')
      await overwrite((await readFile(wal())).subarray(0, 17), await writtenBytes())
      members.start('a')
      const { count } = await eventually(() => client.range({ key: 'x', rangeEnd: '\0' }))
      expect(count).toBe(3)
      await client.put({ key: 'zz', value: '' })
      await members.kill('a')
      members.start('a')
      expect((await eventually(() => client.range({ key: 'x', rangeEnd: '\0' }))).count, 'after another restart').toBe(
        4,
      )
    },
  )

  lesson(
    'refuses to start on a damaged log, and says where the damage is',
    {
      scenario: 'The member is killed, and one byte in the middle of its log is changed.',
      rule: 'Going on without acknowledged entries would break promises; the operator must know.',
      source: 'etcd server/storage/wal, ErrCRCMismatch',
      timeoutMs: 60_000,
    },
    async () => {
      await eventually(() => client.put({ key: 'more', value: 'x'.repeat(100) }))
      await members.kill('a')
      await overwrite(Buffer.from([0xff]), Math.floor((await writtenBytes()) / 2))
      members.start('a')
      expect(await members.exited('a')).toBe(1)
      expect(members.output('a')).toMatch(/0000000000000000-0000000000000001\.wal is damaged at byte \d+/)
      await rm(members.dataDirectory('a'), { recursive: true })
    },
  )
})
