/** Leases: granted, renewed, asked for, revoked, and the keys that hang on them. */
import { expect } from 'vitest'
import type { KeyEvent, LeaseKeepAliveRequest, LeaseKeepAliveResponse } from '#kit/etcd-api/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeApi, freshPrefix, refusalOf, story } from './targets.ts'

describeApi('Lease', (target) => {
  const source = 'etcd server/lease/lessor.go, rpctypes/error.go'

  lesson(
    'is granted under the id asked for, or one that the member chooses',
    story('Leases with and without an id; the same id again; times that are too short and too long.', source),
    async () => {
      const { client } = target
      expect(await client.leaseGrant({ ID: '1001', TTL: 600 })).toMatchObject({ ID: '1001', TTL: 600, error: '' })
      const { ID } = await client.leaseGrant({ TTL: 600 })
      expect(BigInt(ID)).toBeGreaterThan(0n)
      const huge = '7587862094123456789'
      expect(await client.leaseGrant({ ID: huge, TTL: 600 })).toMatchObject({ ID: huge })
      // Shorter than an election is no time at all.
      expect((await client.leaseGrant({ ID: '1002', TTL: 0 })).TTL).toBeGreaterThan(0)
      expect({
        again: await refusalOf(client.leaseGrant({ ID: '1001', TTL: 600 })),
        'too long': await refusalOf(client.leaseGrant({ ID: '1003', TTL: 9_000_000_001 })),
        longest: await refusalOf(client.leaseGrant({ ID: '1004', TTL: 9_000_000_000 })),
      }).toEqual({
        again: 'FAILED_PRECONDITION: etcdserver: lease already exists',
        'too long': 'OUT_OF_RANGE: etcdserver: too large lease TTL',
        longest: 'accepted',
      })
      const ids = (await client.leaseLeases()).leases.map((lease) => lease.ID)
      expect(ids).toEqual(expect.arrayContaining(['1001', '1002', '1004', ID, huge]))
    },
  )

  lesson(
    'takes its keys along when it is revoked, all at one revision',
    story('Two keys hang on a lease, a third did until it was put again.', source),
    async () => {
      const { client } = target
      const { prefix, all } = freshPrefix('revoke')
      await client.leaseGrant({ ID: '2001', TTL: 600 })
      for (const name of ['b', 'a', 'c']) await client.put({ key: `${prefix}${name}`, lease: '2001' })
      const { revision } = (await client.put({ key: `${prefix}c` })).header!
      const { keys, grantedTTL, TTL } = await client.leaseTimeToLive({ ID: '2001', keys: true })
      // In no particular order upstream.
      expect(keys.map(String).sort()).toEqual([`${prefix}a`, `${prefix}b`])
      expect(grantedTTL).toBe(600)
      expect(TTL).toBeLessThanOrEqual(600)
      expect((await client.leaseTimeToLive({ ID: '2001' })).keys).toEqual([])
      const revoked = await client.leaseRevoke({ ID: '2001' })
      expect(revoked.header!.revision).toBe(revision + 1)
      expect((await client.range(all)).kvs.map(({ key }) => String(key))).toEqual([`${prefix}c`])
      expect(await refusalOf(client.leaseRevoke({ ID: '2001' }))).toBe(
        'NOT_FOUND: etcdserver: requested lease not found',
      )
      await client.leaseGrant({ ID: '2002', TTL: 600 })
      expect((await client.leaseRevoke({ ID: '2002' })).header!.revision).toBe(revision + 1)
    },
  )

  lesson(
    'that does not exist has -1 seconds left, and is not brought back by a renewal',
    story('An unknown lease is asked for, and renewed on the same stream as a known one.', source),
    async () => {
      const { client, wire } = target
      expect(await client.leaseTimeToLive({ ID: '404', keys: true })).toMatchObject({
        TTL: -1,
        grantedTTL: 0,
        keys: [],
      })
      await client.leaseGrant({ ID: '3001', TTL: 600 })
      const stream = wire.open<LeaseKeepAliveRequest, LeaseKeepAliveResponse>('Lease', 'LeaseKeepAlive')
      for (const ID of ['3001', '404', '3001']) stream.say({ ID })
      const answers = [await stream.hear(), await stream.hear(), await stream.hear()]
      expect(answers.map(({ ID, TTL }) => [ID, TTL])).toEqual([
        ['3001', 600],
        ['404', 0],
        ['3001', 600],
      ])
      expect(answers[0]!.header).toMatchObject({ memberId: expect.stringMatching(/^[1-9]/) })
      stream.end()
    },
  )

  lesson(
    'that nobody renews ends, and its key with it',
    story('A lease of the shortest time, with a key that is watched.', source),
    async () => {
      const { client } = target
      const key = `${freshPrefix('expire').prefix}k`
      const { ID } = await client.leaseGrant({ TTL: 1 })
      const startRevision = (await client.put({ key, lease: ID })).header!.revision + 1
      const deleted = await new Promise((resolve) => {
        const onEvents = ([event]: readonly KeyEvent[]) => {
          watch.cancel()
          resolve(event)
        }
        const watch = client.watch({ key, startRevision }, { onEvents })
      })
      expect(deleted).toMatchObject({ type: 'DELETE' })
      expect((await client.leaseTimeToLive({ ID })).TTL).toBe(-1)
    },
  )
})
