/**
 * From the rules that are there to the rules that should be, in one step that touches no more than it must.
 *
 * Guarantee: the text is one transaction for each table, so no packet ever meets half of an update; chains that stay the same
 * are not named in it, so a change of one Service among thousands costs what one Service costs; and other people's
 * rules are left alone.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (partial syncs), KEP-3453; iptables-restore(8), `--noflush`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Rules } from '#kit/contracts/proxy-rules.ts'

/**
 * The text for `iptables-restore --noflush` that turns `present` into `wanted`; the empty text when nothing has to change.
 * For each table with changes: `*<table>`, the lines below, `COMMIT`; each line ends with a newline.
 *
 * 1. `:<chain> - [0:0]` for every chain that is new or whose rules differ: this creates the chain, or empties it. Also for every
 *    stale chain: one that `isServiceChain` and is present, but not wanted.
 * 2. `-A <chain> <rule>` for all rules of the new and different chains, in order.
 * 3. `-X <chain>` for the stale chains. It comes last, because a chain can only be deleted when nothing jumps to it any more.
 *
 * The kernel's own chains (`BUILT_IN_CHAINS`) are different: others have rules in them, so they are never named in 1. Their
 * wanted rules that are not present yet are added, and nothing is removed.
 *
 * Chains that are neither wanted nor service chains belong to somebody else.
 *
 * @lab 6.6 Change only what differs
 */
export function changesBetween(present: Rules, wanted: Rules): string {
  throw new NotImplemented(
    '6.6',
    'changesBetween',
    'Change only what differs',
    'labs/06-kube-proxy/src/minimal-update.ts',
  )
}
