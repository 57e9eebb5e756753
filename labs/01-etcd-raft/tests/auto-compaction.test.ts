import { describe, expect } from 'vitest'
import { type AutoCompaction, AutoCompactor, parseAutoCompaction } from '#etcd/server/auto-compaction.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { refusal } from './fixtures.ts'

const MINUTE = 60_000

/** A store that gets a revision each minute, and a compactor beside it. */
function watched(plan: AutoCompaction) {
  const clock = new VirtualClock()
  const began = clock.now()
  const minute = () => Math.round((clock.now() - began) / MINUTE)
  const member = { isLeader: true, compacted: [] as string[], failure: '' }
  const compactor = new AutoCompactor({
    plan,
    isLeader: () => member.isLeader,
    revision: () => 1 + minute(),
    compact: (revision) => {
      member.compacted.push(`${revision} at minute ${minute()}`)
      return member.failure === '' ? Promise.resolve() : Promise.reject(new Error(member.failure))
    },
    clock,
    log: silentLog,
  })
  compactor.start()
  return { member, pass: (minutes: number) => clock.advanceAsync(minutes * MINUTE), stop: () => compactor.stop() }
}

describe('auto-compaction by time', () => {
  const story = {
    scenario: 'The store gets one revision a minute; history of ten minutes, or of three hours, is to be kept.',
    rule: 'What is older than the retention goes, once per period and at least every hour.',
    source: 'etcd server/etcdserver/api/v3compactor/periodic.go',
  }

  lesson('gives up what is older than the retention', story, async () => {
    const { member, pass } = watched({ mode: 'periodic', retentionMs: 10 * MINUTE })
    await pass(9)
    expect(member.compacted, 'after nine minutes nothing is old enough').toEqual([])
    await pass(25)
    expect(member.compacted).toEqual(['1 at minute 10', '11 at minute 20', '21 at minute 30'])
  })

  lesson('with a long retention acts every hour', story, async () => {
    const { member, pass } = watched({ mode: 'periodic', retentionMs: 180 * MINUTE })
    await pass(320)
    expect(member.compacted).toEqual(['1 at minute 180', '61 at minute 240', '121 at minute 300'])
  })

  lesson(
    'is the leader’s business, and a new leader has taken notes',
    { ...story, scenario: 'The member follows for 25 minutes, then it leads.' },
    async () => {
      const { member, pass } = watched({ mode: 'periodic', retentionMs: 10 * MINUTE })
      member.isLeader = false
      await pass(25)
      expect(member.compacted).toEqual([])
      member.isLeader = true
      await pass(1)
      expect(member.compacted).toEqual(['17 at minute 26'])
    },
  )

  lesson(
    'tries again when it failed, and not when somebody else was quicker',
    { ...story, scenario: 'The compaction times out; later it is refused, since the revision is compacted already.' },
    async () => {
      const { member, pass, stop } = watched({ mode: 'periodic', retentionMs: 10 * MINUTE })
      member.failure = 'etcdserver: request timed out'
      await pass(11)
      expect(member.compacted).toEqual(['1 at minute 10', '2 at minute 11'])
      member.failure = 'etcdserver: mvcc: required revision has been compacted'
      await pass(5)
      expect(member.compacted.slice(2)).toEqual(['3 at minute 12'])
      stop()
      await pass(100)
      expect(member.compacted, 'after stop').toHaveLength(3)
    },
  )
})

describe('auto-compaction by revisions', () => {
  lesson(
    'keeps so many',
    {
      scenario: 'The store gets one revision a minute; seven are to be kept.',
      rule: 'Every five minutes all but the newest go.',
      source: 'etcd server/etcdserver/api/v3compactor/revision.go',
    },
    async () => {
      const { member, pass } = watched({ mode: 'revision', retention: 7 })
      await pass(16)
      expect(member.compacted).toEqual(['4 at minute 10', '9 at minute 15'])
    },
  )
})

describe('the flags', () => {
  lesson(
    'are upstream’s',
    {
      scenario: 'Modes and retentions as one gives them to etcd.',
      rule: 'A bare number is hours, or revisions; 0 is off.',
      source: 'etcd --auto-compaction-mode, --auto-compaction-retention',
    },
    () => {
      expect(parseAutoCompaction('periodic', '1')).toEqual({ mode: 'periodic', retentionMs: 60 * MINUTE })
      expect(parseAutoCompaction('periodic', '1h30m')).toEqual({ mode: 'periodic', retentionMs: 90 * MINUTE })
      expect(parseAutoCompaction('periodic', '500ms')).toEqual({ mode: 'periodic', retentionMs: 500 })
      expect(parseAutoCompaction('revision', '1000')).toEqual({ mode: 'revision', retention: 1000 })
      expect(parseAutoCompaction('periodic', '0')).toBeUndefined()
      expect(parseAutoCompaction('revision', '0')).toBeUndefined()
      expect(refusal(() => parseAutoCompaction('periodic', 'soon'))).toContain('no duration such as')
      expect(refusal(() => parseAutoCompaction('revision', '1h'))).toContain('no number of revisions')
      expect(refusal(() => parseAutoCompaction('sometimes', '1h'))).toContain('neither periodic nor revision')
    },
  )
})
