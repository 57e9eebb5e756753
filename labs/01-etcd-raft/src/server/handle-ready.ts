/**
 * Doing what a `Ready` says, in the one order that is safe.
 *
 * A message is a promise: "I voted for you", "I have this entry". A member that makes it and then forgets, because it crashed before its disk had
 * it, can vote twice, or let a committed entry vanish.
 * Source: Raft figure 2 ("Updated on stable storage before responding to RPCs"); etcd-io/raft `doc.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
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
  throw new NotImplemented(
    '1.4',
    'handleReady',
    'Persist, then send, then apply',
    'labs/01-etcd-raft/src/server/handle-ready.ts',
  )
}
