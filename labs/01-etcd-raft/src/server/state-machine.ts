/**
 * Applies decided commands, one after the other, to the store, the leases and the alarms.
 *
 * Guarantee: the same commands in the same order give the same answers and the same data on every member. A command that fails (a compacted
 * revision, an unknown lease) fails everywhere alike, and changes nothing.
 * Source: etcd `server/etcdserver/apply`.
 */
import type { Clock } from '#kit/contracts/clock.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { Entry } from '#kit/raft/messages.ts'
import { Lessor } from '../lease/lessor.ts'
import { TO_THE_END } from '../mvcc/byte-range.ts'
import { MvccStore } from '../mvcc/store.ts'
import type { KeyEvent, RequestOp } from '../mvcc/types.ts'
import type { MachineContents, SnapshotHead } from '../snapshot/content.ts'
import { Alarms } from './alarms.ts'
import { type Command, decodeCommand, type Request } from './command.ts'
import { Membership } from './membership.ts'
import { skipMissing } from './missing-parts.ts'

export interface Outcome {
  readonly result: { readonly ok: true; readonly response: object } | { readonly ok: false; readonly error: unknown }
  /** The store's, right after. */
  readonly revision: number
}

export class StateMachine {
  readonly lessor = new Lessor()
  readonly store = new MvccStore((lease) => this.lessor.requireLease(lease))
  readonly alarms = new Alarms()
  readonly members: Membership
  readonly #clock: Clock

  constructor(clock: Clock, members = new Membership()) {
    this.#clock = clock
    this.members = members
  }

  /**
   * Undefined for a leader's no-op.
   *
   * @param known what the entry says, for whoever has not forgotten it since proposing
   */
  apply(entry: Entry, known?: Command): Outcome | undefined {
    if (entry.data === '') return undefined
    const command = known ?? decodeCommand(entry.data)
    const before = this.store.revision
    const result = this.#try(command)
    if (this.store.revision > before) skipMissing(() => this.#followChanges(before + 1))
    return { result, revision: this.store.revision }
  }

  /** For snapshots: all of it, as it is now. It stays so while entries go on to be applied. */
  contents(): MachineContents {
    const { members, removed } = this.members.contents()
    return {
      store: this.store.contents(),
      leases: this.lessor.contents(),
      members,
      removedMembers: removed,
      alarms: this.alarms.list(),
    }
  }

  /** Becomes what `contents` told, whatever it was before. `store` is used up. */
  restore(head: SnapshotHead, store: MvccStore): void {
    this.store.become(store, head)
    this.members.restore({ members: head.members, removed: head.removedMembers })
    this.alarms.restore(head.alarms)
    this.lessor.restore(head.leases, this.#clock.now())
    skipMissing(() => this.lessor.follow({ revision: head.revision, events: leasedKeys(this.store) }))
  }

  #followChanges(revision: number): void {
    for (const change of this.store.changesFrom(revision)) this.lessor.follow(change)
  }

  #try(command: Command): Outcome['result'] {
    try {
      this.alarms.check(command)
      return { ok: true, response: this.#perform(command) }
    } catch (error) {
      return { ok: false, error }
    }
  }

  #perform({
    put,
    deleteRange,
    txn,
    compaction,
    leaseGrant,
    leaseRevoke,
    publish,
    memberChange,
    alarm,
  }: Request): object {
    const { store, lessor } = this
    if (put) return store.put(put)
    if (deleteRange) return store.deleteRange(deleteRange)
    if (txn) return store.txn(txn)
    if (compaction) {
      store.compact(compaction.revision)
      return {}
    }
    if (leaseGrant) {
      lessor.grant(leaseGrant.ID, leaseGrant.TTL, this.#clock.now())
      return { ...leaseGrant, error: '' }
    }
    if (leaseRevoke) return this.#revoke(leaseRevoke.ID)
    if (publish) {
      this.members.publish(publish)
      return {}
    }
    if (memberChange) {
      this.members.apply(memberChange)
      return { members: this.members.list() }
    }
    if (alarm) return { alarms: this.alarms.perform(alarm) }
    throw etcdErrors.unimplemented('a command that this member does not know')
  }

  /** The keys of a lease go together, at one revision. */
  #revoke(id: string): object {
    const success = this.lessor
      .revoke(id)
      .map((key): RequestOp => ({ requestDeleteRange: { key, rangeEnd: '', prevKv: false } }))
    if (success.length > 0) this.store.txn({ compare: [], success, failure: [] })
    return {}
  }
}

/** The puts by which the keys came to hang on their leases. */
function leasedKeys(store: MvccStore): KeyEvent[] {
  const events: KeyEvent[] = []
  for (const key of store.keysIn({ key: '', rangeEnd: TO_THE_END })) {
    const kv = store.get(key)
    if (kv && kv.lease !== '0') events.push({ type: 'PUT', kv })
  }
  return events
}
