/** Maintenance and Cluster: how a member is, checksums, snapshots, alarms, and who there is. */
import { createHash } from 'node:crypto'
import { Client, credentials } from '@grpc/grpc-js'
import { expect } from 'vitest'
import { hashVersions } from '#kit/etcd-api/key-bucket.ts'
import type { AlarmRequest, SnapshotResponse, Sparse, StatusResponse } from '#kit/etcd-api/messages.ts'
import { readSnapshotFile } from '#kit/etcd-api/snapshot-file.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeApi, freshPrefix, refusalOf, story } from './targets.ts'

const SOURCE = 'etcd server/etcdserver/api/v3rpc/maintenance.go'

describeApi('Maintenance', (target) => {
  const saveSnapshot = async () => {
    const pieces = await target.wire.collect<SnapshotResponse>('Maintenance', 'Snapshot', {})
    return { pieces, file: Buffer.concat(pieces.map(({ blob }) => blob)) }
  }

  lesson(
    'a member says who leads, how far it is, and how large',
    story('The status of the only member, before and after a put.', SOURCE),
    async () => {
      const { client } = target
      const before = await client.status()
      const { header } = await client.put({ key: `${freshPrefix('status').prefix}k` })
      const after = await client.status()
      expect(after).toMatchObject({
        header,
        leader: header!.memberId,
        raftTerm: header!.raftTerm,
        errors: [],
        isLearner: false,
        version: expect.stringMatching(/^3\.\d+\.\d+$/),
      } satisfies Sparse<StatusResponse>)
      expect(after.raftIndex).toBe(before.raftIndex + 1)
      expect(after.raftAppliedIndex).toBe(after.raftIndex)
      expect(after.dbSize).toBeGreaterThan(0)
      expect(after.dbSizeInUse).toBeGreaterThan(0)
    },
  )

  lesson(
    'a snapshot is the database, its SHA-256 behind it, and it holds all that is not compacted',
    story('Keys are put, deleted, leased; the store is compacted; a snapshot is taken.', SOURCE),
    async () => {
      const { client } = target
      const { prefix } = freshPrefix('snapshot')
      const [a, b] = [`${prefix}a`, `${prefix}b`]
      const { ID } = await client.leaseGrant({ TTL: 600 })
      await client.put({ key: a, value: '1' })
      const compacted = (await client.put({ key: a, value: '2' })).header!.revision
      await client.put({ key: b, value: 'x'.repeat(100_000), lease: ID })
      const { revision } = (await client.deleteRange({ key: a })).header!
      await client.compact({ revision: compacted, physical: true })
      const { pieces, file } = await saveSnapshot()
      expect(file.length % 512).toBe(32)
      expect(file.subarray(-32)).toEqual(createHash('sha256').update(file.subarray(0, -32)).digest())
      expect(pieces.at(-1)!.remainingBytes).toBe(0)
      const contents = readSnapshotFile(file)
      expect(contents).toMatchObject({ revision, compactRevision: compacted, leases: [{ id: ID, ttl: 600 }] })
      const ours = contents.versions.filter(({ key }) => key.startsWith(prefix))
      expect(ours.map((version) => [version.key, version.revision, version.kv?.value.length])).toEqual([
        [a, compacted, 1],
        [b, compacted + 1, 100_000],
        [a, revision, undefined],
      ])
      const [member] = (await client.memberList()).members
      expect(contents.members).toEqual([member])
    },
  )

  lesson(
    'HashKV is a checksum of the history, which anybody with the same history can check',
    story(
      'A history with deletions, transactions and a compaction; its checksum is made of a snapshot, too.',
      'etcd server/storage/mvcc/hash.go',
    ),
    async () => {
      const { client } = target
      const { prefix, all } = freshPrefix('hash')
      for (const value of ['1', '2', '3']) await client.put({ key: `${prefix}a`, value })
      const put = (name: string) => ({ requestPut: { key: `${prefix}${name}`, value: name } })
      const middle = (await client.txn({ success: [put('b'), put('c')] })).header!.revision
      await client.deleteRange(all)
      await client.put({ key: `${prefix}b` })
      for (const compact of [undefined, middle - 1]) {
        if (compact) await client.compact({ revision: compact, physical: true })
        const contents = readSnapshotFile((await saveSnapshot()).file)
        const { compactRevision, revision } = contents
        for (const asked of [0, middle, revision]) {
          const answer = await client.hashKV({ revision: asked })
          expect(answer.hash).toBe(
            await hashVersions(contents.versions, { compactRevision, revision: asked || revision }),
          )
          expect(answer.compactRevision).toBe(compactRevision)
          expect(answer.header!.revision).toBe(revision)
          // New in 3.5.
          if (target.isOurs) expect(answer.hashRevision).toBe(asked || revision)
        }
      }
      expect(await refusalOf(client.hashKV({ revision: 1_000_000 }))).toBe(
        'OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision',
      )
      expect(await refusalOf(client.hashKV({ revision: 1 }))).toBe(
        'OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted',
      )
    },
  )

  lesson(
    'defragmenting changes nothing that a client could see',
    story('A member is defragmented between two reads.', SOURCE),
    async () => {
      const { client, wire } = target
      const { prefix, all } = freshPrefix('defragment')
      await client.put({ key: `${prefix}k`, value: 'v' })
      const before = await client.range(all)
      expect(await wire.call('Maintenance', 'Defragment', {})).toEqual({})
      expect(await client.range(all)).toEqual(before)
    },
  )

  lesson(
    'NOSPACE stops what needs space, and lets pass what makes room, until it is disarmed',
    story(
      'The alarm is raised by hand, everything is tried, and it is disarmed.',
      'etcd server/etcdserver/apply/capped.go',
    ),
    async () => {
      const { client } = target
      const { prefix, all } = freshPrefix('space')
      const [a, b] = [`${prefix}a`, `${prefix}b`]
      const memberID = (await client.memberList()).members[0]!.ID
      const revision = (await client.put({ key: a })).header!.revision
      const alarm = (action: AlarmRequest['action']) => client.alarm({ action, memberID, alarm: 'NOSPACE' })
      const raised = [{ memberID, alarm: 'NOSPACE' }]
      expect((await client.alarm()).alarms).toEqual([])
      expect((await alarm('ACTIVATE')).alarms).toEqual(raised)
      expect((await alarm('ACTIVATE')).alarms).toEqual(raised)
      expect((await client.alarm()).alarms).toEqual(raised)
      expect((await client.alarm({ alarm: 'CORRUPT' })).alarms).toEqual([])
      expect((await client.status()).errors).toEqual([`memberID:${memberID} alarm:NOSPACE `])
      const full = 'RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded'
      const put = { requestPut: { key: b } }
      expect({
        put: await refusalOf(client.put({ key: b })),
        'txn with a put': await refusalOf(client.txn({ success: [put] })),
        'txn with a put in the branch not taken': await refusalOf(client.txn({ failure: [put] })),
        'lease grant': await refusalOf(client.leaseGrant({ TTL: 60 })),
        range: await refusalOf(client.range({ key: a })),
        'txn that reads': await refusalOf(client.txn({ success: [{ requestRange: { key: a } }] })),
        'txn that deletes': await refusalOf(client.txn({ success: [{ requestDeleteRange: { key: b } }] })),
        delete: await refusalOf(client.deleteRange({ key: a })),
        compact: await refusalOf(client.compact({ revision })),
      }).toEqual({
        put: full,
        'txn with a put': full,
        'txn with a put in the branch not taken': full,
        'lease grant': full,
        range: 'accepted',
        'txn that reads': 'accepted',
        'txn that deletes': 'accepted',
        delete: 'accepted',
        compact: 'accepted',
      })
      expect((await alarm('DEACTIVATE')).alarms).toEqual(raised)
      expect((await alarm('DEACTIVATE')).alarms).toEqual([])
      expect(await refusalOf(client.put({ key: b }))).toBe('accepted')
      expect((await client.range(all)).count).toBe(1)
      expect((await client.status()).errors).toEqual([])
    },
  )

  lesson(
    'CORRUPT stops every write',
    story(
      'The alarm is raised by hand; writes and a read are tried; it is disarmed.',
      'etcd server/etcdserver/apply/corrupt.go',
    ),
    async () => {
      const { client } = target
      const key = `${freshPrefix('corrupt').prefix}k`
      const memberID = (await client.memberList()).members[0]!.ID
      await client.alarm({ action: 'ACTIVATE', memberID, alarm: 'CORRUPT' })
      const corrupt = 'DATA_LOSS: etcdserver: corrupt cluster'
      expect(await refusalOf(client.put({ key }))).toBe(corrupt)
      expect(await refusalOf(client.deleteRange({ key }))).toBe(corrupt)
      expect(await refusalOf(client.txn({ success: [{ requestDeleteRange: { key } }] }))).toBe(corrupt)
      expect(await refusalOf(client.leaseGrant({ TTL: 60 }))).toBe(corrupt)
      expect(await refusalOf(client.range({ key }))).toBe('accepted')
      await client.alarm({ action: 'DEACTIVATE', memberID, alarm: 'CORRUPT' })
      expect(await refusalOf(client.put({ key }))).toBe('accepted')
    },
  )

  lesson(
    'the member list says how each is called and where it is',
    story('The only member is asked, linearizably and not.', 'etcd server/etcdserver/api/v3rpc/member.go'),
    async () => {
      const { client } = target
      const { header, members } = await client.memberList({ linearizable: true })
      expect(members).toEqual([
        {
          ID: header!.memberId,
          name: 'a',
          peerURLs: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)],
          clientURLs: [`http://${target.endpoint}`],
          isLearner: false,
        },
      ])
      expect((await client.memberList({ linearizable: false })).members).toEqual(members)
    },
  )

  lesson(
    'plain HTTP on the same port tells health and version',
    story(
      'A probe asks /health and /version, before and while an alarm is raised.',
      'etcd server/etcdserver/api/etcdhttp',
    ),
    async () => {
      const { client } = target
      const get = async (path: string, options = {}) => {
        const response = await fetch(`http://${target.endpoint}${path}`, options)
        return [response.status, await response.text()] as const
      }
      const [status, health] = await get('/health')
      expect([status, JSON.parse(health)]).toEqual([200, expect.objectContaining({ health: 'true' })])
      const { version } = await client.status()
      const [, versions] = await get('/version')
      expect(JSON.parse(versions)).toEqual({ etcdserver: version, etcdcluster: expect.stringMatching(/^3\.\d\.0$/) })
      expect(await get('/no-such-page')).toEqual([404, '404 page not found\n'])
      expect((await get('/health', { method: 'POST' }))[0]).toBe(405)
      const memberID = (await client.memberList()).members[0]!.ID
      await client.alarm({ action: 'ACTIVATE', memberID, alarm: 'NOSPACE' })
      const [sick, answer] = await get('/health')
      await client.alarm({ action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' })
      expect([sick, JSON.parse(answer).health]).toEqual([503, 'false'])
      // 3.4 does not say why.
      if (target.isOurs) expect(JSON.parse(answer).reason).toBe('ALARM NOSPACE')
    },
  )

  lesson(
    "gRPC's own health check says that the member serves",
    story(
      'A load balancer checks the server as a whole, and a service that is not there.',
      'grpc doc/health-checking.md',
    ),
    async () => {
      const health = new Client(target.endpoint, credentials.createInsecure())
      const bytes = (one: Buffer) => one
      const check = (request: Buffer) =>
        new Promise<Buffer | undefined>((resolve, reject) => {
          const answer = (error: Error | null, response?: Buffer) => (error ? reject(error) : resolve(response))
          health.makeUnaryRequest('/grpc.health.v1.Health/Check', bytes, bytes, request, answer)
        })
      // Field 1 of the answer is the status, 1 is SERVING; field 1 of the request is a service's name.
      expect(await check(Buffer.alloc(0))).toEqual(Buffer.from([0x08, 1]))
      await expect(check(Buffer.from('\x0a\x01x'))).rejects.toMatchObject({ code: 5, details: 'unknown service' })
      health.close()
    },
  )

  if (!target.isOurs) return
  lesson('what ours does not have says so', story('A downgrade of the cluster is asked for.', SOURCE), async () => {
    await expect(target.wire.call('Maintenance', 'Downgrade', { version: '3.4' })).rejects.toMatchObject({
      code: 12,
      details: 'etcdserver: downgrade is not supported',
    })
  })
})
