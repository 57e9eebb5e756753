import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { foundCluster, memberId } from '#etcd/server/cluster.ts'
import type { MemberChange } from '#etcd/server/command.ts'
import { enterCluster, markRemoved, REMOVED } from '#etcd/server/founding.ts'
import { Membership } from '#etcd/server/membership.ts'
import { checkChange } from '#etcd/server/membership-rules.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { refusal } from './fixtures.ts'

const alone = { name: 'default', initialCluster: 'default=http://localhost:2380', initialClusterToken: 'etcd-cluster' }
const hex = (id: string) => BigInt(id).toString(16)

describe('ids', () => {
  lesson(
    'are the ones that the real etcd gives',
    {
      scenario: 'A cluster of one is founded with the flags that etcd has when none are given.',
      rule: 'Ids are hashes of peer URLs and the cluster’s token, so all founders know each other’s without asking.',
      source: 'etcd server/etcdserver/api/membership/member.go, computeMemberID',
    },
    () => {
      const { clusterId, self } = foundCluster(alone)
      expect({ member: hex(self.id), cluster: hex(clusterId) }).toEqual({
        member: '8e9e05c52164694d',
        cluster: 'cdf818194e3a8c32',
      })
    },
  )

  lesson(
    'differ for one that comes back to an address, and do not depend on the order of addresses',
    {
      scenario: 'A member is added, removed, and a second later another one is added with the same two URLs.',
      rule: 'An id that was removed never comes back; the one who has its address now is somebody else.',
      source: 'etcd server/etcdserver/api/membership/member.go',
    },
    () => {
      const urls = ['http://127.0.0.1:1', 'http://127.0.0.1:2']
      expect(memberId(urls, '', 1000), 'a second later').not.toBe(memberId(urls, '', 1001))
      expect(memberId([...urls].reverse(), '', 1000), 'the other way round').toBe(memberId(urls, '', 1000))
    },
  )
})

/** Voters 1, 2, 3, …, all started, at ports of the same numbers; those in `learners` learn, those in `unstarted` have no name. */
function cluster(size: number, { learners = [] as string[], unstarted = [] as string[] } = {}): Membership {
  const members = new Membership()
  const all = Array.from({ length: size }, (_, place) => String(place + 1))
  members.restore({
    members: all.map((id) => ({
      ID: id,
      name: unstarted.includes(id) ? '' : `m${id}`,
      peerURLs: [`http://127.0.0.1:${id}`],
      clientURLs: [],
      isLearner: learners.includes(id),
    })),
    removed: ['99'],
  })
  return members
}

describe('what the leader refuses', () => {
  const change = (kind: MemberChange['kind'], ID: string, different: Partial<MemberChange> = {}): MemberChange => ({
    kind,
    ID,
    peerURLs: [`http://127.0.0.1:${ID}`],
    isLearner: false,
    ...different,
  })
  /** Asked of member 1, which reaches everyone but `down`, and whose learners have caught up but for `behind`. */
  const refused = (members: Membership, asked: MemberChange, { down = [] as string[], behind = [] as string[] } = {}) =>
    refusal(() =>
      checkChange(
        {
          members,
          selfId: '1',
          isConnected: (id) => !down.includes(id),
          hasCaughtUp: (id) => !behind.includes(id),
        },
        asked,
      ),
    ).replace('etcdserver: ', '')

  const NOT_STARTED = 're-configuration failed due to not enough started members'
  const NOT_READY = 'can only promote a learner member which is in sync with leader'

  lesson(
    'additions that contradict what is, or that the cluster could not bear',
    {
      scenario: 'Clusters of one to five are asked for one more, with members down or not started.',
      rule: 'After an addition a majority must be there even if the new member never starts.',
      source: 'etcd server/etcdserver/server.go, mayAddMember',
    },
    () => {
      const learner = { isLearner: true }
      expect({
        'to one': refused(cluster(1), change('Add', '9')),
        'to two, of which one has not started': refused(cluster(2, { unstarted: ['2'] }), change('Add', '9')),
        'to three': refused(cluster(3), change('Add', '9')),
        'to three, of which one is down': refused(cluster(3), change('Add', '9'), { down: ['3'] }),
        'to five, of which one is down': refused(cluster(5), change('Add', '9'), { down: ['5'] }),
        'to five, of which two are down': refused(cluster(5), change('Add', '9'), { down: ['4', '5'] }),
        'a learner, while one of three is down': refused(cluster(3), change('Add', '9', learner), { down: ['3'] }),
        'a second learner': refused(cluster(3, { learners: ['3'] }), change('Add', '9', learner)),
        'one that is there': refused(cluster(3), change('Add', '3')),
        'one at the address of another': refused(cluster(3), change('Add', '9', { peerURLs: ['http://127.0.0.1:3'] })),
        'one that was removed': refused(cluster(3), change('Add', '99')),
      }).toEqual({
        'to one': '',
        'to two, of which one has not started': NOT_STARTED,
        'to three': '',
        'to three, of which one is down': 'unhealthy cluster',
        'to five, of which one is down': '',
        'to five, of which two are down': 'unhealthy cluster',
        'a learner, while one of three is down': '',
        'a second learner': 'too many learner members in cluster',
        'one that is there': 'member ID already exist',
        'one at the address of another': 'Peer URLs already exists',
        'one that was removed': 'member not found',
      })
    },
  )

  lesson(
    'removals after which nothing could be decided',
    {
      scenario: 'Clusters of one to three are asked to do without somebody.',
      rule: 'Those who are left must be a majority of themselves. Who is down, or has no vote, is no loss.',
      source: 'etcd server/etcdserver/server.go, mayRemoveMember',
    },
    () => {
      expect({
        'the only one': refused(cluster(1), change('Remove', '1')),
        'one of three': refused(cluster(3), change('Remove', '2')),
        'the leader of three': refused(cluster(3), change('Remove', '1')),
        'the one that is down, of three': refused(cluster(3), change('Remove', '3'), { down: ['3'] }),
        'one that is well, of three of which another is down': refused(cluster(3), change('Remove', '2'), {
          down: ['3'],
        }),
        'the one that has not started, of two': refused(cluster(2, { unstarted: ['2'] }), change('Remove', '2')),
        'the one that has started, of two': refused(cluster(2, { unstarted: ['2'] }), change('Remove', '1')),
        'a learner, while one of two voters is down': refused(cluster(3, { learners: ['3'] }), change('Remove', '3'), {
          down: ['2'],
        }),
        'a stranger': refused(cluster(3), change('Remove', '9')),
      }).toEqual({
        'the only one': NOT_STARTED,
        'one of three': '',
        'the leader of three': '',
        'the one that is down, of three': '',
        'one that is well, of three of which another is down': 'unhealthy cluster',
        'the one that has not started, of two': '',
        'the one that has started, of two': NOT_STARTED,
        'a learner, while one of two voters is down': '',
        'a stranger': 'member not found',
      })
    },
  )

  lesson(
    'promotions that come too early, and moves to where somebody is',
    {
      scenario:
        'A learner that is behind, one that is not, a voter and a stranger are promoted; members get new addresses.',
      rule: 'Only a learner can be promoted, and only when it has the log. No two members share an address.',
      source: 'etcd server/etcdserver/server.go, mayPromoteMember',
    },
    () => {
      const three = () => cluster(3, { learners: ['3'] })
      expect({
        'a learner': refused(three(), change('Promote', '3')),
        'a learner that is behind': refused(three(), change('Promote', '3'), { behind: ['3'] }),
        'a voter': refused(three(), change('Promote', '2')),
        'a stranger': refused(three(), change('Promote', '9')),
        'a new address': refused(three(), change('Update', '2', { peerURLs: ['http://127.0.0.1:20'] })),
        'its own address': refused(three(), change('Update', '2')),
        'the address of another': refused(three(), change('Update', '2', { peerURLs: ['http://127.0.0.1:1'] })),
        'a new address of a stranger': refused(three(), change('Update', '9')),
      }).toEqual({
        'a learner': '',
        'a learner that is behind': NOT_READY,
        'a voter': 'can only promote a learner member',
        'a stranger': 'member not found',
        'a new address': '',
        'its own address': '',
        'the address of another': 'Peer URLs already exists',
        'a new address of a stranger': 'member not found',
      })
    },
  )
})

describe('the members that were agreed on', () => {
  lesson(
    'follow the changes, and are the same after a snapshot',
    {
      scenario:
        'A learner is added, starts, is promoted and moves; the founder is removed. Then a snapshot is taken and read.',
      rule: 'Members are part of the replicated state.',
      source: 'etcd server/etcdserver/api/membership/cluster.go',
    },
    () => {
      const members = new Membership([{ id: '1', name: 'a', peerURLs: ['http://127.0.0.1:1'] }])
      const nothing = { peerURLs: [], isLearner: false }
      members.apply({ kind: 'Add', ID: '2', peerURLs: ['http://127.0.0.1:2'], isLearner: true })
      members.publish({ ID: '2', name: 'b', clientURLs: ['http://127.0.0.1:22'] })
      members.apply({ ...nothing, kind: 'Promote', ID: '2' })
      members.apply({ ...nothing, kind: 'Update', ID: '2', peerURLs: ['http://127.0.0.1:3'] })
      members.apply({ ...nothing, kind: 'Remove', ID: '1' })
      const copy = new Membership()
      copy.restore(members.contents())
      const address = { peerURLs: ['http://127.0.0.1:3'], clientURLs: ['http://127.0.0.1:22'] }
      expect(copy.list()).toEqual([{ ID: '2', name: 'b', ...address, isLearner: false }])
      expect([copy.isRemoved('1'), copy.isRemoved('2')], 'whether 1 and 2 were removed').toEqual([true, false])
    },
  )
})

describe('entering a cluster', () => {
  lesson(
    'flags count for the first start only, and whoever was removed never starts again',
    {
      scenario: 'A member is founded, started again with other flags, and removed.',
      rule: 'What a member was founded with is in its data directory, and so is that it was removed.',
      source: 'etcd server/etcdserver/bootstrap.go',
    },
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'founding-'))
      try {
        const flags = { ...alone, initialClusterState: 'new' } as const
        const founded = await enterCluster(directory, flags, undefined)
        const again = await enterCluster(directory, { ...flags, name: 'x', initialCluster: 'nonsense' }, undefined)
        expect(again, 'with other flags').toEqual(founded)
        await markRemoved(directory)
        await expect(enterCluster(directory, flags, undefined)).rejects.toThrow(REMOVED)
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },
  )
})
