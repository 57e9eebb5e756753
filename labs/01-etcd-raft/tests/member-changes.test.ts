/**
 * How a change of the members finds the leader and its answer the way back: given code, on virtual time.
 */
import { describe, expect } from 'vitest'
import type { MemberChange } from '#etcd/server/command.ts'
import { MemberChanges, type MemberChangesOptions } from '#etcd/server/member-changes.ts'
import { Membership } from '#etcd/server/membership.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { decodePeerFrame, encodePeerFrame } from '#kit/raft/wire.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'

const TIMEOUT_MS = 5000
const addLearner: MemberChange = { kind: 'Add', ID: '9', peerURLs: ['http://127.0.0.1:9'], isLearner: true }

/** Members a and b of a cluster, of which a leads; what they send each other crosses the wire in its byte form. */
class Pair {
  readonly clock = new VirtualClock()
  leader: 'a' | 'b' | null = 'a'
  mayChange = true
  /** Messages from this member are lost. */
  silent: 'a' | 'b' | undefined
  /** What was proposed to Raft, in order. */
  readonly proposed: string[] = []
  readonly members = new Membership([{ id: '1', name: 'a', peerURLs: ['http://127.0.0.1:1'] }])
  readonly #parts = { a: this.#part('a'), b: this.#part('b') }

  change(asked: 'a' | 'b', change: MemberChange): Promise<unknown> {
    return this.#parts[asked].change(change).then(
      (members) => members.map(({ ID }) => ID),
      (error) => `${error.code ?? error.name}: ${error.message}`,
    )
  }

  /** Why a cannot change the members. */
  missing: Error | undefined

  #part(self: 'a' | 'b'): MemberChanges {
    const pair = this
    const options: MemberChangesOptions = {
      members: this.members,
      selfId: self,
      isConnected: () => true,
      hasCaughtUp: () => true,
      isLeader: () => this.leader === self,
      leader: () => this.leader,
      mayChange: () => this.mayChange,
      async propose(change, request) {
        pair.proposed.push(`${change.kind} ${change.member}`)
        pair.members.apply(request.memberChange!)
        return { response: { members: pair.members.list() }, revision: 1 }
      },
      send(to, frame) {
        if (pair.silent !== self) pair.#parts[to as 'a' | 'b'].receive(self, decodePeerFrame(encodePeerFrame(frame)))
        return true
      },
      clock: this.clock,
      log: silentLog,
      timeoutMs: TIMEOUT_MS,
      get missing() {
        return self === 'a' ? pair.missing : undefined
      },
    }
    return new MemberChanges(options)
  }
}

describe('a change of the members', () => {
  lesson(
    'is judged and proposed by the leader, whoever is asked',
    {
      scenario: 'b, which does not lead, is asked to add a learner; then to do it again.',
      rule: 'A follower passes a change on and gives back what the leader says: the members, or the error as it is.',
      source: 'etcd server/etcdserver/server.go, PromoteMember',
    },
    async () => {
      const pair = new Pair()
      expect(await pair.change('b', addLearner), 'the members after it').toEqual(['1', '9'])
      expect(pair.proposed).toEqual(['AddLearner 9'])
      expect(await pair.change('b', addLearner)).toBe('FAILED_PRECONDITION: etcdserver: member ID already exist')
      expect(pair.proposed, 'after the second time').toHaveLength(1)
    },
  )

  lesson(
    'waits for a leader, and for the change before it; and is judged again after that',
    {
      scenario:
        'Nobody leads; then a does, but has a change under way. When that is applied, the same learner is there already.',
      rule: 'Time may make a change impossible that was possible when it was asked for.',
      source: "Ongaro's thesis §4.1",
    },
    async () => {
      const pair = new Pair()
      pair.leader = null
      pair.mayChange = false
      const answer = pair.change('b', addLearner)
      await pair.clock.advanceAsync(500)
      pair.leader = 'a'
      await pair.clock.advanceAsync(500)
      expect(pair.proposed, 'while another change is under way').toEqual([])
      pair.members.apply(addLearner)
      pair.mayChange = true
      await pair.clock.advanceAsync(500)
      expect(await answer).toBe('FAILED_PRECONDITION: etcdserver: member ID already exist')
      expect(pair.proposed).toEqual([])
    },
  )

  lesson(
    'ends in bounded time',
    {
      scenario: 'Nobody leads; a leads, and may not begin; a leads, and its answer is lost.',
      rule: 'A client hears within the time that requests have; whether the change was made, it must then look.',
      source: 'etcd server/etcdserver/v3_server.go, request timeout',
    },
    async () => {
      const timedOut = 'UNAVAILABLE: etcdserver: request timed out'
      const answerWhen = async (asked: 'a' | 'b', situation: (pair: Pair) => void) => {
        const pair = new Pair()
        situation(pair)
        const answer = pair.change(asked, addLearner)
        await pair.clock.advanceAsync(2 * TIMEOUT_MS)
        return answer
      }
      expect({
        'nobody leads': await answerWhen('b', (pair) => {
          pair.leader = null
        }),
        'the leader may not begin': await answerWhen('a', (pair) => {
          pair.mayChange = false
        }),
        'the answer is lost': await answerWhen('b', (pair) => {
          pair.silent = 'a'
        }),
      }).toEqual({
        'nobody leads': timedOut,
        'the leader may not begin': timedOut,
        'the answer is lost': timedOut,
      })
    },
  )

  lesson(
    'is refused by a member that has not learnt it, with the step to write',
    {
      scenario: 'Step 1.13 is not written on a, which leads. a is asked, then b.',
      rule: 'An optional step that is not written is named; the members stay who they are.',
      source: 'labs/01-etcd-raft/README.md, step 1.13',
    },
    async () => {
      const pair = new Pair()
      pair.missing = new NotImplemented('1.13', 'applyChange', 'let a change take effect', 'labs/01-etcd-raft/src/x.ts')
      expect(await pair.change('a', addLearner)).toMatch(/^NotImplemented: .*`applyChange` \(step 1\.13/)
      expect(await pair.change('b', addLearner)).toMatch(/^UNIMPLEMENTED: .*`applyChange` \(step 1\.13/)
      expect(pair.proposed).toEqual([])
    },
  )
})
