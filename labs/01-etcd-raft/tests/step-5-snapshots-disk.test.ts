import { describe, expect } from 'vitest'
import type { WalRecord } from '#etcd/wal/replay.ts'
import { dueSnapshot, obsoleteSegments, replayAfter, usableSnapshots } from '#etcd/wal/replay-after.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { entries, logText, refusal, seeds } from './fixtures.ts'

/** What comes of something that should be refused with an error; its wording is the learner's. */
const outcome = (run: () => unknown): string => (refusal(run) === '' ? 'no error' : 'an error')

const mark = (index: number, term: number): WalRecord => ({
  snapshot: { index, term, voters: ['a', 'b', 'c'], learners: [] },
  entries: [],
})

/** A log is told as its records: `'1:a 1:b'` for entries, from an index on with `'3 2:c'`; a mark is a record. */
const wrote = (text: string, from = 1): WalRecord => ({ entries: entries(text, from) })

const shown = (index: number, term: number, records: readonly WalRecord[]) =>
  logText(replayAfter({ index, term }, records).entries)

describe('usableSnapshots', () => {
  const story = {
    scenario: 'Three snapshot files are found; the log has marks for two of them, and one of a file that is gone.',
    rule: 'A file counts only if the log has its mark: without one it may be the leftover of a crash.',
    source: 'etcd server/storage/wal ValidSnapshotEntries; snap.LoadNewestAvailable',
  }
  const found = [
    { index: 10, term: 1 },
    { index: 40, term: 3 },
    { index: 30, term: 2 },
  ]

  lesson('are those with a mark in the log, the newest first', story, () => {
    const records = [mark(10, 1), mark(20, 1), mark(30, 2)]
    expect(usableSnapshots(found, records)).toEqual([
      { index: 30, term: 2 },
      { index: 10, term: 1 },
    ])
    expect(usableSnapshots(found, []), 'without any mark').toEqual([])
  })

  lesson('must have the mark of their own term', story, () => {
    expect(usableSnapshots(found, [mark(40, 2), mark(10, 1)])).toEqual([{ index: 10, term: 1 }])
  })
})

describe('replayAfter', () => {
  lesson(
    'gives the entries behind the snapshot',
    {
      scenario: 'Five entries are in the log; the snapshot covers three of them, and its mark was written between.',
      rule: 'What the snapshot covers is passed over; what follows is the log.',
      source: 'etcd server/storage/wal ReadAll',
    },
    () => {
      const records = [wrote('1:a 1:b'), wrote('1:c 2:d', 3), mark(3, 1), wrote('2:e', 5)]
      expect(shown(3, 1, records)).toBe('2:d 2:e')
      expect(shown(0, 0, records), 'without the snapshot, from the beginning').toBe('1:a 1:b 1:c 2:d 2:e')
      expect(shown(5, 2, [...records, mark(5, 2)]), 'with one that covers all').toBe('')
    },
  )

  lesson(
    'takes the last hard state and lets later entries replace earlier ones',
    {
      scenario:
        'Behind the snapshot a leader of term 3 has replaced entries: once from the fifth on, once from within what the snapshot covers later.',
      rule: 'An entry makes void everything from its index on that was written before.',
      source: 'etcd server/storage/wal ReadAll',
    },
    () => {
      const first = { term: 1, votedFor: 'a', commitIndex: 0 }
      const second = { term: 3, votedFor: null, commitIndex: 3 }
      const records = [
        { ...wrote('1:a 1:b 1:c 1:d 1:e 1:f'), hardState: first },
        { ...wrote('3:x', 5), hardState: second },
      ]
      const restored = replayAfter({ index: 3, term: 1 }, records)
      expect(logText(restored.entries)).toBe('1:d 3:x')
      expect(restored.hardState).toEqual(second)
      const covered = [wrote('1:a 1:b 1:c 1:d 1:e'), wrote('2:x 2:y', 2), mark(3, 2)]
      expect(shown(3, 2, covered), 'the fourth and the fifth were void').toBe('')
    },
  )

  lesson(
    'reads a log whose beginning is deleted',
    {
      scenario: 'The files with the entries 1 to 6 are gone, since a snapshot covers 7.',
      rule: 'What the snapshot covers may be missing; what comes after may not.',
      source: 'etcd server/storage/wal ErrSliceOutOfRange',
    },
    () => {
      const records = [wrote('2:g 2:h', 7), mark(7, 2), wrote('2:i', 9)]
      expect(shown(7, 2, records)).toBe('2:h 2:i')
      expect(
        outcome(() => replayAfter({ index: 4, term: 1 }, records)),
        'from the snapshot up to 4',
      ).toBe('an error')
      expect(
        outcome(() => replayAfter({ index: 0, term: 0 }, records)),
        'without a snapshot',
      ).toBe('an error')
    },
  )

  lesson(
    'begins anew behind a snapshot that came from a leader',
    {
      scenario:
        'A follower wrote the entries 1 to 9 of term 2, which nobody decided. Then it took over a snapshot that ends at 6, of term 4; then came entry 7. Or the crash was before that.',
      rule: 'Such a snapshot replaces the whole log. Entries that it made void must not come back: with them the log ends in an old term, and votes for those who lack what is decided.',
      source: 'Raft §7, "discards its entire log"; §5.4.1',
    },
    () => {
      const before = [wrote('2:a 2:b 2:c 2:d 2:e 2:f 2:g 2:h 2:i'), mark(6, 4)]
      expect(shown(6, 4, [...before, wrote('4:z', 7)])).toBe('4:z')
      expect(shown(6, 4, before), 'when the crash came right after the mark').toBe('')
    },
  )

  lesson(
    'notices that it would go back to before a snapshot that came from a leader',
    {
      scenario:
        'The log has three entries and the mark of a snapshot that ends at 50. Its file is damaged, so the member tries to start with the log alone.',
      rule: 'The entries 4 to 50 were acknowledged and are in no other place. Whoever starts without them breaks promises.',
      source: 'Raft §7; etcd server/etcdserver/bootstrap.go',
    },
    () => {
      const records = [wrote('1:a 1:b 1:c'), mark(50, 4)]
      expect(
        outcome(() => replayAfter({ index: 0, term: 0 }, records)),
        'from the beginning of the log',
      ).toBe('an error')
      const garbage = [wrote('1:a 1:b 1:c'), mark(2, 3)]
      expect(
        outcome(() => replayAfter({ index: 0, term: 0 }, garbage)),
        'when the mark is for entry 2, and the log has another entry 2',
      ).toBe('an error')
      const own = [wrote('1:a 1:b 1:c'), mark(2, 1)]
      expect(shown(0, 0, own), 'a snapshot of its own, whose entries are all in the log').toBe('1:a 1:b 1:c')
    },
  )
})

describe('obsoleteSegments', () => {
  const story = {
    scenario: 'The log is in four files, which begin with the entries 1, 100, 200 and 300.',
    rule: 'The file with the last entry that the snapshot covers stays, and everything behind it: the mark is there too.',
    source: 'etcd server/storage/wal ReleaseLockTo',
  }
  const segments = [1, 100, 200, 300].map((firstIndex) => ({ firstIndex }))
  const obsolete = (snapshotIndex: number) =>
    obsoleteSegments(segments, snapshotIndex).map(({ firstIndex }) => firstIndex)

  lesson('are those that end before the snapshot does', story, () => {
    expect(obsolete(250), 'entry 250 is in the third file').toEqual([1, 100])
    expect(obsolete(200), 'entry 200 is the first of the third file').toEqual([1, 100])
    expect(obsolete(199), 'entry 199 is the last of the second file').toEqual([1])
    expect(obsolete(5000), 'the last file always stays').toEqual([1, 100, 200])
    expect(obsolete(0), 'no snapshot yet').toEqual([])
  })

  lesson(
    'are found also when a later file begins with an earlier entry',
    {
      ...story,
      scenario: 'A leader replaced entries, so the files begin with the entries 1, 100, 90 and 200.',
    },
    () => {
      const replaced = [1, 100, 90, 200].map((firstIndex) => ({ firstIndex }))
      const first = (snapshotIndex: number) =>
        obsoleteSegments(replaced, snapshotIndex).map(({ firstIndex }) => firstIndex)
      expect(first(95), 'entries 90 and later are in the third file').toEqual([1, 100])
      expect(first(80), 'entry 80 is in the first file').toEqual([])
    },
  )
})

describe('dueSnapshot', () => {
  const story = {
    scenario: 'A snapshot is to be taken every 10,000 entries, and 5,000 before it are kept in memory.',
    rule: 'Not before as many entries are applied; then the log keeps what followers may still ask for.',
    source: 'etcd --snapshot-count, SnapshotCatchUpEntries',
  }
  const policy = { snapshotCount: 10_000, catchUpEntries: 5_000 }

  lesson('is not taken before its time', story, () => {
    expect(dueSnapshot(9_999, 0, policy)).toBeUndefined()
    expect(dueSnapshot(29_999, 20_000, policy)).toBeUndefined()
  })

  lesson('leaves entries for followers that lag a little', story, () => {
    expect(dueSnapshot(10_000, 0, policy)).toEqual({ compactIndex: 5_000 })
    expect(dueSnapshot(31_234, 20_000, policy)).toEqual({ compactIndex: 26_234 })
    expect(dueSnapshot(10, 0, { snapshotCount: 10, catchUpEntries: 5_000 }), 'never below 0').toEqual({
      compactIndex: 0,
    })
  })
})

describe('any log', () => {
  lesson(
    'gives the same from any of its own snapshots',
    {
      scenario:
        'Entries are written, replaced and decided at random; now and then a member marks a snapshot of what is decided.',
      rule: 'Snapshot and rest of the log are together what the log alone was.',
      source: 'Raft §7',
    },
    ({ seed }) => {
      for (const number of seeds(200)) {
        seed(number)
        const random = createRandom(number)
        const records: WalRecord[] = []
        const marks: { index: number; term: number }[] = []
        let held: readonly { term: number; index: number; data: string }[] = []
        let committed = 0
        for (let term = 1; term <= 6; term++) {
          const from = committed + 1 + random.below(held.length - committed + 1)
          const added = Array.from({ length: 1 + random.below(4) }, (_, offset) => ({
            term,
            index: from + offset,
            data: `${term}.${offset}`,
          }))
          records.push({ entries: added })
          held = [...held.slice(0, from - 1), ...added]
          committed += random.below(held.length - committed + 1)
          if (committed > 0 && random.chance(0.5)) {
            marks.push({ index: committed, term: held[committed - 1]!.term })
            records.push(mark(committed, marks.at(-1)!.term))
          }
        }
        for (const { index, term } of marks) {
          expect(shown(index, term, records), `seed ${number}, from ${index}`).toBe(logText(held.slice(index)))
        }
      }
    },
  )
})
