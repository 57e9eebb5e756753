/**
 * What surrounds a transfer of leadership in a member, and how a member finds out what it can do without: given code, on virtual time.
 */
import { describe, expect, vi } from 'vitest'
import { leaveOffice, moveLeader, type Office } from '#etcd/server/move-leader.ts'
import { raftFeatures } from '#etcd/server/raft-features.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'

const parts = vi.hoisted(() => ({ missing: new Set<string>() }))
vi.mock('#etcd/raft/pre-vote.ts', () => ({
  becomePreCandidate: () => {},
  concludePreVote: () => {},
  decidePreVote: () => written('decidePreVote'),
}))
vi.mock('#etcd/raft/check-quorum.ts', () => ({
  hearsFromLeader: () => false,
  isDisturbance: () => written('isDisturbance'),
  hasLostQuorum: () => written('hasLostQuorum'),
}))

function written(symbol: string): boolean {
  if (parts.missing.has(symbol)) throw new NotImplemented('1.11', symbol, 'something', 'labs/01-etcd-raft/src/x.ts')
  return true
}

/** A member a that leads, unless the test says otherwise. */
function office(different: Partial<Office> = {}) {
  const clock = new VirtualClock()
  const asked: string[] = []
  const handOverTo = (to: string) => asked.push(to) > 0
  const defaults = { selfId: 'a', leader: () => 'a', handOverTo, likelySuccessor: () => 'b', isConnected: () => true }
  return { clock, asked, office: { ...defaults, clock, pollMs: 20, timeoutMs: 1000, ...different } }
}

const outcome = (moving: Promise<void>) =>
  moving.then(
    () => 'moved',
    ({ code, message }) => `${code}: ${message}`,
  )

describe('moveLeader', () => {
  const story = {
    scenario: 'Member a is asked to move leadership to b, in different situations.',
    rule: 'Upstream’s errors, which clients know by their text.',
    source: 'etcd server/etcdserver/server.go, MoveLeader',
  }

  lesson('refuses what cannot be', story, async () => {
    expect(await outcome(moveLeader(office({ leader: () => 'c' }).office, 'b'))).toBe(
      'FAILED_PRECONDITION: etcdserver: not leader',
    )
    expect(await outcome(moveLeader(office({ handOverTo: () => false }).office, 'x'))).toBe(
      'FAILED_PRECONDITION: etcdserver: bad leader transferee',
    )
    const itself = office()
    expect(await outcome(moveLeader(itself.office, 'a'))).toBe('moved')
    expect(itself.asked, 'handed over to').toEqual([])
  })

  lesson('ends when the other leads, or when Raft has given it up', story, async () => {
    let leader: string | null = 'a'
    const moving = office({ leader: () => leader })
    const moved = outcome(moveLeader(moving.office, 'b'))
    await moving.clock.advanceAsync(100)
    leader = null
    await moving.clock.advanceAsync(100)
    leader = 'b'
    await moving.clock.advanceAsync(20)
    expect(await moved).toBe('moved')

    const stuck = office()
    const failed = outcome(moveLeader(stuck.office, 'b'))
    await stuck.clock.advanceAsync(1000)
    expect(await failed).toBe('UNKNOWN: etcdserver: request timed out, leader transfer took too long')
  })
})

describe('leaveOffice', () => {
  lesson(
    'waits for a successor, but never for long',
    {
      scenario:
        'A member stops: as a follower, as a leader alone, as one whose successor takes over, dies, or does nothing; and without step 1.12.',
      rule: 'A member that is asked to stop stops, whatever becomes of its office.',
      source: 'etcd server/etcdserver/server.go, TransferLeadership',
    },
    async () => {
      const stopsAfter = async (different: Partial<Office>) => {
        const { clock, office: one } = office(different)
        let endedAtMs: number | undefined
        const leaving = leaveOffice({ ...one, ...different }).then(() => {
          endedAtMs = clock.now()
        })
        const beganAtMs = clock.now()
        await clock.advanceAsync(2000)
        await leaving
        return endedAtMs! - beganAtMs
      }
      const never = new NotImplemented('1.12', 'transferLeadership', 'hand over', 'labs/01-etcd-raft/src/x.ts')
      let looks = 0
      expect({
        'a follower': await stopsAfter({ leader: () => 'b' }),
        'a leader alone': await stopsAfter({ likelySuccessor: () => null }),
        'b takes over': await stopsAfter({ leader: () => (looks++ < 3 ? 'a' : 'b') }),
        'b dies': await stopsAfter({ isConnected: () => false }),
        'b does nothing': await stopsAfter({}),
        'step 1.12 is not written': await stopsAfter({
          handOverTo: () => {
            throw never
          },
        }),
      }).toEqual({
        'a follower': 0,
        'a leader alone': 0,
        'b takes over': 40,
        'b dies': 0,
        'b does nothing': 1000,
        'step 1.12 is not written': 0,
      })
    },
  )
})

describe('raftFeatures', () => {
  lesson(
    'leaves out what is not written, and says so once',
    {
      scenario: 'A member starts while parts of step 1.11 are missing.',
      rule: 'An optional step that is not written takes nothing away from the rest.',
      source: 'labs/01-etcd-raft/README.md, step 1.11',
    },
    () => {
      const without = (...missing: string[]) => {
        parts.missing = new Set(missing)
        const warnings: string[] = []
        const { preVote, checkQuorum } = raftFeatures(
          { preVote: true },
          { ...silentLog, warn: (message) => warnings.push(message.replace(/: not.*`(.*)`.*/, ': $1')) },
        )
        return [`pre-vote ${preVote}, check-quorum ${checkQuorum}`, ...warnings]
      }
      expect(without()).toEqual(['pre-vote true, check-quorum true'])
      expect(without('decidePreVote')).toEqual([
        'pre-vote false, check-quorum true',
        'runs without pre-vote: decidePreVote',
      ])
      expect(without('isDisturbance', 'hasLostQuorum')).toEqual([
        'pre-vote false, check-quorum false',
        'runs without pre-vote: isDisturbance',
        'runs without check-quorum: hasLostQuorum',
      ])
      parts.missing.clear()
      expect(raftFeatures({ preVote: false }, silentLog)).toEqual({
        preVote: false,
        checkQuorum: true,
        leaseReads: false,
      })
    },
  )
})
