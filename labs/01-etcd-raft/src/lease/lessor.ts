/**
 * Leases: keys that live only as long as someone keeps renewing.
 *
 * That a lease exists, and which keys hang on it, is agreed on through the log, and so is its end. Only *when* it ends is a matter of a clock, and
 * there is one clock that counts: the leader's. A renewal touches nothing but the leader's clock, so renewing costs no write. A new leader
 * does not know of renewals: it gives every lease its full time again. So a lease may live longer than its TTL, never shorter.
 * Source: etcd `server/lease/lessor.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ByteString } from '#kit/etcd-api/byte-string.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { Change } from '../mvcc/types.ts'

export interface LeaseView {
  readonly id: string
  /** Seconds, as granted. */
  readonly ttl: number
  /** Sorted. */
  readonly keys: readonly ByteString[]
}

interface Lease {
  readonly id: string
  readonly ttl: number
  readonly keys: Set<ByteString>
  /** Meaningful on the leader only. */
  expiresAtMs: number
}

const MAX_TTL_SECONDS = 9_000_000_000

export class Lessor {
  readonly #leases = new Map<string, Lease>()
  /** Which lease each attached key hangs on. */
  readonly #leaseOf = new Map<ByteString, string>()
  #isLeader = false

  /**
   * A lease of `ttl` seconds from `nowMs` on. Throws `etcdErrors.leaseExists()`, and `etcdErrors.leaseTtlTooLarge()` beyond nine billion seconds.
   *
   * @lab 1.10 Grant a lease
   */
  grant(id: string, ttl: number, nowMs: number): void {
    throw new NotImplemented('1.10', 'Lessor.grant', 'Grant a lease', 'labs/01-etcd-raft/src/lease/lessor.ts')
  }

  /**
   * Ends a lease and gives the keys that hung on it, sorted: the caller deletes them, all at one revision. Throws `etcdErrors.leaseNotFound()`.
   *
   * @lab 1.10 Revoke a lease
   */
  revoke(id: string): ByteString[] {
    throw new NotImplemented('1.10', 'Lessor.revoke', 'Revoke a lease', 'labs/01-etcd-raft/src/lease/lessor.ts')
  }

  /** Throws `etcdErrors.leaseNotFound()` unless the lease exists; "0", no lease, always does. */
  requireLease(id: string): void {
    if (id !== '0' && !this.#leases.has(id)) throw etcdErrors.leaseNotFound()
  }

  /**
   * Follows what the store did: a key that was put hangs on the lease it names ("0": none) and no longer on another; a deleted key on none.
   *
   * @lab 1.10 Attach keys to leases
   */
  follow(change: Change): void {
    throw new NotImplemented('1.10', 'Lessor.follow', 'Attach keys to leases', 'labs/01-etcd-raft/src/lease/lessor.ts')
  }

  /**
   * On the leader: the lease has its full time again. Gives its TTL in seconds. Throws `etcdErrors.leaseNotFound()`, also for a lease whose time is
   * over but which is not yet revoked: nobody may bring it back.
   *
   * @lab 1.10 Renew a lease
   */
  renew(id: string, nowMs: number): number {
    throw new NotImplemented('1.10', 'Lessor.renew', 'Renew a lease', 'labs/01-etcd-raft/src/lease/lessor.ts')
  }

  /**
   * Told when this member becomes leader, or ceases to be. A new leader gives every lease its full time from now on: it cannot know what its
   * predecessor renewed.
   *
   * @lab 1.10 Take over the leases
   */
  setLeader(isLeader: boolean, nowMs: number): void {
    throw new NotImplemented(
      '1.10',
      'Lessor.setLeader',
      'Take over the leases',
      'labs/01-etcd-raft/src/lease/lessor.ts',
    )
  }

  /**
   * The ids of leases whose time is over, which the leader now proposes to revoke; none on other members.
   *
   * @lab 1.10 Find what has expired
   */
  expired(nowMs: number): string[] {
    throw new NotImplemented('1.10', 'Lessor.expired', 'Find what has expired', 'labs/01-etcd-raft/src/lease/lessor.ts')
  }

  /** Whole seconds left on the leader's clock; -1 when there is no such lease. */
  secondsLeft(id: string, nowMs: number): number {
    const lease = this.#leases.get(id)
    return lease ? Math.max(0, Math.floor((lease.expiresAtMs - nowMs) / 1000)) : -1
  }

  view(id: string): LeaseView | undefined {
    const lease = this.#leases.get(id)
    return lease && { id, ttl: lease.ttl, keys: [...lease.keys].sort() }
  }

  ids(): string[] {
    return [...this.#leases.keys()]
  }

  /** For snapshots. Which keys hang on which lease is told by the keys themselves. */
  contents(): { readonly id: string; readonly ttl: number }[] {
    return [...this.#leases.values()].map(({ id, ttl }) => ({ id, ttl }))
  }

  /** Becomes what `contents` told, with full times from now on, and without keys. */
  restore(leases: readonly { readonly id: string; readonly ttl: number }[], nowMs: number): void {
    this.#leases.clear()
    this.#leaseOf.clear()
    for (const { id, ttl } of leases) {
      this.#leases.set(id, { id, ttl, keys: new Set(), expiresAtMs: nowMs + ttl * 1000 })
    }
  }
}
