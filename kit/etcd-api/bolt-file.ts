/**
 * Files of bbolt, the database inside etcd: what `etcdctl snapshot save` saves and `etcdctl snapshot restore` expects.
 *
 * A file is an array of pages. The first two are meta pages, which name the root; from there on it is B+ trees: branch pages lead to leaf pages, which
 * hold keys and values in order. The root tree's values are buckets, each a tree of its own; etcd has one for each kind of data. Whatever does not fit
 * into one page takes several in a row. All numbers are little-endian.
 *
 * bbolt changes such a file in place; we write one at a stroke, bottom up, and read one whole. So there are no free pages and nothing is ever split.
 * Source: bbolt `internal/common/page.go`, `meta.go`, `bucket.go`.
 */
import { setImmediate } from 'node:timers/promises'

export interface BoltItem {
  readonly key: Buffer
  readonly value: Buffer
}

/** Names of buckets, and what is in them in order of keys. */
export type BoltBuckets = ReadonlyMap<string, readonly BoltItem[]>

const PAGE_BYTES = 4096
const HEADER_BYTES = 16
/** Of an element in a branch or a leaf page: where its key and value are. Those of all elements come first, then the keys and values. */
const ELEMENT_BYTES = 16

const FLAGS = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const
/** Of a leaf's element: its value is a bucket. */
const IS_BUCKET = 0x01

const META = { magic: 0xed0cdaed, version: 2, bytes: 64, checksumAt: 56 } as const
const FREELIST_PAGE = 2

/** The file in pieces, in order. Takes turns with everything else in the process: a large file takes longer than a member may be silent. */
export async function writeBoltFile(buckets: BoltBuckets): Promise<Buffer[]> {
  const pages = new PageWriter()
  const roots: Element[] = []
  for (const name of [...buckets.keys()].sort()) {
    const value = Buffer.alloc(16)
    value.writeUInt32LE(await writeTree(pages, buckets.get(name) ?? []))
    roots.push({ flags: IS_BUCKET, key: Buffer.from(name), value })
  }
  const root = await writeTree(pages, roots)
  const metas = [0, 1].map((txid) => metaPage(txid, { root, pageCount: pages.count }))
  const freelist = page(FREELIST_PAGE, FLAGS.freelist, [])
  return [...metas, freelist, ...pages.written]
}

/** An element of a leaf page, or of a branch page: there the value is empty, and `child` says which page begins with the key. */
interface Element extends BoltItem {
  readonly flags?: number
  readonly child?: number
}

/** Hands out page numbers as pages are written, after the meta pages and the freelist. */
class PageWriter {
  readonly written: Buffer[] = []
  count = FREELIST_PAGE + 1

  add(flags: number, elements: readonly Element[]): number {
    const id = this.count
    const bytes = page(id, flags, elements)
    this.written.push(bytes)
    this.count += bytes.length / PAGE_BYTES
    return id
  }
}

/** Writes the leaves, then level by level the branches above them, up to one page: the root, whose number it gives. */
async function writeTree(pages: PageWriter, items: readonly Element[]): Promise<number> {
  let level = await writeLevel(pages, FLAGS.leaf, items)
  while (level.length > 1) level = await writeLevel(pages, FLAGS.branch, level)
  return level[0]!.child!
}

/** Gives for each page written the element that leads to it. */
async function writeLevel(pages: PageWriter, flags: number, elements: readonly Element[]): Promise<Element[]> {
  const level: Element[] = []
  for (const held of fillPages(elements)) {
    const child = pages.add(flags, held)
    level.push({ key: held[0]?.key ?? EMPTY, value: EMPTY, child })
    if (level.length % PAGES_PER_TURN === 0) await setImmediate()
  }
  return level
}

const PAGES_PER_TURN = 500

const EMPTY = Buffer.alloc(0)

/** As many elements to a page as fit, at least one, and one page though there be none. */
function* fillPages(elements: readonly Element[]): Generator<Element[]> {
  let held: Element[] = []
  let used = HEADER_BYTES
  for (const element of elements) {
    const size = ELEMENT_BYTES + element.key.length + element.value.length
    if (used + size > PAGE_BYTES && held.length > 0) {
      yield held
      held = []
      used = HEADER_BYTES
    }
    held.push(element)
    used += size
  }
  yield held
}

/** A page with its overflow: as many page lengths as it takes. */
function page(id: number, flags: number, elements: readonly Element[]): Buffer {
  const content = elements.reduce((sum, { key, value }) => sum + ELEMENT_BYTES + key.length + value.length, 0)
  const bytes = Buffer.alloc(Math.ceil((HEADER_BYTES + content) / PAGE_BYTES) * PAGE_BYTES)
  bytes.writeUInt32LE(id, 0)
  bytes.writeUInt16LE(flags, 8)
  bytes.writeUInt16LE(elements.length, 10)
  bytes.writeUInt32LE(bytes.length / PAGE_BYTES - 1, 12)
  let end = HEADER_BYTES + elements.length * ELEMENT_BYTES
  elements.forEach(({ flags: elementFlags = 0, key, value, child }, position) => {
    const at = HEADER_BYTES + position * ELEMENT_BYTES
    // Positions count from the element itself.
    const numbers =
      child === undefined ? [elementFlags, end - at, key.length, value.length] : [end - at, key.length, child]
    numbers.forEach((number, field) => void bytes.writeUInt32LE(number, at + 4 * field))
    key.copy(bytes, end)
    value.copy(bytes, end + key.length)
    end += key.length + value.length
  })
  return bytes
}

function metaPage(txid: number, { root, pageCount }: { root: number; pageCount: number }): Buffer {
  const bytes = page(txid, FLAGS.meta, [])
  const meta = bytes.subarray(HEADER_BYTES)
  const numbers = [META.magic, META.version, PAGE_BYTES, 0, root, 0, 0, 0, FREELIST_PAGE, 0, pageCount, 0, txid]
  numbers.forEach((number, field) => void meta.writeUInt32LE(number, 4 * field))
  meta.writeBigUInt64LE(fnv64a(meta.subarray(0, META.checksumAt)), META.checksumAt)
  return bytes
}

/** The Fowler–Noll–Vo hash, variant 1a. */
function fnv64a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  return hash
}

/** Throws an error for people when the bytes are no bbolt file, or a damaged one. */
export function readBoltFile(bytes: Buffer): BoltBuckets {
  const { pageBytes, root } = newestMeta(bytes)
  const reader = { bytes, pageBytes }
  const buckets = new Map<string, readonly BoltItem[]>()
  for (const { flags = 0, key, value } of readTree(reader, root)) {
    if (!(flags & IS_BUCKET)) throw new Error(`bbolt file: "${key}" in the root is no bucket`)
    buckets.set(key.toString(), readBucket(reader, value))
  }
  return buckets
}

interface Reader {
  readonly bytes: Buffer
  readonly pageBytes: number
}

/** Of two meta pages, bbolt writes the older one anew: if that is torn, the other one still holds. */
function newestMeta(bytes: Buffer): { pageBytes: number; root: number } {
  const first = metaAt(bytes, 0)
  // Where the second one is depends on the size of pages, which a torn first one cannot tell.
  const second = [first?.pageBytes, PAGE_BYTES].map((size) => size && metaAt(bytes, size)).find(Boolean) || undefined
  const newest = first && second ? (first.txid > second.txid ? first : second) : (first ?? second)
  if (!newest) throw new Error('this is no bbolt file, or its beginning is damaged: it has no valid meta page')
  return newest
}

function metaAt(bytes: Buffer, offset: number) {
  const meta = bytes.subarray(offset + HEADER_BYTES, offset + HEADER_BYTES + META.bytes)
  if (meta.length < META.bytes || meta.readUInt32LE(0) !== META.magic || meta.readUInt32LE(4) !== META.version) return
  if (meta.readBigUInt64LE(META.checksumAt) !== fnv64a(meta.subarray(0, META.checksumAt))) return
  return { pageBytes: meta.readUInt32LE(8), root: readLong(meta, 16), txid: readLong(meta, 48) }
}

function readLong(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigUInt64LE(offset))
}

/** A small bucket has no page of its own: its only page lies in its value. */
function readBucket(reader: Reader, value: Buffer): BoltItem[] {
  const root = readLong(value, 0)
  return [...(root === 0 ? readLeaf(value.subarray(16)) : readTree(reader, root))]
}

function* readTree(reader: Reader, id: number): Generator<Element> {
  const bytes = pageAt(reader, id)
  const flags = bytes.readUInt16LE(8)
  if (flags === FLAGS.leaf) yield* readLeaf(bytes)
  else if (flags === FLAGS.branch) for (const child of children(bytes)) yield* readTree(reader, child)
  else throw new Error(`bbolt file: page ${id} should be a branch or a leaf, but has flags ${flags}`)
}

function pageAt({ bytes, pageBytes }: Reader, id: number): Buffer {
  const start = id * pageBytes
  if (start + pageBytes > bytes.length) throw new Error(`bbolt file: page ${id} is missing; the file ends before it`)
  if (readLong(bytes, start) !== id) throw new Error(`bbolt file: page ${id} says that it is another one`)
  return bytes.subarray(start, start + (1 + bytes.readUInt32LE(start + 12)) * pageBytes)
}

function children(bytes: Buffer): number[] {
  return elementOffsets(bytes).map((at) => readLong(bytes, at + 8))
}

function readLeaf(bytes: Buffer): Element[] {
  return elementOffsets(bytes).map((at) => {
    const [flags, position, keyBytes, valueBytes] = [0, 4, 8, 12].map((field) => bytes.readUInt32LE(at + field))
    const start = at + position!
    const end = start + keyBytes!
    if (end + valueBytes! > bytes.length) throw new Error('bbolt file: an element lies outside its page')
    return { flags: flags!, key: bytes.subarray(start, end), value: bytes.subarray(end, end + valueBytes!) }
  })
}

function elementOffsets(bytes: Buffer): number[] {
  return Array.from({ length: bytes.readUInt16LE(10) }, (_, position) => HEADER_BYTES + position * ELEMENT_BYTES)
}
