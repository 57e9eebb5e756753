/**
 * From the rules that are there to the rules that should be, in one step that touches no more than it must.
 *
 * Guarantee: the text is one transaction for each table, so no packet ever meets half of an update; chains that stay the same
 * are not named in it, so a change of one Service among thousands costs what one Service costs; and other people's
 * rules are left alone.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (partial syncs), KEP-3453; iptables-restore(8), `--noflush`.
 */
import { BUILT_IN_CHAINS, type Chains, type Rules, TABLE_NAMES } from '#kit/contracts/proxy-rules.ts'
import { isServiceChain } from './chain-names.ts'

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
  return TABLE_NAMES.map((table) => {
    const lines = tableChanges(present[table], wanted[table])
    return lines.length === 0 ? '' : [`*${table}`, ...lines, 'COMMIT', ''].join('\n')
  }).join('')
}

/** @solution-only */
function tableChanges(present: Chains, wanted: Chains): string[] {
  const own = Object.keys(wanted).filter((chain) => !BUILT_IN_CHAINS.includes(chain))
  const changed = own.filter((chain) => !sameRules(present[chain], wanted[chain]))
  const stale = Object.keys(present).filter((chain) => isServiceChain(chain) && !(chain in wanted))
  const jumps = BUILT_IN_CHAINS.flatMap((chain) =>
    (wanted[chain] ?? []).filter((rule) => !present[chain]?.includes(rule)).map((rule) => `-A ${chain} ${rule}`),
  )
  return [
    ...[...changed, ...stale].map((chain) => `:${chain} - [0:0]`),
    ...changed.flatMap((chain) => wanted[chain]!.map((rule) => `-A ${chain} ${rule}`)),
    ...jumps,
    ...stale.map((chain) => `-X ${chain}`),
  ]
}

/** @solution-only */
function sameRules(present: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean {
  if (!present || !wanted || present.length !== wanted.length) return false
  return wanted.every((rule, position) => rule === present[position])
}
