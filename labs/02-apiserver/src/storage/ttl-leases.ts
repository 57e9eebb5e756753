/**
 * Leases for objects that vanish by themselves. One lease serves all objects of a minute, since etcd has to keep track of
 * each.
 *
 * Source: apiserver `pkg/storage/etcd3/lease_manager.go`.
 */
import type { Clock } from '#kit/contracts/clock.ts'
import type { KeyValueStore } from '#kit/contracts/key-value-store.ts'

const REUSE_MS = 60_000
/** An object that comes at the end of a lease's minute must still get its whole time. */
const EXTRA_SECONDS = 60

export class TtlLeases {
  readonly #store: Pick<KeyValueStore, 'grantLease'>
  readonly #clock: Clock
  readonly #leases = new Map<number, { readonly id: Promise<string>; readonly grantedMs: number }>()

  constructor(store: Pick<KeyValueStore, 'grantLease'>, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** The id of a lease that lasts for at least `ttlSeconds` from now. */
  leaseFor(ttlSeconds: number): Promise<string> {
    const current = this.#leases.get(ttlSeconds)
    if (current && this.#clock.now() - current.grantedMs < REUSE_MS) return current.id
    const id = this.#store.grantLease(ttlSeconds + EXTRA_SECONDS)
    this.#leases.set(ttlSeconds, { id, grantedMs: this.#clock.now() })
    id.catch(() => this.#leases.delete(ttlSeconds))
    return id
  }
}
