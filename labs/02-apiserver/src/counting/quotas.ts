/**
 * A ResourceQuota is a number that many writers use up together: so many pods, so much memory, and no more, however many
 * create pods at the same moment.
 *
 * Counting what there is and then creating would not do: two who count at once both find room for the last one. So what is
 * used stands in an object (the quota's status), and who wants to create something first **charges** it there, by
 * optimistic concurrency: the charge is stored only if nobody else has charged since it was read. Then it creates.
 *
 * Guarantee: what the status says is used may be too much for a while (a creation that failed after its charge), and is never
 * too little because of a race. Nobody gives back in a hurry: the quota controller counts again what is there.
 *
 * Source: apiserver `pkg/admission/plugin/resourcequota/controller.go` (checkRequest, checkQuotas).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ResourceQuota, Stored } from '#kit/api/objects.ts'
import type { Amounts } from '#kit/counting/amounts.ts'

/** What comes of charging a quota. `why` is for the user. */
export type ChargeOutcome =
  | { readonly fits: true; readonly quota: Stored<ResourceQuota> }
  | { readonly fits: false; readonly why: string }

/** Where the quotas of one namespace are. */
export interface QuotaShelf {
  /** The quota as it is now. */
  read(name: string): Promise<Stored<ResourceQuota>>
  /**
   * Stores what `decide` makes of the quota, if nobody else has changed it meanwhile; if somebody has, `decide` is asked
   * again about the newer one. Returning the quota that it was shown stores nothing.
   */
  update(name: string, decide: (current: Stored<ResourceQuota>) => Stored<ResourceQuota>): Promise<void>
}

/**
 * What a write adds to what is used: `usage` is what the object uses when it is written, `before` what it used until then
 * (absent for a creation). Only what rises counts: what falls is given back by the controller, not here. Nothing of zero.
 *
 * @lab 2.16 Say what a write adds
 */
export function addedBy(usage: Amounts, before: Amounts = {}): Amounts {
  throw new NotImplemented('2.16', 'addedBy', 'Say what a write adds', 'labs/02-apiserver/src/counting/quotas.ts')
}

/**
 * Charges a quota with what a write adds. Of `added`, only the names that stand in the quota's `status.hard` concern it. If
 * none of those would rise above its limit, the outcome is a quota with `status.used` raised, and nothing else changed (the one
 * passed in stays as it is). If some would: "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3", with
 * what was added, what was used and the limit, each for the names that would be exceeded only (`printAmounts`).
 *
 * @lab 2.16 Charge a quota
 */
export function chargeQuota(quota: Stored<ResourceQuota>, added: Amounts): ChargeOutcome {
  throw new NotImplemented('2.16', 'chargeQuota', 'Charge a quota', 'labs/02-apiserver/src/counting/quotas.ts')
}

/**
 * Charges all of these quotas, or returns why not. First it reads each and asks whether the charge would fit, so that none is
 * charged in vain when another one is full; then it updates one after the other. Between the two somebody may have been
 * faster, so an update, too, may find that the charge no longer fits: then it leaves the quota as it is, and that is why.
 *
 * @lab 2.16 Charge them all, whoever else does
 */
export async function chargeAll(
  names: readonly string[],
  added: Amounts,
  shelf: QuotaShelf,
): Promise<string | undefined> {
  throw new NotImplemented(
    '2.16',
    'chargeAll',
    'Charge them all, whoever else does',
    'labs/02-apiserver/src/counting/quotas.ts',
  )
}
