/** The Cluster service, call by call: members as the wire tells them, codes and texts, and what an answer holds. */
import { expect } from 'vitest'
import type { MemberAddResponse, MemberListResponse } from '#kit/etcd-api/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeApi, story } from './targets.ts'

const NOT_FOUND = 5
/** What etcd answers where it forgot to say what. */
const UNKNOWN = 2
const INVALID_ARGUMENT = 3
const FAILED_PRECONDITION = 9

describeApi('the Cluster service', (target) => {
  const call = <Response = MemberListResponse>(method: string, request: object = {}) =>
    target.wire.call<Response>('Cluster', method, request)
  const refusal = (method: string, request: object) =>
    call(method, request).then(
      () => 'accepted',
      ({ code, details }) => `${code}: ${details}`,
    )

  lesson(
    'lists members with what they have said of themselves, and no revision',
    story('A cluster of one is asked who its members are, with and without `linearizable`.'),
    async () => {
      const { memberId, clusterId } = (await target.client.status()).header!
      for (const linearizable of [true, false]) {
        const { header, members } = await call('MemberList', { linearizable })
        expect(header).toMatchObject({ clusterId, memberId, revision: 0 })
        expect(members).toEqual([
          {
            ID: memberId,
            name: 'a',
            peerURLs: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)],
            clientURLs: [`http://${target.endpoint}`],
            isLearner: false,
          },
        ])
      }
    },
  )

  lesson(
    'answers an addition with the new member and all members, and the other changes with all members',
    story(
      'A learner is added and removed again, without ever having been started; the only voter gets another address.',
    ),
    async () => {
      const before = (await call('MemberList')).members
      const added = await call<MemberAddResponse>('MemberAdd', { peerURLs: ['http://127.0.0.1:1'], isLearner: true })
      const learner = { name: '', peerURLs: ['http://127.0.0.1:1'], clientURLs: [], isLearner: true }
      expect(added.member).toEqual({ ...learner, ID: expect.stringMatching(/^[1-9]\d*$/) })
      const { ID } = added.member!
      const byId = <Member extends { ID: string }>(members: readonly Member[]) =>
        [...members].sort((a, b) => (BigInt(a.ID) < BigInt(b.ID) ? -1 : 1))
      expect(added.members, 'after the addition').toEqual(byId([...before, { ...learner, ID }]))
      expect((await call('MemberRemove', { ID })).members, 'after the removal').toEqual(before)
      const [self] = before
      const peerURLs = self!.peerURLs.map((url) => url.replace('127.0.0.1', 'localhost'))
      const moved = await call('MemberUpdate', { ID: self!.ID, peerURLs })
      expect(moved.members, 'after it has moved').toEqual([{ ...self, peerURLs }])
    },
  )

  lesson(
    'refuses with these codes and texts',
    story('Changes that contradict what is, or are none.', 'etcd api/v3rpc/rpctypes/error.go'),
    async () => {
      const [self] = (await call('MemberList')).members
      const { member } = await call<MemberAddResponse>('MemberAdd', {
        peerURLs: ['http://127.0.0.1:2'],
        isLearner: true,
      })
      const taken = self!.peerURLs
      expect({
        'no address': await refusal('MemberAdd', { peerURLs: [] }),
        'an address without a scheme': await refusal('MemberAdd', { peerURLs: ['127.0.0.1:5'] }),
        'an address without a port': await refusal('MemberAdd', { peerURLs: ['http://127.0.0.1'] }),
        'an address with a path': await refusal('MemberAdd', { peerURLs: ['http://127.0.0.1:5/x'] }),
        'an address that is taken': await refusal('MemberAdd', { peerURLs: taken }),
        'a second learner': await refusal('MemberAdd', { peerURLs: ['http://127.0.0.1:5'], isLearner: true }),
        'removing a stranger': await refusal('MemberRemove', { ID: '5' }),
        'removing the only voter': await refusal('MemberRemove', { ID: self!.ID }),
        'moving a stranger': await refusal('MemberUpdate', { ID: '5', peerURLs: ['http://127.0.0.1:5'] }),
        'moving to where another is': await refusal('MemberUpdate', { ID: member!.ID, peerURLs: taken }),
        'promoting a stranger': await refusal('MemberPromote', { ID: '5' }),
        'promoting a voter': await refusal('MemberPromote', { ID: self!.ID }),
        'promoting too early': await refusal('MemberPromote', { ID: member!.ID }),
      }).toEqual({
        'no address': `${INVALID_ARGUMENT}: etcdserver: given member URLs are invalid`,
        'an address without a scheme': `${INVALID_ARGUMENT}: etcdserver: given member URLs are invalid`,
        'an address without a port': `${INVALID_ARGUMENT}: etcdserver: given member URLs are invalid`,
        'an address with a path': `${INVALID_ARGUMENT}: etcdserver: given member URLs are invalid`,
        'an address that is taken': `${FAILED_PRECONDITION}: etcdserver: Peer URLs already exists`,
        'a second learner': `${FAILED_PRECONDITION}: etcdserver: too many learner members in cluster`,
        'removing a stranger': `${NOT_FOUND}: etcdserver: member not found`,
        'removing the only voter': `${UNKNOWN}: etcdserver: re-configuration failed due to not enough started members`,
        'moving a stranger': `${NOT_FOUND}: etcdserver: member not found`,
        'moving to where another is': `${FAILED_PRECONDITION}: etcdserver: Peer URLs already exists`,
        'promoting a stranger': `${NOT_FOUND}: etcdserver: member not found`,
        'promoting a voter': `${FAILED_PRECONDITION}: etcdserver: can only promote a learner member`,
        'promoting too early': `${FAILED_PRECONDITION}: etcdserver: can only promote a learner member which is in sync with leader`,
      })
      await call('MemberRemove', { ID: member!.ID })
    },
  )
})
