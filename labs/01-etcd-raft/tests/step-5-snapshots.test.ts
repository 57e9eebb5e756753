import { describe, expect } from 'vitest'
import { createRaftState } from '#etcd/raft/create-state.ts'
import { lastIndex, lastTerm, type RaftLog } from '#etcd/raft/log.ts'
import { Raft } from '#etcd/raft/raft.ts'
import { forgetUpTo, replaceLog, withoutCovered } from '#etcd/raft/snapshot.ts'
import type { Message } from '#kit/raft/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'
import {
  appendRequest,
  appendResponse,
  entries,
  installSnapshot,
  leaderState,
  log,
  logText,
  member,
  memberState,
  onlyMessage,
  progressAt,
  progressOf,
  seeds,
  simulate,
  snapshotOf,
  voteRequest,
} from './fixtures.ts'

/** `'forgotten up to 3 of term 2, holds 2:x 3:y'`: the entry at index 3 was of term 2. */
function shownLog({ compactedIndex, compactedTerm, entries: held }: RaftLog): string {
  const isWhole = compactedIndex === 0 && compactedTerm === 0
  const forgotten = isWhole ? 'nothing forgotten' : `forgotten up to ${compactedIndex} of term ${compactedTerm}`
  return `${forgotten}, holds ${logText(held) || 'nothing'}`
}

describe('forgetting', () => {
  const forget = {
    scenario: 'A log of five entries of terms 1, 1, 2, 2 and 3 forgets its beginning.',
    rule: 'Of what it forgets, a log keeps the last index and term: the next append will be checked against them.',
    source: 'Raft §7, "last included index" and "last included term"',
  }

  lesson('keeps the index and term of the last forgotten entry, and all entries behind it', forget, () => {
    const whole = log('1:a 1:b 2:c 2:d 3:e')
    expect(shownLog(forgetUpTo(whole, 3)), 'forgotten up to 3').toBe('forgotten up to 3 of term 2, holds 2:d 3:e')
    expect(forgetUpTo(whole, 3).entries[0]?.index, 'index of the first entry left').toBe(4)
    expect(shownLog(forgetUpTo(whole, 5)), 'all forgotten').toBe('forgotten up to 5 of term 3, holds nothing')
    expect(logText(whole.entries), 'the log that was given').toBe('1:a 1:b 2:c 2:d 3:e')
  })

  lesson('forgets more of a log that has forgotten before, and never less', forget, () => {
    const short = forgetUpTo(log('1:a 1:b 2:c 2:d 3:e'), 3)
    expect(shownLog(forgetUpTo(short, 4)), 'first 3, then 4').toBe('forgotten up to 4 of term 2, holds 3:e')
    expect(shownLog(forgetUpTo(short, 2)), 'first 3, then 2').toBe('forgotten up to 3 of term 2, holds 2:d 3:e')
  })

  lesson(
    'touches only what the snapshot covers and what is applied',
    {
      scenario:
        'A member has four entries, of which three are applied. A snapshot of the first two is on disk; it is told to forget everything.',
      rule: 'An entry may go when a snapshot on disk covers it, and not before it is applied.',
      source: 'Raft §7',
    },
    () => {
      const raft = member({ log: '1:a 1:b 1:c 1:d', commitIndex: 3 })
      raft.compact(snapshotOf(2, 1), 4)
      expect(shownLog(raft.inspect().log), 'the snapshot ends at 2').toBe('forgotten up to 2 of term 1, holds 1:c 1:d')
      const early = member({ log: '1:a 1:b 1:c 1:d', commitIndex: 3 })
      early.compact(snapshotOf(4, 1), 4)
      expect(shownLog(early.inspect().log), 'applied up to 3').toBe('forgotten up to 3 of term 1, holds 1:d')
    },
  )

  lesson(
    'may leave some entries for slow followers, and remembers the newest snapshot',
    {
      scenario: 'Snapshots of four and then, late, of three entries are reported, to forget up to 2 and up to 3.',
      rule: 'What a follower will be sent is the newest snapshot; what may be forgotten is said apart.',
      source: 'etcd: server/etcdserver, SnapshotCatchUpEntries',
    },
    () => {
      const raft = member({ log: '1:a 1:b 1:c 1:d', commitIndex: 4 })
      raft.compact(snapshotOf(4, 1), 2)
      expect(shownLog(raft.inspect().log)).toBe('forgotten up to 2 of term 1, holds 1:c 1:d')
      raft.compact(snapshotOf(3, 1), 3)
      expect(raft.inspect().snapshot, 'the newest snapshot').toEqual(snapshotOf(4, 1))
      expect(shownLog(raft.inspect().log)).toBe('forgotten up to 3 of term 1, holds 1:d')
    },
  )

  lesson(
    'changes nothing that others could notice',
    {
      scenario:
        'A member has forgotten all of its log, up to index 4, of term 2. It is asked for its vote, and then for more.',
      rule: 'A log that ends in a snapshot ends at the snapshot’s last index and term.',
      source: 'Raft §7',
    },
    () => {
      const state = memberState({ term: 2, leader: 'b', log: '1:a 1:b 2:c 2:d', commitIndex: 4 })
      state.log = forgetUpTo(state.log, 4)
      expect({ lastIndex: lastIndex(state.log), lastTerm: lastTerm(state.log) }).toEqual({ lastIndex: 4, lastTerm: 2 })
      const raft = new Raft(state)
      raft.step(appendRequest({ term: 2, prevLogIndex: 4, prevLogTerm: 2, entries: entries('2:e', 5) }))
      expect(onlyMessage(raft.ready().messages, 'AppendResponse')).toMatchObject({ accepted: true, matchIndex: 5 })
      raft.step(voteRequest({ term: 3, lastLogIndex: 4, lastLogTerm: 2 }))
      expect(onlyMessage(raft.ready().messages, 'VoteResponse'), 'to a candidate without index 5').toMatchObject({
        granted: false,
      })
    },
  )
})

describe('a member that has only a snapshot', () => {
  lesson(
    'stands for election with the end of its snapshot',
    {
      scenario: 'Member a starts with a snapshot up to index 4, of term 2, and no entries. It hears from nobody.',
      rule: 'How complete a log is goes by its last index and term, and a snapshot has both.',
      source: 'Raft §5.4.1, §7',
    },
    () => {
      const state = memberState({ term: 2, log: '1:a 1:b 2:c 2:d', commitIndex: 4 })
      state.log = forgetUpTo(state.log, 4)
      const raft = new Raft(state)
      raft.campaign()
      const [request] = raft.ready().messages
      expect(request).toMatchObject({ type: 'VoteRequest', term: 3, lastLogIndex: 4, lastLogTerm: 2 })
    },
  )

  lesson(
    'hands out only what follows it, after a start',
    {
      scenario:
        'On the disk are a snapshot up to 4, entries 5 to 7, and a commit index of 6; or, after a crash at a bad moment, of 2.',
      rule: 'What a snapshot covers is committed and applied already; no entry is applied twice.',
      source: 'Raft §7; etcd-io/raft raft.go newRaft',
    },
    () => {
      const start = (commitIndex: number) => {
        const raft = new Raft(
          createRaftState({
            id: 'a',
            voters: ['a', 'b', 'c'],
            seed: 7,
            hardState: { term: 2, votedFor: null, commitIndex },
            snapshot: snapshotOf(4, 1),
            entries: entries('2:e 2:f 2:g', 5),
          }),
        )
        const { appliedIndex, compactedIndex, lastIndex: end } = raft.status()
        raft.compact(snapshotOf(4, 1), 4)
        return { appliedIndex, compactedIndex, end, handedOut: logText(raft.ready().committedEntries) }
      }
      const started = { appliedIndex: 4, compactedIndex: 4, end: 7 }
      expect(start(6), 'with a commit index of 6').toEqual({ ...started, handedOut: '2:e 2:f' })
      expect(start(2), 'with a commit index of 2').toEqual({ ...started, handedOut: '' })
    },
  )
})

describe('the leader', () => {
  /** Leader a of term 2, whose log holds entries 5 and 6, behind a snapshot of term 1. */
  const leader = (b = progressAt({ matchIndex: 4, nextIndex: 7 })) =>
    new Raft(
      leaderState({
        snapshot: snapshotOf(4, 1),
        log: '2: 2:x',
        commitIndex: 6,
        progress: { ...progressOf({ a: [6, 7], c: [6, 7] }), b },
      }),
    )
  const sentTo = (to: string, messages: readonly Message[]) => messages.filter((message) => message.to === to)
  const refused = (rejectedIndex: number, end: number) =>
    appendResponse({ accepted: false, rejectedIndex, conflict: { index: end + 1, term: 0 } })

  const send = {
    scenario:
      'Leader a holds entries 5 and 6; what came before is in a snapshot. Follower b, back after a long time, has only two entries.',
    rule: 'The leader sends a snapshot when it has already discarded the next log entry that it needs to send.',
    source: 'Raft §7',
  }

  lesson('sends its snapshot to a follower that needs a forgotten entry', send, () => {
    const raft = leader(progressAt({ matchIndex: 0, nextIndex: 7 }))
    raft.step(refused(6, 2))
    const messages = sentTo('b', raft.ready().messages)
    expect(messages).toEqual([{ type: 'InstallSnapshot', from: 'a', to: 'b', term: 2, snapshot: snapshotOf(4, 1) }])
    expect(raft.hasReady(), 'more to do, while the snapshot is on its way').toBe(false)
  })

  lesson('sends entries as long as it holds them, checked against the last one it forgot', send, () => {
    const raft = leader(progressAt({ matchIndex: 0, nextIndex: 7 }))
    raft.step(refused(6, 4))
    const [append] = sentTo('b', raft.ready().messages)
    expect(append).toMatchObject({
      type: 'AppendRequest',
      prevLogIndex: 4,
      prevLogTerm: 1,
      entries: entries('2: 2:x', 5),
    })
  })

  lesson(
    'sends the newest snapshot, though it may hold entries from before its end',
    {
      scenario: 'Leader a has snapshots up to 4 and up to 6, and has kept entry 6 for slow followers. b needs entry 5.',
      rule: 'The newer the snapshot, the less is left to send behind it.',
      source: 'etcd: server/etcdserver, SnapshotCatchUpEntries',
    },
    () => {
      const raft = leader(progressAt({ matchIndex: 0, nextIndex: 7 }))
      raft.compact(snapshotOf(6, 2), 5)
      raft.step(refused(6, 4))
      expect(onlyMessage(raft.ready().messages, 'InstallSnapshot').snapshot).toEqual(snapshotOf(6, 2))
      expect(raft.inspect().progress.b!.nextIndex, 'what b gets next').toBe(7)
    },
  )

  const wait = {
    scenario: 'A snapshot up to 4 is on its way to b. A client’s command arrives, a heartbeat falls due, b refuses it.',
    rule: 'Until the snapshot is there, appends are useless; but a follower that hears nothing would stand for election.',
    source: "Ongaro's thesis §5.1; etcd-io/raft tracker/progress.go, StateSnapshot",
  }

  lesson('sends only heartbeats while a snapshot is on its way', wait, () => {
    const raft = leader(progressAt({ matchIndex: 0, nextIndex: 4 }))
    onlyMessage(raft.ready().messages, 'InstallSnapshot')
    raft.propose('y')
    const { messages } = raft.ready()
    expect({ b: sentTo('b', messages).length, c: sentTo('c', messages).length }, 'messages').toEqual({ b: 0, c: 1 })
    raft.tick()
    const [heartbeat, ...others] = sentTo('b', raft.ready().messages)
    expect(heartbeat).toMatchObject({ type: 'AppendRequest', prevLogIndex: 4, prevLogTerm: 1, entries: [] })
    expect(others, 'other messages to b').toEqual([])
    raft.step(refused(4, 2))
    expect(sentTo('b', raft.ready().messages), 'messages after b refused the heartbeat').toEqual([])
  })

  lesson('goes on behind the snapshot when it is installed', wait, () => {
    const raft = leader(progressAt({ matchIndex: 0, nextIndex: 4 }))
    onlyMessage(raft.ready().messages, 'InstallSnapshot')
    raft.step(appendResponse({ matchIndex: 4 }))
    const append = onlyMessage(raft.ready().messages, 'AppendRequest')
    expect(append).toMatchObject({ to: 'b', prevLogIndex: 4, prevLogTerm: 1, entries: entries('2: 2:x', 5) })
  })

  lesson(
    'tries again when there is no answer for an election timeout',
    {
      scenario: 'A snapshot on its way to b is lost. Ten ticks, which is the election timeout, pass.',
      rule: 'The network promises nothing, so whatever is not answered is sent again.',
      source: 'Raft §5.1, "servers retry RPCs"',
    },
    () => {
      const raft = leader(progressAt({ matchIndex: 0, nextIndex: 4 }))
      onlyMessage(raft.ready().messages, 'InstallSnapshot')
      const snapshotsSent = (ticks: number) => {
        for (let tick = 0; tick < ticks; tick++) raft.tick()
        return sentTo('b', raft.ready().messages).filter(({ type }) => type === 'InstallSnapshot').length
      }
      expect(snapshotsSent(9), 'snapshots sent in the first nine ticks').toBe(0)
      expect(snapshotsSent(1), 'snapshots sent in the tenth').toBe(1)
    },
  )
})

describe('the follower', () => {
  const replace = {
    scenario:
      'Follower a has entries that are not like the leader’s, or too few. A snapshot up to index 5, of term 2, arrives.',
    rule: 'The snapshot takes the place of the entire log; the state machine is replaced by it.',
    source: 'Raft figure 13, InstallSnapshot rules 7 and 8',
  }

  for (const [whose, text] of Object.entries({ short: '1:a 1:b', different: '1:a 1:b 1:c 1:d 1:e 1:f' })) {
    lesson(
      `puts the snapshot in the place of a log that is too ${whose === 'short' ? 'short' : 'different'}`,
      replace,
      () => {
        const raft = member({ term: 2, leader: 'b', log: text, commitIndex: 1, electionElapsed: 7 })
        raft.step(installSnapshot(snapshotOf(5, 2), { term: 2 }))
        const { log: held, commitIndex, stableIndex, electionElapsed } = raft.inspect()
        expect(shownLog(held)).toBe('forgotten up to 5 of term 2, holds nothing')
        expect({ commitIndex, stableIndex, electionElapsed }).toEqual({
          commitIndex: 5,
          stableIndex: 5,
          electionElapsed: 0,
        })
      },
    )
  }

  lesson('has nothing left of the old log, and nothing of the new one that is not on disk', replace, () => {
    const state = memberState({ term: 2, leader: 'b', log: '1:a 1:b 1:c 1:d 1:e 1:f', commitIndex: 1 })
    replaceLog(state, snapshotOf(5, 2))
    expect(shownLog(state.log)).toBe('forgotten up to 5 of term 2, holds nothing')
    const { commitIndex, stableIndex, appliedIndex, receivedSnapshot } = state
    expect({ commitIndex, stableIndex, receivedSnapshot }).toEqual({
      commitIndex: 5,
      stableIndex: 5,
      receivedSnapshot: snapshotOf(5, 2),
    })
    expect(appliedIndex, 'appliedIndex, before the snapshot is installed').toBe(1)
  })

  lesson('speaks of the snapshot only with the Ready that has it noted on disk', replace, () => {
    const raft = member({ term: 2, leader: 'b', log: '1:a 1:b' })
    raft.step(installSnapshot(snapshotOf(5, 2), { term: 2 }))
    expect(raft.hasReady(), 'hasReady').toBe(true)
    const ready = raft.ready()
    expect(ready.snapshot, 'to be noted and installed').toEqual(snapshotOf(5, 2))
    expect(ready.hardState, 'to be noted').toMatchObject({ term: 2, commitIndex: 5 })
    expect([...ready.entries, ...ready.committedEntries], 'entries to persist or apply').toEqual([])
    expect(onlyMessage(ready.messages, 'AppendResponse')).toMatchObject({ to: 'b', accepted: true, matchIndex: 5 })
    expect(raft.ready().snapshot, 'handed out again, until it is done').toEqual(snapshotOf(5, 2))
    raft.advance(ready)
    expect(raft.hasReady(), 'hasReady, when it is done').toBe(false)
  })

  lesson(
    'is what its snapshot says, once that is installed and not before',
    {
      scenario: 'A member of the cluster a, b, c takes a snapshot over in which d is a voter too.',
      rule: 'What is applied, and who is a member, are facts of the state machine: they change with it.',
      source: 'Raft §7; etcd-io/raft raft.go restore',
    },
    () => {
      const raft = member({ term: 2, leader: 'b', log: '1:a 1:b', commitIndex: 1 })
      const snapshot = snapshotOf(5, 2, ['a', 'b', 'c', 'd'])
      raft.step(installSnapshot(snapshot, { term: 2 }))
      expect(raft.snapshotMetadata(), 'a snapshot taken now').toEqual(snapshotOf(1, 1))
      raft.advance(raft.ready())
      expect(raft.status()).toMatchObject({ appliedIndex: 5, commitIndex: 5, lastIndex: 5, voters: snapshot.voters })
      expect(raft.snapshotMetadata(), 'a snapshot taken afterwards').toEqual(snapshot)
    },
  )

  lesson(
    'keeps its log when that agrees with the snapshot',
    {
      scenario:
        'Follower a has entries of terms 1, 2 and 2, of which one is committed. A snapshot up to index 2, of term 2, arrives.',
      rule: 'If an existing entry has the same index and term as the snapshot’s last, retain the entries following it.',
      source: 'Raft figure 13, InstallSnapshot rule 6',
    },
    () => {
      const raft = member({ term: 2, leader: 'b', log: '1:a 2:b 2:c', commitIndex: 1 })
      raft.step(installSnapshot(snapshotOf(2, 2), { term: 2 }))
      expect(shownLog(raft.inspect().log)).toBe('nothing forgotten, holds 1:a 2:b 2:c')
      const ready = raft.ready()
      expect(ready.snapshot, 'a snapshot to install').toBeUndefined()
      expect(logText(ready.committedEntries), 'what is decided by it').toBe('2:b')
      const response = onlyMessage(ready.messages, 'AppendResponse')
      expect(response, 'entry 3 may not be the leader’s').toMatchObject({ accepted: true, matchIndex: 2 })
    },
  )

  lesson(
    'lets no old snapshot undo what is newer',
    {
      scenario: 'Follower a, which has committed four entries, gets a snapshot up to 3 that was long under way.',
      rule: 'What is committed stays. The answer says how far we are, so that the leader goes on from there.',
      source: 'etcd-io/raft raft.go handleSnapshot, restore',
    },
    () => {
      const raft = member({ leader: 'b', log: '1:a 1:b 1:c 1:d 1:e', commitIndex: 4 })
      raft.step(installSnapshot(snapshotOf(3, 1)))
      expect(shownLog(raft.inspect().log)).toBe('nothing forgotten, holds 1:a 1:b 1:c 1:d 1:e')
      const ready = raft.ready()
      expect(ready.snapshot, 'a snapshot to install').toBeUndefined()
      expect(onlyMessage(ready.messages, 'AppendResponse')).toMatchObject({ accepted: true, matchIndex: 4 })
    },
  )

  lesson(
    'counts as held what its snapshot covers',
    {
      scenario:
        'Follower a has forgotten everything up to 4, of term 2. A late append brings entries 3 to 6; a later one, entry 3.',
      rule: 'What a snapshot covers is committed, and so the same in the leader’s log: only the rest is compared.',
      source: 'Raft §7; etcd-io/raft raft.go handleAppendEntries',
    },
    () => {
      const request = appendRequest({ term: 2, prevLogIndex: 2, prevLogTerm: 1, commitIndex: 6, readRound: 3 })
      const state = memberState({ term: 2, leader: 'b', snapshot: snapshotOf(4, 2) })
      expect(withoutCovered(state.log, { ...request, entries: entries('2:c 2:d 2:e 2:f', 3) })).toEqual({
        ...request,
        prevLogIndex: 4,
        prevLogTerm: 2,
        entries: entries('2:e 2:f', 5),
      })
      const raft = new Raft(state)
      raft.step({ ...request, entries: entries('2:c 2:d 2:e 2:f', 3) })
      expect(shownLog(raft.inspect().log)).toBe('forgotten up to 4 of term 2, holds 2:e 2:f')
      expect(onlyMessage(raft.ready().messages, 'AppendResponse')).toMatchObject({ accepted: true, matchIndex: 6 })
      raft.step({ ...request, entries: entries('2:c', 3) })
      expect(onlyMessage(raft.ready().messages, 'AppendResponse')).toMatchObject({ accepted: true, matchIndex: 4 })
    },
  )

  lesson(
    'is not confused by a snapshot that arrives while its disk is busy',
    {
      scenario:
        'Follower a is writing entry 2, and applies entry 1, when a snapshot up to 5 arrives. Then the disk is done.',
      rule: 'Inputs may come between ready and advance; what was being done belongs to the log of before.',
      source: 'etcd-io/raft doc.go',
    },
    () => {
      const raft = member({ term: 2, leader: 'b', log: '1:a' })
      raft.step(appendRequest({ term: 2, prevLogIndex: 1, prevLogTerm: 1, entries: entries('1:b', 2), commitIndex: 1 }))
      const before = raft.ready()
      raft.step(installSnapshot(snapshotOf(5, 2), { term: 2 }))
      raft.advance(before)
      const { stableIndex, appliedIndex, commitIndex } = raft.inspect()
      expect({ stableIndex, appliedIndex, commitIndex }).toEqual({ stableIndex: 5, appliedIndex: 1, commitIndex: 5 })
      const after = raft.ready()
      expect(after.snapshot, 'to be noted and installed').toEqual(snapshotOf(5, 2))
      raft.advance(after)
      expect(raft.inspect().appliedIndex, 'appliedIndex, once it is installed').toBe(5)
    },
  )

  lesson(
    'takes no snapshot from a leader of the past',
    {
      scenario: 'A snapshot of term 1 arrives at a member of term 3.',
      rule: 'Who still speaks from an older term is not listened to, and hears of the newer one.',
      source: 'Raft §5.1, figure 13 InstallSnapshot rule 1',
    },
    () => {
      const raft = member({ term: 3, log: '1:a' })
      raft.step(installSnapshot(snapshotOf(5, 1)))
      expect(shownLog(raft.inspect().log)).toBe('nothing forgotten, holds 1:a')
      expect(onlyMessage(raft.ready().messages, 'AppendResponse')).toMatchObject({ term: 3, accepted: false })
    },
  )
})

describe('a cluster whose members forget', () => {
  lesson(
    'brings back who was away for long, though nobody has the entries any more',
    {
      scenario:
        'Members take a snapshot after every five entries and keep none. c is down while forty commands are decided.',
      rule: 'A member that takes over a snapshot, and goes on behind it, ends in the same state as all others.',
      source: 'Raft §7',
    },
    ({ seed }) => {
      for (const number of seeds(10)) {
        seed(number)
        const cluster = simulate({ members: 3, seed: number, compaction: { everyEntries: 5, keepEntries: 0 } })
        cluster.runUntil(() => cluster.leader() !== undefined, 5000)
        cluster.crash('c')
        cluster.runUntil(() => ['a', 'b'].includes(cluster.leader() ?? 'c'), 5000)
        for (let command = 1; command <= 40; command++) {
          cluster.propose(cluster.leader()!, String(command))
          cluster.run(20)
        }
        expect(cluster.compactedIndex('a'), `what a has forgotten, seed ${number}`).toBeGreaterThan(30)
        cluster.restart('c')
        cluster.run(1000)
        expect(cluster.applied('c'), `commands of c, seed ${number}`).toEqual(cluster.applied('a'))
        expect(cluster.compactedIndex('c'), `what c has only as a snapshot, seed ${number}`).toBeGreaterThan(30)
      }
    },
  )

  lesson(
    'never breaks a promise, and agrees in the end',
    {
      scenario:
        'Three or five members that forget soon, slow disks, messages lost, late, doubled and out of order, partitions, crashes at any moment.',
      rule: 'Raft’s safety properties hold after every event, however logs are cut; once the faults end, all have the same state.',
      source: 'Raft §7, figure 3',
    },
    ({ seed }) => {
      for (const number of seeds(25)) {
        seed(number)
        const faults = { loss: 0.1, duplication: 0.1, maxDelayMs: 40, crash: 0.003, maxSyncMs: 8 }
        const compaction = { everyEntries: 3 + (number % 4), keepEntries: number % 3 }
        const cluster = simulate({ members: number % 2 === 0 ? 3 : 5, seed: number, faults, compaction })
        const { random, ids } = cluster
        for (let round = 0; round < 30; round++) {
          for (const id of ids) if (random.chance(0.5)) cluster.propose(id, `${round}${id}`)
          if (random.chance(0.2)) {
            const cut = 1 + random.below(ids.length - 1)
            cluster.partition(ids.slice(0, cut), ids.slice(cut))
          }
          if (random.chance(0.3)) cluster.heal()
          if (random.chance(0.1)) cluster.crash(random.pick(ids))
          if (random.chance(0.2)) for (const id of ids) cluster.restart(id)
          cluster.run(random.below(300))
        }
        cluster.heal()
        cluster.faults = {}
        for (const id of ids) cluster.restart(id)
        cluster.run(2000)
        expect(cluster.leader(), `a leader, with seed ${number}`).toBeDefined()
        cluster.propose(cluster.leader()!, 'last')
        cluster.run(500)
        for (const id of ids) {
          expect(cluster.applied(id).at(-1), `last command of ${id}, seed ${number}`).toBe('last')
          expect(cluster.applied(id), `commands of ${id}, seed ${number}`).toEqual(cluster.applied('a'))
        }
      }
    },
  )
})
