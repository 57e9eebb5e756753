/**
 * etcd's multi-version store as it lies on disk: the bucket `key`.
 *
 * Its keys are not the clients' keys but revisions, `main_sub`: the revision of the write, and a count within it, since a transaction writes several keys at
 * one revision. So the newest is always last, history is a walk from front to back, and a compaction deletes from the front. A `t` behind the
 * revision says that the key was deleted.
 * Source: etcd `server/storage/mvcc/revision.go`, `server/storage/mvcc/hash.go`.
 */
import { setImmediate } from 'node:timers/promises'
import type { BoltItem } from './bolt-file.ts'
import type { ByteString } from './byte-string.ts'
import { type MessageCodec, messageCodec } from './codec.ts'
import { crc32c } from './crc32c.ts'
import type { KeyValue } from './messages.ts'
import { etcdProto } from './services.ts'

/** What a key became at a revision. `kv` is left out where it was deleted. */
export interface StoredVersion {
  readonly key: ByteString
  readonly revision: number
  readonly kv?: KeyValue<ByteString>
  /** Its place among the writes of its revision. Left out: right after the one before. */
  readonly sub?: number
}

/** Few enough that nobody waits for them. */
const VERSIONS_PER_TURN = 2000

/** Takes versions in the order of writing. Takes turns with everything else in the process. */
export async function encodeVersions(versions: Iterable<StoredVersion>): Promise<BoltItem[]> {
  const items: BoltItem[] = []
  for (const version of numbered(versions)) {
    items.push(encodeVersion(version))
    if (items.length % VERSIONS_PER_TURN === 0) await setImmediate()
  }
  return items
}

type NumberedVersion = StoredVersion & { readonly sub: number }

function* numbered(versions: Iterable<StoredVersion>): Generator<NumberedVersion> {
  let [revision, next] = [0, 0]
  for (const version of versions) {
    const sub = version.sub ?? (version.revision === revision ? next : 0)
    revision = version.revision
    next = sub + 1
    yield { ...version, sub }
  }
}

function encodeVersion({ key, revision, kv, sub }: NumberedVersion): BoltItem {
  if (kv) return { key: revisionKey(revision, sub), value: kvCodec().encode(kv) }
  return { key: Buffer.concat([revisionKey(revision, sub), TOMBSTONE]), value: kvCodec().encode({ key }) }
}

export function decodeVersion({ key: at, value }: BoltItem): NumberedVersion {
  const kv = kvCodec().decode(value)
  const isDeletion = at.length > REVISION_BYTES
  return { key: kv.key, revision: longOf(at), ...(!isDeletion && { kv }), sub: longOf(at.subarray(SUB_AT)) }
}

/**
 * What HashKV answers: a checksum of the bucket as it was at `revision`. Members with the same data have the same, real ones and ours alike, also while one
 * of them has swept away what is compacted and another has not yet: of that, only what is still the key's value at `revision` counts.
 */
export async function hashVersions(
  versions: Iterable<StoredVersion>,
  { revision, compactRevision }: { readonly revision: number; readonly compactRevision: number },
): Promise<number> {
  const past = [...numbered(versions)].filter((version) => version.revision <= revision)
  const newest = new Map(past.map((version) => [version.key, version]))
  const isKept = (version: NumberedVersion) => version.kv !== undefined && newest.get(version.key) === version
  // Upstream takes "nothing is kept" for "nothing was compacted".
  const isAnyKept = [...newest.values()].some(isKept)
  const counted = past.filter((version) => {
    if (version.revision > compactRevision) return true
    return isAnyKept ? isKept(version) : version.kv !== undefined || version.revision < compactRevision
  })
  let hash = crc32c(Buffer.from('key'))
  for (const { key, value } of await encodeVersions(counted)) hash = crc32c(value, crc32c(key, hash))
  return hash
}

const TOMBSTONE = Buffer.from('t')
const REVISION_BYTES = 17
const SUB_AT = 9

let codec: MessageCodec<KeyValue<ByteString>> | undefined

/** Made when first needed, as the services are. */
function kvCodec(): MessageCodec<KeyValue<ByteString>> {
  codec ??= messageCodec(etcdProto(), 'mvccpb.KeyValue', 'byte-string')
  return codec
}

export function revisionKey(main: number, sub: number): Buffer {
  return Buffer.concat([long(main), Buffer.from('_'), long(sub)])
}

/** 64 bits, big-endian, so that their order as bytes is their order as numbers. */
export function long(value: number | string): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

/** -1 when it is not there. */
export function longOf(bytes: Buffer | undefined): number {
  return bytes === undefined ? -1 : Number(bytes.readBigInt64BE(0))
}
