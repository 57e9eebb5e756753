/**
 * Doing what a `Ready` says, in the one order that is safe.
 *
 * A message is a promise: "I voted for you", "I have this entry". A member that makes it and then forgets, because it crashed before its disk had
 * it, can vote twice, or let a committed entry vanish.
 * Source: Raft figure 2 ("Updated on stable storage before responding to RPCs"); etcd-io/raft `doc.go`.
 */
import type { Entry, Message, ReadState, Ready } from '#kit/raft/messages.ts'
import type { WalRecord } from '../wal/replay.ts'

/** The member's surroundings. */
export interface ReadyPorts {
  /** Resolves when it is on disk. */
  persist(record: WalRecord): Promise<void>
  send(message: Message): void
  apply(entry: Entry): void
  serve(read: ReadState): void
}

/**
 * Persists hard state and entries as one record, if there are any, and waits for the disk; then sends the messages; then applies the committed
 * entries in order; then serves the reads, which count on them.
 *
 * @lab 1.4 Persist, then send, then apply
 */
export async function handleReady(ready: Ready, ports: ReadyPorts): Promise<void> {
  const { hardState, entries, messages, committedEntries, reads } = ready
  if (hardState || entries.length > 0) await ports.persist(hardState ? { hardState, entries } : { entries })
  for (const message of messages) ports.send(message)
  for (const entry of committedEntries) ports.apply(entry)
  for (const read of reads) ports.serve(read)
}
