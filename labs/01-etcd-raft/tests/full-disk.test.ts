/**
 * Members in one process, each on a disk in memory that fills up when the test says so; between them real sockets.
 */
import { afterEach, describe, expect } from 'vitest'
import { foundCluster } from '#etcd/server/cluster.ts'
import { Engine } from '#etcd/server/engine.ts'
import { systemClock } from '#kit/contracts/clock.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { freePort } from '#kit/etcd-api/real-etcd.ts'
import { MemoryDisk } from '#kit/sim/memory-disk.ts'
import { createRandom } from '#kit/sim/random.ts'
import { until } from '#kit/testing/eventually.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { putRequest, rangeRequest } from './fixtures.ts'

interface Member {
  readonly name: string
  /** Where each is reached: a member's id comes from it. */
  readonly peers: Readonly<Record<string, string>>
  readonly disk: MemoryDisk
  readonly engine: Engine
}

const NO_SPACE = 'etcdserver: mvcc: database space exceeded'

const running: Member[] = []

async function startMember(name: string, peers: Readonly<Record<string, string>>, disk: MemoryDisk, quotaBytes = 0) {
  const initialCluster = Object.entries(peers)
    .map(([peer, url]) => `${peer}=${url}`)
    .join(',')
  const engine = await Engine.start({
    cluster: foundCluster({ name, initialCluster, initialClusterToken: 'test' }),
    dataDirectory: '/data',
    listenPeerUrls: [peers[name]!],
    heartbeatIntervalMs: 30,
    electionTimeoutMs: 300,
    preVote: true,
    snapshots: { snapshotCount: 50, catchUpEntries: 10 },
    quotaBytes,
    disk,
    segmentBytes: 8000,
    reserveBytes: 4000,
    clock: systemClock,
    log: silentLog,
    onFatal: (error) => {
      throw error
    },
    onRemoved: () => {},
  })
  const member = { name, peers, disk, engine }
  running.push(member)
  return member
}

async function startMembers(count: number, quotaBytes?: number): Promise<Member[]> {
  const names = 'abc'.slice(0, count).split('')
  const urls: [string, string][] = []
  for (const name of names) urls.push([name, `http://127.0.0.1:${await freePort()}`])
  const peers = Object.fromEntries(urls)
  return Promise.all(names.map((name) => startMember(name, peers, new MemoryDisk(), quotaBytes)))
}

const put = (engine: Engine, key: string, value = 'x'.repeat(100)) => engine.propose({ put: putRequest(key, value) })
const count = (engine: Engine) =>
  engine.machine.store.range(rangeRequest({ key: 'k', rangeEnd: 'l', countOnly: true })).count
const messageOf = (answer: Promise<unknown>) =>
  answer.then(
    () => 'done',
    (error: Error) => error.message,
  )

/** Puts until one is refused; gives how many were acknowledged, and the refusal. */
async function putUntilRefused(engine: Engine, from = 0): Promise<{ acknowledged: number; message: string }> {
  for (let number = from; number < 5000; number++) {
    const message = await messageOf(put(engine, `k${number}`))
    if (message !== 'done') return { acknowledged: number, message }
  }
  throw new Error('nothing was ever refused')
}

afterEach(async () => {
  for (const { engine } of running.splice(0)) await engine.stop()
})

describe('a disk that fills up', () => {
  const story = {
    rule: 'What was acknowledged is kept. The alarm makes the cluster refuse what needs room; reading and deleting go on.',
    source: 'etcd, "Space quota"; server/etcdserver/api/v3alarm',
  }

  lesson(
    'raises the alarm with its last room, and loses nothing',
    {
      scenario: 'A member on a disk of 20,000 bytes is given values until it refuses. Then the power fails.',
      timeoutMs: 60_000,
      ...story,
    },
    async () => {
      const [member] = await startMembers(1)
      const { engine, disk } = member!
      disk.capacityBytes = 20_000
      await until(() => engine.isLeader(), 'a leader')
      const { acknowledged, message } = await putUntilRefused(engine)
      expect(message).toBe(NO_SPACE)
      expect(acknowledged).toBeGreaterThan(20)
      expect(engine.machine.alarms.list().map(({ alarm }) => alarm)).toEqual(['NOSPACE'])
      await engine.waitForFreshRead()
      expect(count(engine), 'reads go on').toBe(acknowledged)
      expect(await messageOf(engine.propose({ deleteRange: { key: 'k0', rangeEnd: '', prevKv: false } }))).toBe('done')

      running.splice(0)
      const after = disk.crash(createRandom(1))
      await engine.stop()
      after.capacityBytes = Number.POSITIVE_INFINITY
      const again = await startMember('a', member!.peers, after)
      await until(() => again.engine.isLeader(), 'a leader')
      await again.engine.waitForFreshRead()
      expect(count(again.engine)).toBe(acknowledged - 1)
      expect(again.engine.machine.alarms.list(), 'an operator must disarm it').toHaveLength(1)
    },
  )

  lesson(
    'in a cluster, the one that is full makes all refuse',
    {
      scenario: 'The disk of one follower fills up, then values are put through another member.',
      timeoutMs: 60_000,
      ...story,
    },
    async () => {
      const members = await startMembers(3)
      await until(() => members.some(({ engine }) => engine.isLeader()), 'a leader')
      const [full, other] = members.filter(({ engine }) => !engine.isLeader())
      await put(other!.engine, 'k0')
      full!.disk.capacityBytes = 12_000
      const { acknowledged, message } = await putUntilRefused(other!.engine, 1)
      expect(message).toBe(NO_SPACE)
      for (const { name, engine } of members) {
        await engine.waitForFreshRead()
        expect(count(engine), name).toBe(acknowledged)
      }
    },
  )

  lesson(
    'stops a leader that cannot write at all, and the others go on without it',
    {
      scenario:
        "The leader's disk takes nothing more, not even with its reserve. Values are put through the others. Later there is room again.",
      rule: 'Nothing that is not on disk is sent or answered: to the others such a leader is one that is gone.',
      source: 'Raft figure 2',
      timeoutMs: 60_000,
    },
    async () => {
      const members = await startMembers(3)
      await until(() => members.some(({ engine }) => engine.isLeader()), 'a leader')
      const leader = members.find(({ engine }) => engine.isLeader())!
      const others = members.filter((member) => member !== leader)
      await put(leader.engine, 'k0')
      leader.disk.capacityBytes = 0
      leader.disk.before = (operation) => {
        if (operation === 'write') throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' })
      }
      const lost = messageOf(put(leader.engine, 'lost'))
      await until(() => others.some(({ engine }) => engine.isLeader()), 'another leader')
      const settled = async (number: number) => {
        await until(() => others.some(({ engine }) => engine.isLeader()), 'a leader among the others')
        return put(others[0]!.engine, `k${number}`)
      }
      for (let number = 1; number <= 20; number++) await settled(number)
      expect(count(leader.engine), 'the full one knows of none of them').toBe(1)
      expect(leader.engine.machine.store.get('lost'), 'and has applied nothing').toBeUndefined()

      leader.disk.capacityBytes = Number.POSITIVE_INFINITY
      leader.disk.before = () => {}
      await until(() => count(leader.engine) === 21, 'the full one has caught up')
      expect(leader.engine.machine.store.hash()).toBe(others[0]!.engine.machine.store.hash())
      expect(await lost).not.toBe('done')
    },
  )
})

describe('a store that reaches its quota', () => {
  lesson(
    'refuses what needs room until somebody makes some and disarms the alarm',
    {
      scenario:
        'The quota is 8,000 bytes. Values are put until one is refused; then most are deleted, the history is compacted, the alarm disarmed.',
      rule: 'Puts are refused with the alarm, deleting and compacting are not; after disarming, puts are taken again.',
      source: 'etcd, "Space quota"; server/etcdserver/api/v3rpc/quota.go',
      timeoutMs: 60_000,
    },
    async () => {
      const [member] = await startMembers(1, 8000)
      const { engine } = member!
      await until(() => engine.isLeader(), 'a leader')
      const { acknowledged, message } = await putUntilRefused(engine)
      expect(message).toBe(NO_SPACE)
      expect(acknowledged).toBeGreaterThan(30)
      await until(() => engine.machine.alarms.list('NOSPACE').length === 1, 'the alarm')
      expect(await messageOf(put(engine, 'k', ''))).toBe(NO_SPACE)
      await engine.propose({ deleteRange: { key: 'k1', rangeEnd: 'l', prevKv: false } })
      await engine.propose({ compaction: { revision: engine.machine.store.revision } })
      expect(await messageOf(put(engine, 'k', '')), 'the alarm is still there').toBe(NO_SPACE)
      const [raised] = engine.machine.alarms.list()
      await engine.propose({ alarm: { action: 'DEACTIVATE', ...raised! } })
      expect(await messageOf(put(engine, 'k'))).toBe('done')
    },
  )
})
