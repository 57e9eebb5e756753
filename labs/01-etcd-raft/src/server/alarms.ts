/**
 * Alarms: what is wrong with a member that only an operator can mend, known to the whole cluster.
 *
 * NOSPACE: a member has no room for more data. CORRUPT: its data is not what the others have. Raised and disarmed through the log, so that from the same
 * entry on all members refuse the same requests: one full disk stops the growth of all, and nothing that was acknowledged is lost. What makes room
 * stays allowed under NOSPACE: deleting and compacting.
 * Source: etcd `server/etcdserver/api/v3alarm`, `server/etcdserver/apply/capped.go`, `corrupt.go`.
 */
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import type { AlarmMember, AlarmRequest, AlarmType } from '#kit/etcd-api/messages.ts'
import type { RequestOp, TxnRequest } from '../mvcc/types.ts'
import type { Request } from './command.ts'

export class Alarms {
  #raised: readonly AlarmMember[] = []

  /** The raised ones of a type; NONE stands for all. */
  list(alarm: AlarmType = 'NONE'): readonly AlarmMember[] {
    return this.#raised.filter((raised) => alarm === 'NONE' || raised.alarm === alarm)
  }

  /** Performs a request and gives the alarms that it was about. Raising twice, or disarming what is not raised, changes nothing. */
  perform({ action, memberID, alarm }: AlarmRequest): readonly AlarmMember[] {
    if (action === 'GET') return this.list(alarm)
    if (alarm === 'NONE') return []
    const known = this.#raised.find((raised) => raised.memberID === memberID && raised.alarm === alarm)
    if (action === 'ACTIVATE') {
      const raised = known ?? { memberID, alarm }
      if (!known) this.#raised = [...this.#raised, raised]
      return [raised]
    }
    this.#raised = this.#raised.filter((raised) => raised !== known)
    return known ? [known] : []
  }

  /** Throws if a raised alarm forbids the request. Alarms themselves, and changes of the members, are never forbidden. */
  check(request: Request): void {
    if (this.#raised.length === 0) return
    if (this.list('CORRUPT').length > 0 && touchesData(request)) throw etcdErrors.corrupt()
    if (this.list('NOSPACE').length > 0 && needsSpace(request)) throw etcdErrors.noSpace()
  }

  /** For snapshots: becomes what `list` told. */
  restore(raised: readonly AlarmMember[]): void {
    this.#raised = raised
  }
}

function touchesData({ put, deleteRange, txn, compaction, leaseGrant, leaseRevoke }: Request): boolean {
  return [put, deleteRange, txn, compaction, leaseGrant, leaseRevoke].some((part) => part !== undefined)
}

function needsSpace({ put, txn, leaseGrant }: Request): boolean {
  return put !== undefined || leaseGrant !== undefined || (txn !== undefined && mayPut(txn))
}

/** Whichever branch is taken: which one it will be is not known before. */
function mayPut({ success, failure }: TxnRequest): boolean {
  const puts = ({ requestPut, requestTxn }: RequestOp) =>
    requestPut !== undefined || (requestTxn !== undefined && mayPut(requestTxn))
  return [...success, ...failure].some(puts)
}
