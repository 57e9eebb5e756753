/**
 * A set of iptables rules as plain data, in two directions: to the text that `iptables-restore` reads, and back from the text
 * that `iptables-save` writes.
 *
 * A rule is its text without the leading `-A CHAIN`, in the form in which the kernel gives it back:
 * `-d 10.96.0.10/32 -p udp -m comment --comment "…" -m udp --dport 53 -j KUBE-SVC-…`. So "is this rule there already?" is a
 * comparison of texts.
 */

/** Rules by chain, in order. A chain with no rules exists, but is empty. */
export type Chains = Readonly<Record<string, readonly string[]>>

/** The two tables that kube-proxy writes: addresses are translated in `nat`, packets are refused in `filter`. */
export interface Rules {
  readonly nat: Chains
  readonly filter: Chains
}

export type TableName = keyof Rules
export const TABLE_NAMES: readonly TableName[] = ['nat', 'filter']

/** Where the kernel's own hooks enter. They always exist, and others have rules in them too. */
export const BUILT_IN_CHAINS: readonly string[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']

export const NO_RULES: Rules = { nat: {}, filter: {} }

/** Puts fragments together. Where several have rules for the same chain, they follow each other in the order given. */
export function mergeRules(...fragments: readonly Partial<Rules>[]): Rules {
  return {
    nat: mergeChains(fragments.map(({ nat = {} }) => nat)),
    filter: mergeChains(fragments.map(({ filter = {} }) => filter)),
  }
}

function mergeChains(fragments: readonly Chains[]): Chains {
  const merged: Record<string, string[]> = {}
  for (const fragment of fragments) {
    for (const [chain, rules] of Object.entries(fragment)) {
      const present = merged[chain]
      if (present) present.push(...rules)
      else merged[chain] = [...rules]
    }
  }
  return merged
}

/** Reads what `iptables-save` printed. Other tables than `nat` and `filter`, counters and policies are left out. */
export function parseIptablesSave(text: string): Rules {
  const tables: Record<TableName, Record<string, string[]>> = { nat: {}, filter: {} }
  let chains: Record<string, string[]> | undefined
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) chains = tables[line.slice(1).trim() as TableName]
    else if (!chains) continue
    else if (line.startsWith(':')) chains[line.slice(1).split(' ')[0]!] ??= []
    else if (line.startsWith('-A ')) {
      const [, chain = '', rule = ''] = /^-A (\S+)(?: (.*))?$/.exec(line) ?? []
      chains[chain] = [...(chains[chain] ?? []), rule.trim()]
    }
  }
  return tables
}

/** How rules get into a network stack and out of it again. */
export interface RuleApplier {
  /** The rules that are there now, as `iptables-save` prints them. */
  save(): Promise<string>
  /** Applies the text of one `iptables-restore --noflush`: all of it or nothing. */
  restore(text: string): Promise<void>
  /** Calls back when the network stack was replaced by an empty one. Returns how to stop listening. */
  onReset(callback: () => void): () => void
}
