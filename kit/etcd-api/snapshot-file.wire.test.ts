import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../sim/random.ts'
import { describeWith } from '../testing/tools.ts'
import { type BoltBuckets, readBoltFile, writeBoltFile } from './bolt-file.ts'
import { createEtcdClient } from './client.ts'
import { hashVersions } from './key-bucket.ts'
import type { KeyValue } from './messages.ts'
import { startRealEtcd } from './real-etcd.ts'
import { readSnapshotFile, type SnapshotContents, writeSnapshotFile } from './snapshot-file.ts'

const kv = (key: string, revision: number, different: Partial<KeyValue<string>> = {}): KeyValue<string> => ({
  ...{ key, createRevision: revision, modRevision: revision, version: 1, value: `${key}@${revision}`, lease: '0' },
  ...different,
})

const CONTENTS: SnapshotContents = {
  revision: 9,
  compactRevision: 4,
  versions: [
    { key: 'a', revision: 2, kv: kv('a', 2) },
    { key: 'b', revision: 5, kv: kv('b', 5, { lease: '7587862094123456789' }) },
    { key: 'a', revision: 6, kv: kv('a', 6, { createRevision: 2, version: 2 }) },
    { key: 'c', revision: 6, kv: kv('c', 6, { value: 'x'.repeat(10_000) }) },
    { key: 'a', revision: 7 },
    { key: '\xff\x00', revision: 9, kv: kv('\xff\x00', 9) },
  ],
  leases: [{ id: '7587862094123456789', ttl: 3600 }],
  alarms: [{ memberID: '17005678901234567890', alarm: 'NOSPACE' }],
  members: [
    {
      ...{ ID: '17005678901234567890', name: 'a', isLearner: false },
      ...{ peerURLs: ['http://127.0.0.1:1'], clientURLs: ['http://127.0.0.1:2'] },
    },
  ],
  removedMembers: ['1234567890123456789'],
  appliedIndex: 12,
  term: 3,
}

const boltFile = async (buckets: BoltBuckets) => Buffer.concat(await writeBoltFile(buckets))
const snapshotFile = async (contents: SnapshotContents) => Buffer.concat(await writeSnapshotFile(contents))

/** Enough for three levels of pages. */
function manyVersions(count: number): SnapshotContents['versions'] {
  const random = createRandom(1)
  return Array.from({ length: count }, (_, offset) => {
    const key = `key/${offset}`
    return { key, revision: offset + 2, kv: kv(key, offset + 2, { value: 'v'.repeat(random.below(60)) }) }
  })
}

describe('a bbolt file', () => {
  it('gives back what was written, from an empty bucket to three levels of pages and values of many pages', async () => {
    const item = (key: string, value: string) => ({ key: Buffer.from(key), value: Buffer.from(value) })
    const many = Array.from({ length: 30_000 }, (_, n) => item(String(n).padStart(6, '0'), 'v'.repeat(n % 90)))
    const buckets = new Map([
      ['empty', []],
      ['large', [item('a', 'x'.repeat(100_000)), item('b', ''), item('c', 'y'.repeat(5000))]],
      ['many', many],
    ])
    const read = readBoltFile(await boltFile(buckets))
    const text = (items: readonly { key: Buffer; value: Buffer }[] = []) =>
      items.map(({ key, value }) => `${key}=${value}`)
    expect([...read.keys()]).toEqual([...buckets.keys()])
    for (const [name, items] of buckets) expect(text(read.get(name)), name).toEqual(text(items))
  })

  it('lives on with one meta page, and refuses bytes that have none', async () => {
    const file = await boltFile(new Map([['one', [{ key: Buffer.from('k'), value: Buffer.from('v') }]]]))
    expect(readBoltFile(Buffer.from(file).fill(0, 0, 4096)).has('one')).toBe(true)
    expect(() => readBoltFile(Buffer.from(file).fill(0, 0, 8192))).toThrow('no valid meta page')
    expect(() => readBoltFile(file.subarray(0, 3 * 4096))).toThrow('the file ends before it')
  })
})

describe('a snapshot file', () => {
  it('gives back what was written', async () => {
    expect(readSnapshotFile(await snapshotFile(CONTENTS))).toMatchObject(CONTENTS)
  })

  it('notices a changed bit', async () => {
    const file = await snapshotFile(CONTENTS)
    file[20_000]! ^= 1
    expect(() => readSnapshotFile(file)).toThrow('does not match the SHA-256')
  })
})

describeWith(['etcd', 'etcdctl'], 'snapshot files and the real etcd', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapshot-file-'))
  })
  afterAll(() => rm(directory, { recursive: true, force: true }))

  const etcdctl = (...args: string[]) => {
    const { stdout, stderr, status } = spawnSync('etcdctl', args, {
      env: { ...process.env, ETCDCTL_API: '3' },
      encoding: 'utf8',
    })
    expect(stderr, stderr).not.toContain('Error')
    expect(status, stderr).toBe(0)
    return stdout
  }

  it('what we write, etcdctl checks and restores, and etcd serves with all its history', async () => {
    const path = join(directory, 'ours.db')
    await writeFile(path, await snapshotFile(CONTENTS))
    const status = JSON.parse(etcdctl('snapshot', 'status', path, '-w', 'json'))
    expect(status).toMatchObject({ revision: 9 })
    const etcd = await startRealEtcd({ snapshot: path })
    const client = createEtcdClient({ endpoints: [etcd.endpoint] })
    try {
      const { kvs, header } = await client.range({ key: '\0', rangeEnd: '\0' })
      expect(header!.revision).toBe(9)
      expect(kvs.map(({ key }) => key.toString('latin1'))).toEqual(['b', 'c', '\xff\x00'])
      expect(kvs[1]!.value).toHaveLength(10_000)
      const old = await client.range({ key: 'a', revision: 6 })
      expect(old.kvs[0]).toMatchObject({ createRevision: 2, modRevision: 6, version: 2 })
      await expect(client.range({ key: 'a', revision: 3 })).rejects.toThrow('has been compacted')
      const { keys, grantedTTL } = await client.leaseTimeToLive({ ID: '7587862094123456789', keys: true })
      expect([keys.map(String), grantedTTL]).toEqual([['b'], 3600])
    } finally {
      client.close()
      await etcd.stop()
    }
  }, 60_000)

  it('a large one too', async () => {
    const path = join(directory, 'large.db')
    const versions = manyVersions(20_000)
    await writeFile(path, await snapshotFile({ ...CONTENTS, revision: 20_001, compactRevision: -1, versions }))
    expect(JSON.parse(etcdctl('snapshot', 'status', path, '-w', 'json'))).toMatchObject({ revision: 20_001 })
    expect(readSnapshotFile(await readFile(path)).versions).toEqual(versions.map((version) => ({ ...version, sub: 0 })))
  })

  it('what a real etcd saves, we read', async () => {
    const etcd = await startRealEtcd()
    const client = createEtcdClient({ endpoints: [etcd.endpoint] })
    const path = join(directory, 'theirs.db')
    try {
      const { ID } = await client.leaseGrant({ TTL: 600 })
      for (let count = 0; count < 300; count++) await client.put({ key: `k${count % 100}`, value: 'x'.repeat(100) })
      await client.put({ key: 'leased', lease: ID })
      await client.deleteRange({ key: 'k1' })
      const { revision } = (await client.txn({ success: [{ requestPut: { key: 'p' } }, { requestPut: { key: 'q' } }] }))
        .header!
      await client.compact({ revision: 150, physical: true })
      etcdctl('--endpoints', etcd.endpoint, 'snapshot', 'save', path)
      const { kvs } = await client.range({ key: '\0', rangeEnd: '\0' })
      const read = readSnapshotFile(await readFile(path))
      expect(read).toMatchObject({ revision, compactRevision: 150, leases: [{ id: ID, ttl: 600 }], alarms: [] })
      expect(read.members.map(({ name }) => name)).toEqual(['real'])
      expect(await hashVersions(read.versions, read)).toBe((await client.hashKV()).hash)
      const live = new Map<string, string>()
      for (const { key, kv: one } of read.versions) {
        if (one) live.set(key, one.value)
        else live.delete(key)
      }
      expect(Object.fromEntries(live)).toEqual(Object.fromEntries(kvs.map(({ key, value }) => [`${key}`, `${value}`])))
      expect(read.versions.filter(({ revision: at }) => at === revision).map(({ key }) => key)).toEqual(['p', 'q'])
    } finally {
      client.close()
      await etcd.stop()
    }
  }, 60_000)
})
