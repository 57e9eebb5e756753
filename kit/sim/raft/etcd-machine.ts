/**
 * Lab 1's own state machine in a simulated member: keys and leases, as clients use them.
 *
 * A snapshot goes through the bytes that a real one goes through. Beside it runs a watcher from the first revision on, which must have seen
 * exactly what is in the store; after a snapshot it goes on from where it was, or begins anew where its history is gone.
 */
import type { MvccStore as Store } from '#etcd/mvcc/store.ts'
import { MvccStore } from '#etcd/mvcc/store.ts'
import type { Request } from '#etcd/server/command.ts'
import { encodeCommand } from '#etcd/server/command.ts'
import { StateMachine } from '#etcd/server/state-machine.ts'
import { decodeBlock, encodeBlocks, storedVersions } from '#etcd/snapshot/content.ts'
import { openWatcher, stepWatcher, type Watcher } from '#etcd/watch/watcher.ts'
import type { Entry } from '../../raft/messages.ts'
import type { Random } from '../random.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { InvariantViolation, RULES } from './rules.ts'
import type { SimulatedMachine } from './state-machine.ts'

const EVERYTHING = { key: '', rangeEnd: '\0' }
/** Hashing a whole store takes time: it is done once for so many entries. */
const HASH_EVERY = 8

export class EtcdMachine implements SimulatedMachine {
  readonly #machine = new StateMachine(new VirtualClock())
  #watcher: Watcher = watchFrom(1)
  /** What the watcher was told: each key's newest revision. */
  readonly #watched = new Map<string, number>()

  apply(entry: Entry): void {
    if (entry.change) return
    this.#machine.apply(entry)
  }

  snapshot(): unknown {
    return [...encodeBlocks({ index: 0, term: 0, voters: [], learners: [] }, this.#machine.contents())]
  }

  restore(content: unknown): void {
    const blocks = (content as Buffer[]).map(decodeBlock)
    const head = blocks[0]!.head!
    const store = new MvccStore()
    for (const { versions } of blocks) if (versions) store.add(storedVersions(versions), head.compactRevision)
    this.#machine.restore(head, store)
    this.#watchAnew()
  }

  fingerprint(index: number): number | undefined {
    if (index % HASH_EVERY !== 0) return undefined
    this.#checkWatcher()
    const { store, lessor } = this.#machine
    const leases = lessor
      .ids()
      .sort()
      .map((id) => lessor.view(id))
    return mix([store.revision, store.compactRevision, store.hash(), JSON.stringify(leases)].join())
  }

  #checkWatcher(): void {
    const { store } = this.#machine
    const { nextRevision } = this.#watcher
    if (nextRevision < store.compactRevision) {
      this.#watchAnew()
      return
    }
    const changes = store.changesFrom(nextRevision)
    const step = stepWatcher(this.#watcher, { ...headOf(store), changes })
    if (step.kind === 'compacted') return
    for (const { type, kv } of step.events) {
      if (type === 'PUT') this.#watched.set(kv.key, kv.modRevision)
      else this.#watched.delete(kv.key)
    }
    this.#watcher = step.next
    const held = newestRevisions(store)
    if (print(held) !== print(this.#watched)) {
      throw new InvariantViolation(
        RULES.watchSeesAll,
        `A watcher that has seen everything up to revision ${store.revision} knows ${print(this.#watched)}; the store holds ${print(held)}.`,
      )
    }
  }

  #watchAnew(): void {
    const { store } = this.#machine
    this.#watched.clear()
    for (const [key, revision] of newestRevisions(store)) this.#watched.set(key, revision)
    this.#watcher = watchFrom(store.revision + 1)
  }
}

/** A client's request, encoded as a member proposes it: a few keys, so that they meet often. */
export function drawCommand(random: Random, id: string): string {
  return encodeCommand({ id, ...drawRequest(random) })
}

function drawRequest(random: Random): Request {
  const key = `key-${random.below(8)}`
  const lease = random.chance(0.2) ? String(1 + random.below(3)) : '0'
  const choice = random.below(20)
  if (choice === 0) return { compaction: { revision: 1 + random.below(150) } }
  if (choice === 1) return { leaseGrant: { ID: String(1 + random.below(3)), TTL: 60 } }
  if (choice === 2) return { leaseRevoke: { ID: String(1 + random.below(3)) } }
  if (choice <= 5) return { deleteRange: { key, rangeEnd: random.chance(0.3) ? `${key}~` : '', prevKv: false } }
  const put = { key, value: String(random.below(1000)), lease, prevKv: false, ignoreValue: false, ignoreLease: false }
  if (choice > 8) return { put }
  const compare = [{ result: 'GREATER', target: 'VERSION', key, rangeEnd: '', version: 2 } as const]
  const success = [{ requestDeleteRange: { key, rangeEnd: '', prevKv: false } }]
  return { txn: { compare, success, failure: [{ requestPut: put }] } }
}

function watchFrom(startRevision: number): Watcher {
  const nothing = { progressNotify: false, filters: [], prevKv: false, watchId: 0, fragment: false }
  return openWatcher({ ...EVERYTHING, ...nothing, startRevision }, 0)
}

function headOf({ revision, compactRevision }: Store) {
  return { revision, compactRevision }
}

function newestRevisions(store: Store): Map<string, number> {
  const newest = new Map<string, number>()
  for (const key of store.keysIn(EVERYTHING)) {
    const kv = store.get(key)
    if (kv) newest.set(key, kv.modRevision)
  }
  return newest
}

function print(revisions: ReadonlyMap<string, number>): string {
  return [...revisions]
    .map(([key, revision]) => `${key}@${revision}`)
    .sort()
    .join(' ')
}

function mix(text: string): number {
  let mixed = 0x811c9dc5
  for (let position = 0; position < text.length; position++) {
    mixed = Math.imul(mixed ^ text.charCodeAt(position), 0x01000193)
  }
  return mixed >>> 0
}
