/**
 * How much room there is, and what happens when there is none: the NOSPACE alarm.
 *
 * Two things can run out: what this member's store may hold (`--quota-backend-bytes`), and its disk. In both cases the member tells the cluster, by
 * an alarm that is agreed on like any write, and from that entry on all members refuse what needs room: a cluster of which one member cannot follow is
 * soon a cluster of one fewer. Reading, deleting and compacting go on. An operator makes room and disarms the alarm.
 *
 * Requests are refused here already, before they cost a place in the log; what is under way meanwhile is refused when it is applied (alarms.ts).
 * Source: etcd `server/etcdserver/api/v3rpc/quota.go`, `server/storage/quota.go`.
 */
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { RequestOp } from '../mvcc/types.ts'
import type { Alarms } from './alarms.ts'
import type { Request } from './command.ts'

export interface SpaceOptions {
  /** Bytes; 0 or less: no limit. */
  readonly quotaBytes: number
  readonly store: { readonly bytes: number }
  readonly alarms: Pick<Alarms, 'check'>
  /** Raises this member's alarm. Asked again and again; may reject. */
  readonly raise: () => Promise<void>
  readonly onError: (error: unknown) => void
}

/** Upstream's default. */
export const DEFAULT_QUOTA_BYTES = 2 * 1024 ** 3

export class Space {
  readonly #options: SpaceOptions
  #isRaising = false

  constructor(options: SpaceOptions) {
    this.#options = options
  }

  /** Throws when the request must not even be proposed. */
  admit(request: Request): void {
    this.#options.alarms.check(request)
    const bytes = bytesAdded(request)
    if (bytes === 0 || !this.#exceeds(bytes)) return
    this.runOut()
    throw etcdErrors.noSpace()
  }

  /** After entries were applied: what other members let pass may be too much for this one. */
  consider(): void {
    if (this.#exceeds(0)) this.runOut()
  }

  /** There is no room left, here or on the disk. */
  runOut(): void {
    if (this.#isRaising) return
    this.#isRaising = true
    this.#options
      .raise()
      .catch(this.#options.onError)
      .finally(() => {
        this.#isRaising = false
      })
  }

  #exceeds(moreBytes: number): boolean {
    const { quotaBytes, store } = this.#options
    return quotaBytes > 0 && store.bytes + moreBytes > quotaBytes
  }
}

/** What a lease costs, about. */
const LEASE_BYTES = 64

/** Roughly, and for a transaction its longer branch; 0 for what needs no room. */
function bytesAdded({ put, txn, leaseGrant }: Request): number {
  if (put) return put.key.length + put.value.length
  if (leaseGrant) return LEASE_BYTES
  return txn ? Math.max(bytesOfAll(txn.success), bytesOfAll(txn.failure)) : 0
}

function bytesOfAll(operations: readonly RequestOp[]): number {
  return operations.reduce(
    (sum, { requestPut: put, requestTxn: txn }) => sum + bytesAdded({ ...(put && { put }), ...(txn && { txn }) }),
    0,
  )
}
