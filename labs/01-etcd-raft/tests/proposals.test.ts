/**
 * What surrounds proposals in a member: given code, on ticks that the test makes.
 */
import { describe, expect } from 'vitest'
import { decodeCommand, encodeCommand, type Request } from '#etcd/server/command.ts'
import { Proposals } from '#etcd/server/proposals.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { deleteRequest, putRequest, rangeRequest, txnRequest } from './fixtures.ts'

const put = (key: string): Request => ({ put: putRequest(key, '') })

/** Proposals of a member that may or may not know a leader; what it hands over is kept. */
function member(timeoutTicks = 10) {
  const handedOver: string[] = []
  const surroundings = { hasLeader: true }
  const handOver = (data: string) => surroundings.hasLeader && handedOver.push(data) > 0
  return { proposals: new Proposals({ handOver, timeoutTicks }), handedOver, surroundings }
}

const answerTo = (proposal: Promise<unknown>) =>
  proposal.then(
    () => 'done',
    ({ message }) => message,
  )

describe('proposals', () => {
  lesson(
    'a client is told when its time is up, and not a tick before',
    {
      scenario:
        'One write is proposed, five ticks later another; nothing is ever decided, and ten ticks are all they get.',
      rule: 'Every request is answered within bounded time; what becomes of it stays open.',
      source: 'etcd server/etcdserver/v3_server.go, processInternalRaftRequestOnce',
    },
    async () => {
      const { proposals } = member(10)
      const told: string[] = []
      const propose = (name: string) =>
        void answerTo(proposals.propose(put(name))).then((answer) => told.push(`${name}: ${answer}`))
      const tick = async (count: number) => {
        for (let i = 0; i < count; i++) proposals.tick()
        await Promise.resolve()
          .then(() => {})
          .then(() => {})
      }
      propose('first')
      await tick(5)
      propose('second')
      await tick(4)
      expect(told, 'after nine ticks').toEqual([])
      await tick(1)
      expect(told, 'after ten ticks').toEqual(['first: etcdserver: request timed out'])
      await tick(5)
      expect(told, 'after fifteen').toHaveLength(2)
    },
  )

  lesson(
    'hands over once what waits for a leader, and again only what never left',
    {
      scenario:
        'A write comes while there is no leader; then there is one; then the connection to it turns out to be lost.',
      rule: 'A command that is on its way may be decided at any later time, so it must not be proposed a second time.',
      source: 'etcd server/etcdserver/v3_server.go, processInternalRaftRequestOnce',
    },
    () => {
      const { proposals, handedOver, surroundings } = member()
      surroundings.hasLeader = false
      void answerTo(proposals.propose(put('a')))
      proposals.tick()
      expect(handedOver, 'while there is no leader').toEqual([])
      surroundings.hasLeader = true
      proposals.tick()
      proposals.tick()
      expect(handedOver, 'two ticks after there is one').toHaveLength(1)
      proposals.takeBack(handedOver)
      proposals.tick()
      expect(handedOver, 'after it was taken back').toHaveLength(2)
      expect(handedOver[1]).toBe(handedOver[0])
    },
  )

  lesson(
    'recognises its own command in the log, and knows of it what everyone else reads there',
    {
      scenario: 'Two members propose the same put; their commands come back decided, each to both.',
      rule: 'The same commands on every member: whoever kept a command instead of reading it from the log must have kept the same.',
      source: 'Raft §2, "replicated state machines"',
    },
    async () => {
      const [one, other] = [member(), member()]
      const answer = answerTo(one.proposals.propose(put('a')))
      void answerTo(other.proposals.propose(put('a')))
      const [ours, theirs] = [one.handedOver[0]!, other.handedOver[0]!]
      expect(one.proposals.commandOf(ours)).toEqual(decodeCommand(ours))
      expect(one.proposals.commandOf(theirs), "the other member's").toBeUndefined()
      const outcome = { result: { ok: true, response: {} }, revision: 2 } as const
      one.proposals.settle(theirs, outcome)
      one.proposals.settle(ours, outcome)
      expect(await answer).toBe('done')
      expect(one.proposals.commandOf(ours), 'once it is answered').toBeUndefined()
    },
  )

  lesson(
    'writes every kind of request into the log such that it reads the same',
    {
      scenario: 'Requests as clients send them, each made into a command and read again.',
      rule: 'A member that proposed a command applies what it kept; a member that restarts applies what it reads.',
      source: 'etcd api/etcdserverpb/raft_internal.proto',
    },
    () => {
      const deletion = deleteRequest('\0\xff', { rangeEnd: '\0', prevKv: true })
      const read = rangeRequest({ key: 'a', sortTarget: 'VALUE', sortOrder: 'DESCEND' })
      const inner = txnRequest({ success: [{ requestDeleteRange: deletion }], failure: [{ requestRange: read }] })
      const requests: Request[] = [
        { put: putRequest('\x80', '\0', { lease: '9223372036854775807', ignoreLease: true }) },
        { deleteRange: deletion },
        { txn: { ...inner, failure: [{ requestTxn: inner }] } },
        { leaseGrant: { ID: '-1', TTL: 9_000_000_000 } },
        { leaseRevoke: { ID: '1' } },
      ]
      for (const request of requests) {
        const command = { id: 'x', ...request }
        expect(decodeCommand(encodeCommand(command))).toEqual(command)
      }
    },
  )
})
