/**
 * A snapshot file as etcd saves it: its database (`bolt-file.ts`), then the SHA-256 of that.
 *
 * One bucket holds the versions of all keys (`key-bucket.ts`); others hold leases, alarms, members, and how far the log was applied. Because the file is
 * etcd's own, `etcdctl snapshot restore` makes a real etcd of our data, and we can begin with a real one's.
 * Source: etcd `server/storage/schema`, `server/etcdserver/api/v3rpc/maintenance.go` (Snapshot).
 */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type BoltItem, readBoltFile, writeBoltFile } from './bolt-file.ts'
import type { ByteString } from './byte-string.ts'
import { type MessageCodec, messageCodec } from './codec.ts'
import { decodeVersion, encodeVersions, long, longOf, revisionKey, type StoredVersion } from './key-bucket.ts'
import type { AlarmMember, ClusterMember } from './messages.ts'
import { etcdProto } from './services.ts'

/** What a member holds, without its log. */
export interface SnapshotContents {
  readonly revision: number
  /** -1 when nothing was ever compacted. */
  readonly compactRevision: number
  /** By rising revision, in the order of writing. */
  readonly versions: readonly StoredVersion[]
  /** `ttl` in seconds, as granted. */
  readonly leases: readonly { readonly id: string; readonly ttl: number }[]
  readonly alarms: readonly AlarmMember[]
  readonly members: readonly ClusterMember[]
  /** Ids that never come back. */
  readonly removedMembers: readonly string[]
  /** The last log entry whose effect is in here, and its term. */
  readonly appliedIndex: number
  readonly term: number
}

/** Versions may come from anywhere, one after the other. */
export type SnapshotSource = Omit<SnapshotContents, 'versions'> & { readonly versions: Iterable<StoredVersion> }

const DIGEST_BYTES = 32

/** The file in pieces, in order. Takes turns with everything else in the process. */
export async function writeSnapshotFile(contents: SnapshotSource): Promise<Buffer[]> {
  const { alarm, lease } = codecs()
  const pieces = await writeBoltFile(
    new Map([
      ['alarm', inOrder(contents.alarms.map((raised) => item(alarm.encode(raised), EMPTY)))],
      ['key', await encodeVersions(contents.versions)],
      ['lease', inOrder(contents.leases.map(({ id, ttl }) => item(long(id), lease.encode({ ID: id, TTL: ttl }))))],
      ['members', inOrder(contents.members.map((member) => item(memberKey(member.ID), memberJson(member))))],
      ['members_removed', inOrder(contents.removedMembers.map((id) => item(memberKey(id), 'removed')))],
      ['meta', inOrder(metaBucket(contents))],
    ]),
  )
  return [...pieces, await digestOf(pieces)]
}

const PIECES_PER_TURN = 500

async function digestOf(pieces: readonly Buffer[]): Promise<Buffer> {
  const hash = createHash('sha256')
  for (const [place, piece] of pieces.entries()) {
    hash.update(piece)
    if (place % PIECES_PER_TURN === PIECES_PER_TURN - 1) await setImmediate()
  }
  return hash.digest()
}

/** Reads what we or a real etcd saved. Throws an error for people when the file is damaged, or none of etcd's. */
export function readSnapshotFile(bytes: Buffer): SnapshotContents {
  const buckets = readBoltFile(checkedFile(bytes))
  const items = (name: string) => buckets.get(name) ?? []
  const meta = new Map(items('meta').map(({ key, value }) => [key.toString(), value]))
  // A compaction that was begun holds, though etcd may not have swept yet.
  const compactRevision = Math.max(
    -1,
    ...['scheduledCompactRev', 'finishedCompactRev'].map((name) => longOf(meta.get(name))),
  )
  const versions = keptVersions(items('key').map(decodeVersion), compactRevision)
  return {
    revision: Math.max(1, compactRevision, versions.at(-1)?.revision ?? 0),
    compactRevision,
    versions,
    leases: items('lease').map(({ value }) => leaseOf(value)),
    alarms: items('alarm').map(({ key }) => codecs().alarm.decode(key)),
    members: items('members').map(memberOf),
    removedMembers: items('members_removed').map(({ key }) => memberIdOf(key)),
    appliedIndex: Math.max(0, longOf(meta.get('consistent_index'))),
    term: Math.max(0, longOf(meta.get('term'))),
  }
}

/** The database, if its digest is right. A copy of a running etcd's file has none: its length is a multiple of 512. */
function checkedFile(bytes: Buffer): Buffer {
  if (bytes.length % 512 !== DIGEST_BYTES) return bytes
  const file = bytes.subarray(0, -DIGEST_BYTES)
  if (!sha256(file).equals(bytes.subarray(-DIGEST_BYTES))) {
    throw new Error('the snapshot file is damaged: its content does not match the SHA-256 at its end')
  }
  return file
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

const EMPTY = Buffer.alloc(0)

interface Codecs {
  readonly lease: MessageCodec<{ readonly ID: string; readonly TTL: number }>
  readonly alarm: MessageCodec<AlarmMember>
}

let made: Codecs | undefined

/** Made when first needed, as the services are. */
function codecs(): Codecs {
  made ??= {
    lease: messageCodec(etcdProto(), 'leasepb.Lease', 'byte-string'),
    alarm: messageCodec(etcdProto(), 'etcdserverpb.AlarmMember', 'byte-string'),
  }
  return made
}

/** Of what is compacted, each key keeps only its newest version, and not that if it is a deletion. */
function keptVersions(versions: readonly StoredVersion[], compactRevision: number): readonly StoredVersion[] {
  const newest = new Map<ByteString, number>()
  for (const { key, revision } of versions) if (revision <= compactRevision) newest.set(key, revision)
  return versions.filter(({ key, revision, kv }) => {
    if (revision > compactRevision) return true
    return newest.get(key) === revision && (kv !== undefined || revision === compactRevision)
  })
}

function metaBucket({ appliedIndex, term, compactRevision, members }: SnapshotSource): BoltItem[] {
  const compacted = compactRevision >= 0 ? ['finishedCompactRev', 'scheduledCompactRev'] : []
  const ids = (isLearner: boolean) => members.filter((member) => member.isLearner === isLearner).map(({ ID }) => ID)
  return [
    item('confState', `{"voters":[${ids(false)}],"learners":[${ids(true)}],"auto_leave":false}`),
    item('consistent_index', long(appliedIndex)),
    ...compacted.map((name) => item(name, revisionKey(compactRevision, 0))),
    item('term', long(term)),
  ]
}

/** Ids as numbers, which JavaScript's own JSON cannot write: they take 64 bits. */
function memberJson({ ID, name, peerURLs, clientURLs, isLearner }: ClusterMember): Buffer {
  const rest = { peerURLs, ...(isLearner && { isLearner }), name, clientURLs }
  return Buffer.from(JSON.stringify(rest).replace('{', `{"id":${ID},`))
}

function memberKey(id: string): string {
  return BigInt(id).toString(16)
}

function memberIdOf(key: Buffer): string {
  return BigInt(`0x${key}`).toString()
}

function memberOf({ key, value }: BoltItem): ClusterMember {
  const { name = '', peerURLs = [], clientURLs = [], isLearner = false } = JSON.parse(value.toString())
  return { ID: memberIdOf(key), name, peerURLs, clientURLs, isLearner }
}

function leaseOf(value: Buffer): SnapshotContents['leases'][number] {
  const { ID, TTL } = codecs().lease.decode(value)
  return { id: ID, ttl: TTL }
}

function item(key: Buffer | string, value: Buffer | string): BoltItem {
  return { key: Buffer.from(key as string), value: Buffer.from(value as string) }
}

function inOrder(items: readonly BoltItem[]): BoltItem[] {
  return [...items].sort((a, b) => a.key.compare(b.key))
}
