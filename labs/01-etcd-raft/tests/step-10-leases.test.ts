import { describe, expect } from 'vitest'
import { Lessor } from '#etcd/lease/lessor.ts'
import type { Change, KeyEvent } from '#etcd/mvcc/types.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { refusal } from './fixtures.ts'

const SECOND = 1000

const put = (key: string, lease: string): KeyEvent => ({
  type: 'PUT',
  kv: { key, createRevision: 2, modRevision: 2, version: 1, value: '', lease },
})
const remove = (key: string): KeyEvent => ({ ...put(key, '0'), type: 'DELETE' })
const change = (...events: KeyEvent[]): Change => ({ revision: 2, events })

describe('without any lease', () => {
  const story = {
    scenario:
      'A lessor that has granted nothing is asked to revoke, to renew, to follow the store, to look what has expired.',
    rule: 'A lease that does not exist cannot end or be renewed; keys without a lease concern nobody.',
    source: 'etcd server/lease/lessor.go',
  }
  const notFound = 'etcdserver: requested lease not found'

  lesson('nothing can be revoked', story, () => expect(refusal(() => new Lessor().revoke('7'))).toBe(notFound))
  lesson('nothing can be renewed', story, () => expect(refusal(() => new Lessor().renew('7', 0))).toBe(notFound))
  lesson('nothing has expired', story, () => expect(new Lessor().expired(0)).toEqual([]))
  lesson('keys without a lease, or with one that is gone, hang on nothing', story, () => {
    const lessor = new Lessor()
    lessor.follow(change(put('k', '0'), put('l', '7'), remove('k')))
    expect(lessor.ids()).toEqual([])
  })
})

describe('granting and revoking', () => {
  lesson(
    'grants an id once, for a time within reason',
    {
      scenario: 'Lease 7 is granted twice; lease 8 for longer than anybody lives.',
      rule: 'A lease id is unique; the TTL is at most 9,000,000,000 seconds.',
      source: 'etcd server/lease/lessor.go, Grant',
    },
    () => {
      const lessor = new Lessor()
      lessor.grant('7', 60, 0)
      expect(lessor.view('7')).toEqual({ id: '7', ttl: 60, keys: [] })
      expect(refusal(() => lessor.grant('7', 60, 0))).toContain('etcdserver: lease already exists')
      expect(refusal(() => lessor.grant('8', 9_000_000_001, 0))).toContain('etcdserver: too large lease TTL')
      expect(lessor.ids()).toEqual(['7'])
    },
  )

  lesson(
    'revoking gives the keys to delete, and forgets the lease',
    {
      scenario: 'Two keys hang on lease 7. It is revoked, twice.',
      rule: 'When a lease ends, the keys attached to it are deleted.',
      source: 'etcd server/lease/lessor.go, Revoke',
    },
    () => {
      const lessor = new Lessor()
      lessor.grant('7', 60, 0)
      lessor.follow(change(put('b', '7'), put('a', '7'), put('c', '0')))
      expect(lessor.revoke('7')).toEqual(['a', 'b'])
      expect(refusal(() => lessor.revoke('7'))).toContain('etcdserver: requested lease not found')
      expect(lessor.ids()).toEqual([])
    },
  )
})

describe('attached keys', () => {
  lesson(
    'follow the store: the last put decides on which lease a key hangs',
    {
      scenario: 'A key is put with lease 7, with lease 8, without a lease, and deleted.',
      rule: 'A key is attached to the lease of its newest version, and to no other.',
      source: 'etcd server/storage/mvcc/kvstore_txn.go, put and delete',
    },
    () => {
      const lessor = new Lessor()
      lessor.grant('7', 60, 0)
      lessor.grant('8', 60, 0)
      const keysOf = () => ['7', '8'].map((id) => lessor.view(id)!.keys.join(' '))
      lessor.follow(change(put('k', '7'), put('l', '7')))
      expect(keysOf()).toEqual(['k l', ''])
      lessor.follow(change(put('k', '8')))
      expect(keysOf()).toEqual(['l', 'k'])
      lessor.follow(change(put('k', '0')))
      expect(keysOf()).toEqual(['l', ''])
      lessor.follow(change(remove('l')))
      expect(keysOf()).toEqual(['', ''])
      expect(lessor.revoke('7')).toEqual([])
    },
  )
})

describe('time', () => {
  lesson(
    'renewing gives the full time again',
    {
      scenario: 'The leader renews a lease of 10 seconds after 8 seconds.',
      rule: 'A renewal starts the TTL again; it is no write, just the leader’s clock.',
      source: 'etcd server/lease/lessor.go, Renew',
    },
    () => {
      const lessor = new Lessor()
      lessor.setLeader(true, 0)
      lessor.grant('7', 10, 0)
      expect(lessor.renew('7', 8 * SECOND), 'seconds that it has again').toBe(10)
      expect(lessor.secondsLeft('7', 9 * SECOND), 'seconds left a second later').toBe(9)
      expect(lessor.expired(17 * SECOND)).toEqual([])
      expect(lessor.expired(18 * SECOND)).toEqual(['7'])
    },
  )

  lesson(
    'nobody brings back a lease whose time is over',
    {
      scenario:
        'A lease of 10 seconds is renewed after 10 seconds, before its revocation is decided; so is one that never was.',
      rule: 'An expired lease cannot be renewed: its holder may already have been given up.',
      source: 'etcd server/lease/lessor.go, Renew',
    },
    () => {
      const lessor = new Lessor()
      lessor.setLeader(true, 0)
      lessor.grant('7', 10, 0)
      expect(refusal(() => lessor.renew('7', 10 * SECOND))).toContain('etcdserver: requested lease not found')
      expect(refusal(() => lessor.renew('8', 0))).toContain('etcdserver: requested lease not found')
    },
  )

  lesson(
    'only the leader finds leases expired',
    {
      scenario: 'A follower has a lease whose time, by its own clock, has long passed: the leader renewed it.',
      rule: 'One clock decides, the leader’s.',
      source: 'etcd server/lease/lessor.go, isPrimary',
    },
    () => {
      const lessor = new Lessor()
      lessor.grant('7', 10, 0)
      lessor.grant('8', 90, 0)
      expect(lessor.expired(60 * SECOND)).toEqual([])
    },
  )

  lesson(
    'a new leader gives every lease its full time, once',
    {
      scenario:
        'A follower becomes leader when, by its clock, a lease of 10 seconds has expired. It is told again and again that it leads.',
      rule: 'Renewals are not in the log, so a new leader must assume that each was just renewed: longer than the TTL, never shorter.',
      source: 'etcd server/lease/lessor.go, Promote',
    },
    () => {
      const lessor = new Lessor()
      lessor.grant('7', 10, 0)
      lessor.setLeader(true, 60 * SECOND)
      expect(lessor.expired(60 * SECOND)).toEqual([])
      lessor.setLeader(true, 65 * SECOND)
      expect(lessor.expired(70 * SECOND), 'ten seconds after the election').toEqual(['7'])
      lessor.setLeader(false, 71 * SECOND)
      expect(lessor.expired(72 * SECOND)).toEqual([])
    },
  )
})
