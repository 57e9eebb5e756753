/**
 * The write-ahead log's files on a disk that fails: torn, flipped, missing, exchanged, full, crashed at every step.
 */
import { describe, expect } from 'vitest'
import { openWal } from '#etcd/wal/open-wal.ts'
import { type Restored, replay, type WalRecord } from '#etcd/wal/replay.ts'
import { obsoleteSegments } from '#etcd/wal/replay-after.ts'
import { WalDamage } from '#etcd/wal/segment.ts'
import type { WalOptions } from '#etcd/wal/wal-file.ts'
import { diskError, MemoryDisk } from '#kit/sim/memory-disk.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { logText, seeds } from './fixtures.ts'

const DIRECTORY = '/data'
/** So small that a few entries fill it. */
const SMALL = { segmentBytes: 160, reserveBytes: 0 }

const entry = (index: number, term = 1) => ({ index, term, data: `command ${index}` })

const open = (disk: MemoryDisk, options: WalOptions = {}) => openWal(DIRECTORY, { ...SMALL, ...options, disk })

/** A log of several segments, with one entry in each record. */
async function written(count: number, disk = new MemoryDisk()): Promise<MemoryDisk> {
  const { wal } = await open(disk)
  for (let index = 1; index <= count; index++) {
    await wal.append({ hardState: { term: 1, votedFor: 'a', commitIndex: index - 1 }, entries: [entry(index)] })
  }
  return disk
}

async function restored(disk: MemoryDisk): Promise<Restored> {
  const { records } = await open(disk)
  return replay(records)
}

const segments = async (disk: MemoryDisk) => (await disk.list('/data/wal')).filter((name) => name.endsWith('.wal'))

/** What a member finds: how many entries, the first ones of those written; or that it refuses. */
async function found(disk: MemoryDisk): Promise<number | 'refuses'> {
  try {
    const { entries } = await restored(disk)
    expect(entries).toEqual(entries.map((_, place) => entry(place + 1)))
    return entries.length
  } catch (error) {
    expect(error).toBeInstanceOf(WalDamage)
    return 'refuses'
  }
}

async function copied(
  disk: MemoryDisk,
  change: (name: string, bytes: Buffer) => Buffer | undefined,
): Promise<MemoryDisk> {
  const copy = new MemoryDisk()
  for (const name of await segments(disk)) {
    const bytes = change(name, await disk.read(`/data/wal/${name}`))
    if (bytes) copy.put(`/data/wal/${name}`, bytes)
  }
  return copy
}

describe('segments', () => {
  lesson(
    'are cut when they are full, and read as one log',
    {
      scenario: 'Twelve entries are written to a log whose files hold about two each; then it is opened again, twice.',
      rule: 'What was appended is read back, all of it, in order, with the newest term and vote.',
      source: 'etcd server/storage/wal',
    },
    async () => {
      const disk = await written(12)
      expect((await segments(disk)).length).toBeGreaterThan(3)
      expect((await segments(disk))[0]).toBe('0000000000000000-0000000000000001.wal')
      for (const life of ['second', 'third']) {
        const { hardState, entries } = await restored(disk)
        expect(entries.map(({ index }) => index).join(' '), `${life} life`).toBe('1 2 3 4 5 6 7 8 9 10 11 12')
        expect(hardState).toEqual({ term: 1, votedFor: 'a', commitIndex: 11 })
      }
    },
  )

  lesson(
    'let entries be replaced across files',
    {
      scenario: 'Ten entries are written; then a leader of term 2 replaces all from the fourth on.',
      rule: 'An entry makes void everything from its index on that was written before, in whichever file.',
      source: 'etcd server/storage/wal/wal.go ReadAll',
    },
    async () => {
      const disk = await written(10)
      const { wal } = await open(disk)
      await wal.append({ hardState: { term: 2, votedFor: null, commitIndex: 3 }, entries: [entry(4, 2), entry(5, 2)] })
      expect(
        logText((await restored(disk)).entries)
          .match(/\d+:/g)
          ?.join(' '),
      ).toBe('1: 1: 1: 2: 2:')
    },
  )

  lesson(
    'refuse to be read when one is missing, or two are exchanged',
    {
      scenario:
        'Of a log of several files each is taken away in turn; then the contents of each two neighbours are exchanged.',
      rule: 'Each file says which it is, and what was before it. A missing end of the log is the one thing that nobody can notice.',
      source: 'etcd server/storage/wal/util.go isValidSeq',
    },
    async () => {
      const disk = await written(12)
      const names = await segments(disk)
      for (const missing of names.slice(1, -1)) {
        const without = await copied(disk, (name, bytes) => (name === missing ? undefined : bytes))
        expect(await found(without), `${missing} is missing`).toBe('refuses')
      }
      for (const [place, first] of names.slice(0, -1).entries()) {
        const second = names[place + 1]!
        const contents = {
          [first]: await disk.read(`/data/wal/${second}`),
          [second]: await disk.read(`/data/wal/${first}`),
        }
        expect(await found(await copied(disk, (name, bytes) => contents[name] ?? bytes)), `${first} exchanged`).toBe(
          'refuses',
        )
      }
    },
  )

  lesson(
    'name file, place and remedy when they are damaged',
    {
      scenario: 'A bit flips in the middle of the second file.',
      rule: 'The operator must know what is broken and what to do.',
      source: 'LEARNING: symptoms with their place',
    },
    async () => {
      const disk = await written(12)
      const [, second] = await segments(disk)
      const damaged = await copied(disk, (name, bytes) => {
        if (name === second) bytes[70]! ^= 1
        return bytes
      })
      const message = await restored(damaged).then(
        () => 'started',
        (error) => error.message,
      )
      expect(message).toMatch(
        /^\/data\/wal\/0000000000000001-\S+\.wal is damaged at byte \d+: .+ delete its data directory/,
      )
    },
  )

  lesson(
    'a log of an older version is not mistaken for an empty one',
    {
      scenario: 'The directory holds one file as the kit wrote it before there were segments.',
      rule: 'What cannot be read must not be passed over.',
      source: 'DESIGN: errors for people',
    },
    async () => {
      const disk = new MemoryDisk()
      disk.put('/data/wal/0000000000000000.wal', Buffer.from('old'))
      await expect(restored(disk)).rejects.toThrow(/is not a file of this version's log.*Delete \/data\/wal/s)
    },
  )
})

describe('every byte', () => {
  const story = {
    rule: 'A member starts with a beginning of what was written, or refuses. Never with anything else, and never without something in the middle.',
    source: 'etcd server/storage/wal/decoder.go',
  }

  lesson(
    'may be the last one of a file',
    { scenario: 'Each file of a log is cut off at each byte.', ...story },
    async () => {
      const disk = await written(7)
      const names = await segments(disk)
      for (const cut of names) {
        const isLast = cut === names.at(-1)
        const { length } = await disk.read(`/data/wal/${cut}`)
        for (let bytes = 0; bytes < length; bytes++) {
          const damaged = await copied(disk, (name, content) => (name === cut ? content.subarray(0, bytes) : content))
          const result = await found(damaged)
          if (!isLast) expect(result, `${cut} cut at ${bytes} of ${length}`).toBeOneOf(['refuses', 7])
        }
      }
    },
  )

  lesson(
    'may have a bit flipped',
    { scenario: 'In each file of a log, each bit of each byte is flipped.', ...story },
    async () => {
      const disk = await written(5)
      const names = await segments(disk)
      for (const flipped of names) {
        const isLast = flipped === names.at(-1)
        const { length } = await disk.read(`/data/wal/${flipped}`)
        for (let bit = 0; bit < 8 * length; bit++) {
          const damaged = await copied(disk, (name, content) => {
            if (name === flipped) content[bit >> 3]! ^= 1 << (bit & 7)
            return content
          })
          const result = await found(damaged)
          if (!isLast) expect(result, `${flipped}, bit ${bit & 7} of byte ${bit >> 3}`).toBeOneOf(['refuses', 5])
        }
      }
    },
  )
})

describe('a crash', () => {
  lesson(
    'at any step of writing and cutting loses nothing that was acknowledged',
    {
      scenario:
        'Entries are appended and old files released while the power fails at the first, second, third … operation of the disk. What was not synced survives in part.',
      rule: 'What append has resolved is there after the crash; what it has not may be there or not.',
      source: 'Raft figure 2; etcd server/storage/wal',
    },
    async ({ seed }) => {
      for (const number of seeds(12)) {
        seed(number)
        const random = createRandom(number)
        for (let step = 1; ; step++) {
          let operations = 0
          const disk = new MemoryDisk({
            before: () => {
              if (++operations >= step) throw diskError('EIO', 'power failure', '')
            },
          })
          let acknowledged = 0
          const work = async () => {
            const { wal } = await open(disk)
            for (let index = 1; index <= 8; index++) {
              await wal.append({ entries: [entry(index)] })
              acknowledged = index
            }
            await wal.append({ snapshot: { index: 6, term: 1, voters: ['a'], learners: [] }, entries: [] })
            await wal.release(6)
          }
          const failed = await work().then(
            () => false,
            () => true,
          )
          const { records } = await open(disk.crash(random))
          expect(highest(records), `seed ${number}, crash at step ${step}`).toBeGreaterThanOrEqual(acknowledged)
          if (!failed) break
        }
      }
    },
  )
})

describe('a disk that fails', () => {
  lesson(
    'is not believed when it says that it works again',
    {
      scenario: 'One sync fails with an input/output error. The next record would be written without one.',
      rule: 'After a failed sync nobody knows what is on the disk: the system may have given up the page, and call the next sync a success.',
      source: 'Rebello et al., "Can Applications Recover from fsync Failures?"; etcd ends itself too',
    },
    async () => {
      const disk = await written(3)
      const { wal } = await open(disk)
      disk.before = (operation, path) => {
        if (operation === 'sync') throw diskError('EIO', 'fdatasync', path)
      }
      await expect(wal.append({ entries: [entry(4)] })).rejects.toThrow('EIO')
      disk.before = () => {}
      await expect(wal.append({ entries: [entry(5)] })).rejects.toThrow('EIO')
    },
  )
})

describe('a full disk', () => {
  const story = {
    rule: 'Nothing of a record that was not acknowledged stays, and the log goes on as if it had never been tried.',
    source: 'etcd server/storage/wal; DESIGN: a full disk loses nothing',
  }

  lesson(
    'leaves no part of a record behind',
    {
      scenario:
        'The disk has room for the beginning of the next record only. Later there is room again. Every amount of room is tried.',
      ...story,
    },
    async () => {
      for (let room = 0; room < 60; room++) {
        const disk = await written(3)
        const { wal } = await open(disk)
        disk.capacityBytes = wal.size + room
        const big = { entries: [{ ...entry(4), data: 'x'.repeat(60) }] }
        await expect(wal.append(big), `${room} bytes of room`).rejects.toMatchObject({ code: 'ENOSPC' })
        expect(await found(disk.crash(createRandom(room)))).toBe(3)
        disk.capacityBytes = Number.POSITIVE_INFINITY
        await wal.append({ entries: [entry(4)] })
        await wal.append({ entries: [entry(5)] })
        expect(await found(disk)).toBe(5)
      }
    },
  )

  lesson(
    'gives up its reserve first, and says so',
    {
      scenario:
        'The disk is full but for the reserve that the log keeps. Two records are appended, then one that is too long for the reserve.',
      ...story,
    },
    async () => {
      const disk = new MemoryDisk()
      const warnings: string[] = []
      const { wal } = await open(disk, { reserveBytes: 200, onFull: () => warnings.push('full') })
      await wal.append({ entries: [entry(1)] })
      disk.capacityBytes = wal.size + 200
      await wal.append({ entries: [entry(2)] })
      expect(warnings).toEqual(['full'])
      await wal.append({ entries: [entry(3)] })
      await expect(wal.append({ entries: [{ ...entry(4), data: 'x'.repeat(300) }] })).rejects.toThrow('ENOSPC')
      expect(await found(disk), 'after a restart').toBe(3)
      disk.capacityBytes = Number.POSITIVE_INFINITY
      await open(disk, { reserveBytes: 200 })
      expect((await disk.read('/data/wal/reserve')).length, 'made again once there is room').toBe(200)
    },
  )
})

function highest(records: readonly WalRecord[]): number {
  return Math.max(0, ...records.flatMap(({ entries }) => entries.map(({ index }) => index)))
}

describe('release', () => {
  lesson(
    'deletes what lies before a snapshot, and nothing else',
    {
      scenario: 'Twelve entries in several files; a snapshot covers nine.',
      rule: 'The file with the entry of the snapshot stays, and all behind it.',
      source: 'etcd server/storage/wal/wal.go ReleaseLockTo',
    },
    async () => {
      const disk = await written(12)
      const before = await segments(disk)
      const { wal } = await open(disk)
      await wal.release(9)
      const first = (name: string) => ({ name, firstIndex: Number.parseInt(name.slice(17, 33), 16) })
      const obsolete = obsoleteSegments(before.map(first), 9).map(({ name }) => name)
      expect(obsolete.length).toBeGreaterThan(1)
      expect(await segments(disk)).toEqual(before.filter((name) => !obsolete.includes(name)))
      const { records } = await open(disk)
      expect(records.flatMap(({ entries }) => entries.map(({ index }) => index))).toEqual(
        expect.arrayContaining([9, 10, 11, 12]),
      )
    },
  )
})
