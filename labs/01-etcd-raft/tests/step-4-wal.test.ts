import { describe, expect } from 'vitest'
import { createRaftState } from '#etcd/raft/create-state.ts'
import { Raft } from '#etcd/raft/raft.ts'
import { handleReady } from '#etcd/server/handle-ready.ts'
import { encodeRecord, HEADER_BYTES, readRecords } from '#etcd/wal/record.ts'
import { replay } from '#etcd/wal/replay.ts'
import type { Ready } from '#kit/raft/messages.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { appendResponse, entries, logText, onlyMessage, refusal, seeds, simulate, voteRequest } from './fixtures.ts'

const payload = (text: string) => Buffer.from(text)
const fileOf = (...texts: string[]) => Buffer.concat(texts.map((text) => encodeRecord(payload(text))))
const texts = (payloads: readonly Uint8Array[]) => payloads.map((bytes) => Buffer.from(bytes).toString())

/** What a file reads as, in words. */
function reading(file: Uint8Array): string {
  const result = readRecords(file)
  if (!result.ok) return `damaged at ${result.offset}`
  return `${texts(result.payloads).join(' ')} | next at ${result.validBytes} of ${file.length}`
}

describe('encodeRecord', () => {
  lesson(
    'frames a payload with its length and two checksums',
    {
      scenario: 'The payload "hello" is framed. 0x3610a686 is its CRC-32.',
      rule: 'Length, checksum of the payload, checksum of these 8 bytes, payload; little-endian.',
      source: 'the record format at the head of wal/record.ts',
    },
    () => {
      expect(Buffer.from(encodeRecord(payload('hello'))).toString('hex')).toBe('0500000086a61036f09e7dbd68656c6c6f')
    },
  )
})

describe('readRecords', () => {
  lesson(
    'finds nothing in a new file',
    {
      scenario: 'The member starts for the first time.',
      rule: 'An empty file is a whole log without records.',
      source: 'etcd server/storage/wal',
    },
    () => expect(reading(Buffer.alloc(0))).toBe(' | next at 0 of 0'),
  )

  lesson(
    'reads back what was written',
    {
      scenario: 'A log of three records, one of them empty, was closed properly.',
      rule: 'What was written is read, all of it, in order.',
      source: 'etcd server/storage/wal',
    },
    () => {
      expect(reading(fileOf('one', '', 'three'))).toBe('one  three | next at 44 of 44')
    },
  )

  lesson(
    'drops a torn end, wherever the write stopped',
    {
      scenario: 'The machine lost power while the third record was written: the file ends somewhere inside it.',
      rule: 'An incomplete record at the end was never acknowledged: it is dropped, and the next record takes its place.',
      source: 'etcd server/storage/wal/decoder.go, ErrUnexpectedEOF',
    },
    () => {
      const whole = fileOf('one', 'two')
      const torn = encodeRecord(payload('three'))
      for (let written = 0; written < torn.length; written++) {
        const file = Buffer.concat([whole, torn.subarray(0, written)])
        expect(reading(file), `${written} bytes of the third record`).toBe(`one two | next at 30 of ${30 + written}`)
      }
    },
  )

  lesson(
    'drops an end that the file system filled with zeros',
    {
      scenario: 'After a crash the file is as long as it should be, but what was not synced reads as zeros.',
      rule: 'A record that fails its checksum is a torn end if nothing but zeros follows it.',
      source: 'etcd server/storage/wal/decoder.go, isTornEntry',
    },
    () => {
      const blank = Buffer.concat([fileOf('one'), Buffer.alloc(100)])
      expect(reading(blank)).toBe(`one | next at 15 of ${blank.length}`)
      const halfWritten = fileOf('one', 'two', 'three').fill(0, 15 + HEADER_BYTES)
      expect(reading(halfWritten)).toBe(`one | next at 15 of ${halfWritten.length}`)
    },
  )

  lesson(
    'reports damage in the middle instead of dropping what follows',
    {
      scenario:
        'One bit of the file flips, in a record that has others behind it: in its length, a checksum or its content.',
      rule: 'Records behind the damage were acknowledged. To go on without them would break promises.',
      source: 'etcd server/storage/wal/decoder.go, ErrCRCMismatch',
    },
    () => {
      const file = fileOf('one', 'two', 'three')
      for (let byte = 15; byte < 30; byte++) {
        for (const bit of [0, 3, 7]) {
          const damaged = Buffer.from(file)
          damaged[byte]! ^= 1 << bit
          expect(reading(damaged), `bit ${bit} of byte ${byte}`).toBe('damaged at 15')
        }
      }
    },
  )
})

describe('replay', () => {
  lesson(
    'takes the last hard state, and lets later entries replace earlier ones',
    {
      scenario: 'The member wrote three entries of term 1; then a leader of term 2 replaced all from the second on.',
      rule: 'An entry makes void everything from its index on that was written before.',
      source: 'etcd server/storage/wal/wal.go ReadAll',
    },
    () => {
      const first = { term: 1, votedFor: 'a', commitIndex: 0 }
      const second = { term: 2, votedFor: null, commitIndex: 1 }
      const restored = replay([
        { hardState: first, entries: entries('1:x 1:y 1:z') },
        { hardState: second, entries: [] },
        { entries: entries('2:w', 2) },
      ])
      expect(restored.hardState).toEqual(second)
      expect(logText(restored.entries)).toBe('1:x 2:w')
      expect(replay([])).toEqual({ hardState: undefined, entries: [] })
    },
  )

  lesson(
    'refuses a log with a hole',
    {
      scenario: 'Entry 2 follows nothing: entry 1 is gone.',
      rule: 'What was written must all be there.',
      source: 'etcd server/storage/wal/wal.go, ErrSliceOutOfRange',
    },
    () => {
      expect(refusal(() => replay([{ entries: entries('1:y', 2) }])) !== '', 'whether an error is thrown').toBe(true)
    },
  )
})

describe('handleReady', () => {
  /** Runs a Ready with a disk that takes its time, and tells what happened in which order. */
  async function orderOf(ready: Partial<Ready>): Promise<string[]> {
    const happened: string[] = []
    await handleReady(
      { entries: [], messages: [], committedEntries: [], reads: [], ...ready },
      {
        async persist(record) {
          happened.push(`write ${record.hardState ? 'hard state, ' : ''}${record.entries.length} entries`)
          await new Promise((resolve) => setImmediate(resolve))
          happened.push('on disk')
        },
        send: (message) => happened.push(`send ${message.type}`),
        apply: (entry) => happened.push(`apply ${entry.index}`),
        serve: (read) => happened.push(`serve ${read.context}`),
      },
    )
    return happened
  }

  const story = {
    scenario: 'A Ready has everything: hard state, entries, a message, committed entries, a read.',
    rule: 'Nothing is sent before it is on disk; reads see what is applied.',
    source: 'Raft figure 2; etcd-io/raft doc.go',
  }

  lesson('waits for the disk before anything leaves', story, async () => {
    const order = await orderOf({
      hardState: { term: 1, votedFor: 'b', commitIndex: 0 },
      entries: entries('1:x 1:y'),
      messages: [appendResponse()],
      committedEntries: entries('1:x 1:y'),
      reads: [{ context: 'r', index: 2 }],
    })
    expect(order).toEqual([
      'write hard state, 2 entries',
      'on disk',
      'send AppendResponse',
      'apply 1',
      'apply 2',
      'serve r',
    ])
  })

  lesson(
    'persists a vote even when no entries come with it, and leaves the disk alone when nothing changed',
    story,
    async () => {
      const vote = { hardState: { term: 1, votedFor: 'b', commitIndex: 0 }, messages: [appendResponse()] }
      expect(await orderOf(vote)).toEqual(['write hard state, 0 entries', 'on disk', 'send AppendResponse'])
      expect(await orderOf({ messages: [appendResponse()] })).toEqual(['send AppendResponse'])
    },
  )
})

describe('a cluster on crashing disks', () => {
  lesson(
    'a member that voted, crashed and came back stands by its vote',
    {
      scenario:
        'a voted for b in term 3, and its log says so. It crashes and starts again; c asks for its vote in term 3, then b once more.',
      rule: 'A member votes once in a term, however often it starts in between.',
      source: 'Raft §5.2, figure 2 "Persistent state"',
    },
    () => {
      const { hardState, entries: held } = replay([
        { hardState: { term: 2, votedFor: 'a', commitIndex: 0 }, entries: entries('2:x') },
        { hardState: { term: 3, votedFor: 'b', commitIndex: 0 }, entries: [] },
        { entries: entries('2:y', 2) },
      ])
      const start = { id: 'a', voters: ['a', 'b', 'c'], seed: 7, entries: held }
      const raft = new Raft(createRaftState(hardState ? { ...start, hardState } : start))
      const asked = (from: string) => {
        raft.step(voteRequest({ from, term: 3, lastLogIndex: 2, lastLogTerm: 2 }))
        return onlyMessage(raft.ready().messages, 'VoteResponse').granted
      }
      expect({ c: asked('c'), b: asked('b') }, 'votes granted').toEqual({ c: false, b: true })
    },
  )

  lesson(
    'restores from any prefix of its log exactly what was promised',
    {
      scenario:
        'Members write their logs as records. The power fails at a random byte; what was synced before must come back.',
      rule: 'Every record that was written whole is read back; the rest is as if it had never been.',
      source: 'etcd server/storage/wal',
    },
    ({ seed }) => {
      for (const number of seeds(100)) {
        seed(number)
        const random = createRandom(number)
        const records = Array.from({ length: 1 + random.below(8) }, () => 'x'.repeat(random.below(40)))
        const file = fileOf(...records)
        const cut = random.below(file.length + 1)
        const ends = records.map((_, count) => fileOf(...records.slice(0, count + 1)).length)
        const whole = ends.filter((end) => end <= cut).length
        const expected = `${records.slice(0, whole).join(' ')} | next at ${ends[whole - 1] ?? 0} of ${cut}`
        expect(reading(file.subarray(0, cut)), `seed ${number}`).toBe(expected)
      }
    },
  )

  lesson(
    'keeps every promise when members crash all the time',
    {
      scenario:
        'Three members crash often, between any two steps of handling a Ready, and start from what their disk holds.',
      rule: 'A promise is on disk before anyone hears of it, so no crash can break it.',
      source: 'Raft figure 2, "Persistent state"',
    },
    ({ seed }) => {
      for (const number of seeds(25)) {
        seed(number)
        const cluster = simulate({ members: 3, seed: number, faults: { crash: 0.02, loss: 0.02 } })
        for (let round = 0; round < 40; round++) {
          for (const id of cluster.ids) cluster.propose(id, `${round}${id}`)
          cluster.run(100)
        }
        expect(cluster.judge.committed.length, `entries decided with seed ${number}`).toBeGreaterThan(3)
      }
    },
  )
})
