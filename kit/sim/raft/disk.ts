/**
 * A simulated member's disk: what survives a crash.
 *
 * What is written is on disk only after a sync. A crash in between leaves each write whole or not at all: half a record is found by its
 * checksum and dropped when the log is read again, which step 1.4 tests byte by byte.
 */
import type { Entry, HardState, SnapshotMetadata } from '../../raft/messages.ts'

/** The content is the state machine's own; nobody here looks into it. */
export interface StoredSnapshot {
  readonly metadata: SnapshotMetadata
  readonly content: unknown
}

/** What one `Ready` wants on disk. */
export interface DiskWrite {
  readonly hardState?: HardState | undefined
  readonly snapshot?: StoredSnapshot | undefined
  readonly entries: readonly Entry[]
}

/** A log as the disk holds it: what a judge may look at. */
export interface DiskView {
  /** The last entry that is no longer there, because a snapshot covers it. */
  readonly compactedIndex: number
  readonly lastIndex: number
  /** Undefined where there is no entry, or no longer one. */
  termAt(index: number): number | undefined
}

export class SimulatedDisk implements DiskView {
  hardState: HardState | undefined
  snapshot: StoredSnapshot | undefined
  compactedIndex = 0
  #compactedTerm = 0
  /** `entries[i].index === compactedIndex + 1 + i`. */
  entries: Entry[] = []
  #unsynced: DiskWrite | undefined
  /** Contents of snapshots that came from others and are not installed yet, by index and term. */
  readonly #received = new Map<string, unknown>()

  get lastIndex(): number {
    return this.compactedIndex + this.entries.length
  }

  termAt(index: number): number | undefined {
    if (index === this.compactedIndex) return this.#compactedTerm
    return this.entries[index - this.compactedIndex - 1]?.term
  }

  /** Entries after `index`, as a member finds them when it starts. */
  entriesAfter(index: number): Entry[] {
    return this.entries.slice(Math.max(0, index - this.compactedIndex))
  }

  get unsynced(): DiskWrite | undefined {
    return this.#unsynced
  }

  write(write: DiskWrite): void {
    this.#unsynced = write
  }

  sync(): void {
    const write = this.#unsynced
    this.#unsynced = undefined
    if (!write) return
    if (write.hardState) this.hardState = write.hardState
    if (write.snapshot) this.#install(write.snapshot)
    if (write.entries.length === 0) return
    this.entries.length = write.entries[0]!.index - this.compactedIndex - 1
    this.entries.push(...write.entries)
  }

  /** What was written and not synced is gone. */
  forgetUnsynced(): void {
    this.#unsynced = undefined
  }

  /** The content of a snapshot arrives ahead of the message that speaks of it. */
  receive({ metadata, content }: StoredSnapshot): void {
    this.#received.set(keyOf(metadata), content)
  }

  takeReceived(metadata: SnapshotMetadata): StoredSnapshot {
    const key = keyOf(metadata)
    if (!this.#received.has(key)) throw new Error(`no snapshot of index ${metadata.index} has arrived`)
    const content = this.#received.get(key)
    this.#received.clear()
    return { metadata, content }
  }

  /** The content of the newest snapshot, if that is the one asked for. */
  contentOf({ index, term }: SnapshotMetadata): StoredSnapshot | undefined {
    const held = this.snapshot?.metadata
    return held?.index === index && held.term === term ? this.snapshot : undefined
  }

  /** The member's own snapshot is on disk; entries up to `compactIndex` go. */
  compact(snapshot: StoredSnapshot, compactIndex: number): void {
    this.snapshot = snapshot
    if (compactIndex > this.compactedIndex) this.#dropTo(compactIndex, this.termAt(compactIndex) ?? 0)
  }

  /** A snapshot from the leader: entries behind it stay only if the log agrees with it. Raft §7. */
  #install(snapshot: StoredSnapshot): void {
    const { index, term } = snapshot.metadata
    this.snapshot = snapshot
    if (this.termAt(index) !== term) this.entries = []
    if (index > this.compactedIndex) this.#dropTo(index, term)
  }

  #dropTo(index: number, term: number): void {
    this.entries = this.entriesAfter(index)
    this.compactedIndex = index
    this.#compactedTerm = term
  }

  /** Replaces everything, for a test that begins in the middle of a story. */
  reset(hardState: HardState, entries: readonly Entry[]): void {
    this.hardState = hardState
    this.snapshot = undefined
    this.compactedIndex = 0
    this.#compactedTerm = 0
    this.entries = [...entries]
    this.#unsynced = undefined
  }
}

function keyOf({ index, term }: SnapshotMetadata): string {
  return `${index}/${term}`
}
