import { describe, expect } from 'vitest'
import { MAX_MESSAGES_IN_FLIGHT } from '#etcd/raft/progress.ts'
import { Raft } from '#etcd/raft/raft.ts'
import { replicate } from '#etcd/raft/replication.ts'
import type { AppendResponse, Message } from '#kit/raft/messages.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { appendResponse, leaderState, logText, memberState, progressAt, progressOf, seeds } from './fixtures.ts'

/** Leader a of term 2 with three entries, which c has too; what it knows of b is what the test says. */
function leaderOf(b: Parameters<typeof progressAt>[0]) {
  const progress = { ...progressOf({ a: [3, 4], c: [3, 4] }), b: progressAt(b) }
  const state = leaderState({ log: '1:x 1:y 2:', commitIndex: 3, progress })
  const raft = new Raft(state)
  /** The appends that now go out to b, each as the entry before and the entries: `'3:4,5'`, or `'3:'` for a heartbeat. */
  const sent = () => {
    replicate(state)
    const messages = state.outbox
    state.outbox = []
    return appendsToB(messages)
  }
  return {
    state,
    raft,
    sent,
    sentAfterCommand: () => {
      raft.propose('z')
      return sent()
    },
    sentAfterTick: () => {
      raft.tick()
      return sent()
    },
    sentAfter: (answer: AppendResponse) => {
      raft.step(answer)
      return sent()
    },
  }
}

function appendsToB(messages: readonly Message[]): string[] {
  return messages.flatMap((message) => {
    if (message.type !== 'AppendRequest' || message.to !== 'b') return []
    return [`${message.prevLogIndex}:${message.entries.map(({ index }) => index)}`]
  })
}

const refused = (rejectedIndex: number, end: number) =>
  appendResponse({ accepted: false, rejectedIndex, conflict: { index: end + 1, term: 0 } })

describe('probing', () => {
  const probe = {
    scenario: 'Leader a does not know yet where its log and b’s agree. Commands keep arriving.',
    rule: 'One append at a time, until one is accepted; what is sent before that is likely to be refused.',
    source: 'etcd-io/raft tracker/progress.go, StateProbe',
  }

  lesson('sends one append and waits for the answer', probe, () => {
    const leader = leaderOf({ mode: 'probe', nextIndex: 3 })
    expect(
      [leader.sentAfterCommand(), leader.sentAfterCommand(), leader.sentAfterCommand()],
      'after each command',
    ).toEqual([['2:3,4'], [], []])
  })

  lesson('goes on without waiting once an append is accepted', probe, () => {
    const leader = leaderOf({ mode: 'probe', nextIndex: 3 })
    leader.sentAfterCommand()
    leader.sentAfterCommand()
    leader.raft.step(appendResponse({ matchIndex: 4 }))
    expect([leader.sentAfterCommand(), leader.sentAfterCommand()], 'after each further command').toEqual([
      ['4:5,6'],
      ['6:7'],
    ])
  })

  lesson('asks at an earlier place when the append is refused', probe, () => {
    const leader = leaderOf({ mode: 'probe', nextIndex: 3 })
    leader.sentAfterCommand()
    expect(leader.sentAfter(refused(2, 0))).toEqual(['0:1,2,3,4'])
  })

  lesson(
    'finds out by heartbeats that its append was lost',
    {
      scenario: 'The one append to b is lost. Then heartbeats are due, and b answers them.',
      rule: 'A heartbeat names the entry before the next one, so its answer says whether the logs agree there.',
      source: 'Raft §5.3; etcd-io/raft raft_test.go TestProgressResumeByHeartbeatResp',
    },
    () => {
      const leader = leaderOf({ mode: 'probe', nextIndex: 3 })
      expect(leader.sentAfterCommand()).toEqual(['2:3,4'])
      expect(leader.sentAfterTick(), 'a heartbeat, in spite of waiting').toEqual(['2:'])
      expect(leader.sentAfter(appendResponse({ matchIndex: 2 })), 'what was lost').toEqual(['2:3,4'])
    },
  )
})

describe('pipelining', () => {
  lesson(
    'a lost append costs one repetition, however many were behind it',
    {
      scenario: 'Of five appends under way to b the first is lost. b refuses the other four, one after the other.',
      rule: 'The first refusal says where to go on; the others say the same again and change nothing.',
      source: 'etcd-io/raft tracker/progress.go MaybeDecrTo',
    },
    () => {
      const leader = leaderOf({ matchIndex: 3, nextIndex: 4 })
      const sent = Array.from({ length: 5 }, () => leader.sentAfterCommand()).flat()
      expect(sent, 'sent without waiting').toEqual(['3:4', '4:5', '5:6', '6:7', '7:8'])
      const again = [4, 5, 6, 7].map((prevLogIndex) => {
        return leader.sentAfter(refused(prevLogIndex, 3))
      })
      expect(again, 'sent after each refusal').toEqual([['3:4,5,6,7,8'], [], [], []])
    },
  )

  lesson(
    'keeps a window of appends under way; heartbeats go out all the same, and an answer makes room',
    {
      scenario: `b takes no notice of anything while commands keep arriving, ${MAX_MESSAGES_IN_FLIGHT} and more. Then it answers the first two.`,
      rule: 'A follower that is slow must not fill memory and network; but it must hear that its leader lives.',
      source: 'etcd-io/raft tracker/inflights.go',
    },
    () => {
      const leader = leaderOf({ matchIndex: 3, nextIndex: 4 })
      const sent = Array.from({ length: MAX_MESSAGES_IN_FLIGHT + 3 }, () => leader.sentAfterCommand().length)
      expect(sent.filter((count) => count === 1).length, 'appends sent').toBe(MAX_MESSAGES_IN_FLIGHT)
      const end = 3 + MAX_MESSAGES_IN_FLIGHT
      expect(leader.sentAfterTick(), 'a heartbeat').toEqual([`${end}:`])
      expect(leader.sentAfter(appendResponse({ matchIndex: 5 })), 'what had to wait, in one append').toEqual([
        `${end}:${end + 1},${end + 2},${end + 3}`,
      ])
    },
  )

  lesson(
    'sends again what was not answered for an election timeout',
    {
      scenario: 'b goes down with three appends under way to it. Nobody answers for ten ticks.',
      rule: 'What is not answered counts as lost, so that nothing is kept for a member that is gone.',
      source: 'etcd-io/raft tracker/progress.go; raft.go MsgUnreachable',
    },
    () => {
      const leader = leaderOf({ matchIndex: 3, nextIndex: 4 })
      for (let command = 0; command < 3; command++) leader.sentAfterCommand()
      const sent = Array.from({ length: 12 }, () => {
        return leader.sentAfterTick()
      })
      const heartbeats = (count: number, prevLogIndex: number) =>
        Array.from({ length: count }, () => [`${prevLogIndex}:`])
      expect(sent, 'sent in each tick').toEqual([...heartbeats(9, 6), ['3:4,5,6'], ...heartbeats(2, 3)])
    },
  )
})

describe('a leader’s progress', () => {
  lesson(
    'never contradicts itself, whatever the answers are',
    {
      scenario:
        'Answers of all kinds, right, wrong, old and doubled, reach a leader in random order, with ticks and commands in between.',
      rule: '0 ≤ matchIndex < nextIndex, and nextIndex is never beyond the end of the log.',
      source: 'etcd-io/raft tracker/progress.go, "0 <= Match < Next"',
    },
    ({ seed }) => {
      for (const number of seeds(100)) {
        seed(number)
        const random = createRandom(number)
        const leader = leaderOf({ mode: 'probe', nextIndex: 4 })
        for (let step = 0; step < 40; step++) {
          const last = leader.raft.status().lastIndex
          const doings = [
            () => leader.raft.propose('z'),
            () => leader.raft.tick(),
            () => leader.raft.step(appendResponse({ matchIndex: random.below(last + 1) })),
            () => leader.raft.step(refused(random.below(last + 1), random.below(last + 1))),
          ]
          random.pick(doings)()
          leader.sent()
          const { matchIndex, nextIndex } = leader.state.progress.b!
          const said = `matchIndex ${matchIndex}, nextIndex ${nextIndex}, seed ${number}`
          expect(matchIndex, said).toBeGreaterThanOrEqual(0)
          expect(nextIndex, said).toBeGreaterThan(matchIndex)
          expect(nextIndex, said).toBeLessThanOrEqual(leader.raft.status().lastIndex + 1)
        }
      }
    },
  )
})

describe('a leader and a follower on a bad network', () => {
  lesson(
    'end with the same log, however messages are lost, doubled and reordered',
    {
      scenario:
        'Commands keep arriving. Appends and answers come in any order, some twice, some never. Then the network gets well.',
      rule: 'No order of messages leaves the follower with another log, or without an end.',
      source: 'Raft §5.3; etcd-io/raft raft_test.go TestLogReplicationWithReorderedMessage',
    },
    ({ seed }) => {
      for (const number of seeds(40)) {
        seed(number)
        const random = createRandom(number)
        const state = leaderState({
          voters: ['a', 'b'],
          term: 4,
          log: '1:x 3:y 4:',
          progress: progressOf({ a: [3, 4], b: [0, 4] }),
        })
        const leader = new Raft(state)
        const followerState = memberState({
          id: 'b',
          term: 4,
          leader: 'a',
          voters: ['a', 'b'],
          log: '1:x 2:stray 2:stray',
        })
        const follower = new Raft(followerState)
        let onTheirWay: Message[] = []
        const send = () => {
          replicate(state)
          onTheirWay.push(...state.outbox, ...followerState.outbox)
          state.outbox = []
          followerState.outbox = []
        }
        const deliver = (message: Message) => (message.to === 'a' ? leader : follower).step(message)
        for (let turn = 0; turn < 150; turn++) {
          if (random.chance(0.3)) leader.propose(String(turn))
          if (random.chance(0.3)) leader.tick()
          send()
          onTheirWay = onTheirWay.filter(() => !random.chance(0.1))
          if (onTheirWay.length === 0) continue
          const message = random.pick(onTheirWay)
          if (random.chance(0.8)) onTheirWay = onTheirWay.filter((other) => other !== message)
          deliver(message)
        }
        onTheirWay = []
        for (let turn = 0; turn < 20; turn++) {
          leader.tick()
          send()
          for (const message of onTheirWay.splice(0)) deliver(message)
        }
        expect(logText(followerState.log.entries), `b’s log, seed ${number}`).toBe(logText(state.log.entries))
        expect(state.progress.b!.matchIndex, `matchIndex of b, seed ${number}`).toBe(leader.status().lastIndex)
      }
    },
  )
})
