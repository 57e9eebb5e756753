/**
 * A member's whole storage, snapshots and log, on a disk that tears, flips and crashes: what was served before is served after, or the start is refused.
 */
import { describe, expect } from 'vitest'
import { encodeCommand, type Request } from '#etcd/server/command.ts'
import { Snapshotter } from '#etcd/server/snapshotter.ts'
import { StateMachine } from '#etcd/server/state-machine.ts'
import { Storage } from '#etcd/server/storage.ts'
import { SnapshotDirectory } from '#etcd/snapshot/snapshot-directory.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { hashVersions } from '#kit/etcd-api/key-bucket.ts'
import { diskError, MemoryDisk } from '#kit/sim/memory-disk.ts'
import { createRandom, type Random } from '#kit/sim/random.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { deleteRequest, putRequest, seeds, txnRequest } from './fixtures.ts'

const MEMBERS = { voters: ['a', 'b'], learners: ['c'] }
const clock = new VirtualClock()

const command = (number: number, request: Request) => ({
  term: 1,
  index: number,
  data: encodeCommand({ id: `${number}`, ...request }),
})

/** What clients ask of a store, at random: puts, deletes, transactions, leases, compactions, alarms. */
function randomRequest(random: Random, machine: StateMachine): Request {
  const key = `k${random.below(6)}`
  const put = { requestPut: putRequest(key, `v${random.below(1000)}`) }
  const lease = String(1 + random.below(3))
  return random.pick<() => Request>([
    () => ({ put: putRequest(key, `v${random.below(1000)}`) }),
    () => ({ put: putRequest(key, 'leased', { lease }) }),
    () => ({ deleteRange: deleteRequest(key) }),
    () => ({ txn: txnRequest({ success: [put, { requestPut: putRequest('a', 'in the same revision') }] }) }),
    () => ({ leaseGrant: { ID: lease, TTL: 60 } }),
    () => ({ leaseRevoke: { ID: lease } }),
    () => ({ compaction: { revision: Math.max(1, machine.store.revision - random.below(5)) } }),
    () => ({ alarm: { action: random.chance(0.5) ? 'ACTIVATE' : 'DEACTIVATE', memberID: '7', alarm: 'NOSPACE' } }),
  ])()
}

/** All that clients can see of a state machine, in one text. */
async function seen(machine: StateMachine): Promise<string> {
  const { store, lessor, alarms, members } = machine
  const contents = store.contents()
  const hash = await hashVersions(contents.versions, contents)
  const history = store.changesFrom(Math.max(0, store.compactRevision + 1))
  const leases = lessor
    .ids()
    .sort()
    .map((id) => lessor.view(id))
  return JSON.stringify([
    store.revision,
    store.compactRevision,
    hash,
    store.hash(),
    history,
    leases,
    alarms.list(),
    members.contents(),
  ])
}

const open = (disk: MemoryDisk) =>
  Storage.open({ disk, dataDirectory: '/data', log: silentLog, segmentBytes: 400, reserveBytes: 0 })

/** As a member does it at a start: the snapshot, then the entries after it. */
async function restarted(disk: MemoryDisk) {
  const { storage, found } = await open(disk)
  const machine = new StateMachine(clock)
  if (found.snapshot) machine.restore(found.snapshot.head, found.snapshot.store)
  for (const entry of found.restored.entries) machine.apply(entry)
  const applied = found.restored.entries.at(-1)?.index ?? found.snapshot?.head.index ?? 0
  return { storage, found, machine, applied }
}

/** A member alone, with a snapshot every eight entries. */
async function life(
  disk: MemoryDisk,
  entries: number,
  random: Random,
  acknowledge: (index: number, machine: StateMachine) => void,
) {
  const { storage, machine, found, applied } = await restarted(disk)
  let index = applied
  const core = { snapshotMetadata: () => ({ index, term: 1, ...MEMBERS }), compact: () => {} }
  const snapshotter = new Snapshotter(
    {
      core,
      contents: () => machine.contents(),
      versionCount: () => machine.store.versionCount,
      storage,
      policy: { snapshotCount: 8, catchUpEntries: 2 },
      log: silentLog,
      onFull: () => {},
    },
    found.snapshot?.head.index ?? 0,
  )
  for (let count = 0; count < entries; count++) {
    const entry = command(index + 1, randomRequest(random, machine))
    await storage.wal.append({ entries: [entry] })
    machine.apply(entry)
    index += 1
    acknowledge(index, machine)
    snapshotter.consider(index)
    // Sometimes the snapshot is written while more is applied.
    if (random.chance(0.7)) await snapshotter.stop()
  }
  await snapshotter.stop()
}

const files = async (disk: MemoryDisk) =>
  (await disk.list('/data/snap')).filter((name) => name.endsWith('.snap')).map((name) => `/data/snap/${name}`)

async function copied(disk: MemoryDisk, change: (path: string, bytes: Buffer) => Buffer): Promise<MemoryDisk> {
  const copy = new MemoryDisk()
  for (const directory of ['/data/wal', '/data/snap']) {
    for (const name of await disk.list(directory)) {
      const path = `${directory}/${name}`
      copy.put(path, change(path, await disk.read(path)))
    }
  }
  return copy
}

describe('a start', () => {
  lesson(
    'gives back what was there, from snapshot and log',
    {
      scenario:
        'A member carries out random requests and takes a snapshot every eight entries; after each life it is started again.',
      rule: 'Start-up is replay: same revisions, same hashes, same history for watches, same leases with their keys, same alarms.',
      source: 'etcd server/etcdserver/bootstrap.go',
    },
    async ({ seed }) => {
      for (const number of seeds(40)) {
        seed(number)
        const random = createRandom(number)
        const disk = new MemoryDisk()
        for (let round = 0; round < 3; round++) {
          let before: StateMachine | undefined
          await life(disk, 5 + random.below(30), random, (_, machine) => {
            before = machine
          })
          const { machine, found } = await restarted(disk)
          expect(await seen(machine), `seed ${number}, life ${round}`).toBe(await seen(before!))
          expect((await files(disk)).length).toBeLessThanOrEqual(2)
          if (round === 2) expect(found.snapshot, `seed ${number}`).toBeDefined()
        }
      }
    },
  )

  lesson(
    'after a crash at any step of a snapshot loses nothing',
    {
      scenario:
        'The power fails at the first, second, third … operation of the disk: while a snapshot is written, renamed or marked, or old files are deleted.',
      rule: 'All that was acknowledged is there. What is half done counts as not done.',
      source: 'etcd server/etcdserver/api/snap; server/storage/wal',
      timeoutMs: 60_000,
    },
    async ({ seed }) => {
      for (const number of seeds(2)) {
        seed(number)
        for (let step = 1; ; step++) {
          const random = createRandom(number)
          let operations = 0
          const disk = new MemoryDisk({
            before: () => {
              if (++operations >= step) throw diskError('EIO', 'power failure', '')
            },
          })
          const states = new Map<number, string>()
          const seenAt: Promise<void>[] = []
          let acknowledged = 0
          const failed = await life(disk, 36, random, (index, machine) => {
            acknowledged = index
            seenAt.push(seen(machine).then((state) => void states.set(index, state)))
          }).then(
            () => operations >= step,
            (error: NodeJS.ErrnoException) => {
              if (error.code !== 'EIO') throw error
              return true
            },
          )
          await Promise.all(seenAt)
          const { machine, applied } = await restarted(disk.crash(random))
          expect(applied, `seed ${number}, step ${step}`).toBeGreaterThanOrEqual(acknowledged)
          if (applied === acknowledged && applied > 0) {
            expect(machine.store.revision, `seed ${number}, step ${step}`).toBe(JSON.parse(states.get(applied)!)[0])
          }
          if (!failed) break
        }
      }
    },
  )

  lesson(
    'from a damaged snapshot takes the one before, whatever byte is wrong',
    {
      scenario: 'Of the newest snapshot file each byte is changed in turn; then the file is cut off at each byte.',
      rule: 'A snapshot that is not whole is put aside; the one before it and the log since then give the same.',
      source: 'etcd server/etcdserver/api/snap/snapshotter.go (".broken")',
      timeoutMs: 60_000,
    },
    async () => {
      const disk = new MemoryDisk()
      const random = createRandom(5)
      let whole = ''
      await life(disk, 30, random, () => {})
      const undamaged = await restarted(disk)
      whole = await seen(undamaged.machine)
      const newest = (await files(disk)).at(-1)!
      const { length } = await disk.read(newest)
      for (let byte = 0; byte < length; byte++) {
        const flipped = await copied(disk, (path, bytes) => {
          if (path === newest) bytes[byte]! ^= 1 << (byte % 8)
          return bytes
        })
        expect(await seen((await restarted(flipped)).machine), `byte ${byte} of ${length} changed`).toBe(whole)
        expect(await flipped.list('/data/snap')).toContain(`${newest.slice('/data/snap/'.length)}.broken`)
        const cut = await copied(disk, (path, bytes) => (path === newest ? bytes.subarray(0, byte) : bytes))
        expect(await seen((await restarted(cut)).machine), `cut at ${byte} of ${length}`).toBe(whole)
      }
    },
  )

  lesson(
    'without any whole snapshot is refused, if the log does not reach back',
    {
      scenario: 'Both snapshot files are damaged.',
      rule: 'Rather not at all than with less than was acknowledged; and the message says what to do.',
      source: 'DESIGN: errors for people',
    },
    async () => {
      const disk = new MemoryDisk()
      await life(disk, 40, createRandom(6), () => {})
      const damaged = await copied(disk, (path, bytes) => (path.endsWith('.snap') ? bytes.subarray(0, -3) : bytes))
      const message = await restarted(damaged).then(
        () => 'started',
        (error: Error) => error.message,
      )
      expect(message).toMatch(
        /the snapshot \S+\.snap and \S+\.snap is damaged, and without it the log is not whole: .*delete its data directory/,
      )
    },
  )

  lesson(
    'is refused when the first file of the log is gone',
    {
      scenario: 'A log in several files, without a snapshot; somebody has deleted the first.',
      rule: 'Rather not at all than with less than was acknowledged; and the message says what to do.',
      source: 'etcd server/storage/wal ErrFileNotFound',
    },
    async () => {
      const disk = new MemoryDisk()
      const { storage } = await open(disk)
      for (let number = 1; number <= 12; number++) {
        await storage.wal.append({ entries: [command(number, { put: putRequest('k', 'x'.repeat(50)) })] })
      }
      const [first] = await disk.list('/data/wal')
      await disk.remove(`/data/wal/${first}`)
      await expect(restarted(disk)).rejects.toThrow(
        /the log is not whole: entry 1 is missing.*delete its data directory/,
      )
    },
  )
})

describe('a snapshot from a leader', () => {
  lesson(
    'counts only when all of it has come',
    {
      scenario: 'The content of a snapshot arrives in pieces, and ends at each of its bytes in turn.',
      rule: 'What is not whole is thrown away; what is whole takes its place at once.',
      source: 'etcd server/etcdserver/api/snap/db.go SaveDBFrom',
    },
    async () => {
      const disk = new MemoryDisk()
      await life(disk, 10, createRandom(7), () => {})
      const [file] = await files(disk)
      const bytes = await disk.read(file!)
      const id = { index: 8, term: 1 }
      async function* pieces(end: number) {
        for (let from = 0; from < end; from += 7) yield bytes.subarray(from, Math.min(end, from + 7))
      }
      for (let end = 0; end < bytes.length; end++) {
        const receiver = await SnapshotDirectory.open(new MemoryDisk(), '/data')
        await expect(receiver.receive(id, pieces(end)), `${end} of ${bytes.length} bytes`).rejects.toThrow(/snap/)
        expect(receiver.found).toEqual([])
      }
      const receiver = await SnapshotDirectory.open(new MemoryDisk(), '/data')
      await receiver.receive(id, pieces(bytes.length))
      expect(receiver.found, 'not yet a snapshot of ours').toEqual([])
      await receiver.accept(id)
      expect(receiver.found).toEqual([id])
    },
  )
})
