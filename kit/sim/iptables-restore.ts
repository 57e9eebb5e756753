/**
 * What `iptables-restore --noflush` would make of a text, without a kernel: the rules afterwards, or the kernel's "no".
 *
 * - A line `:CHAIN …` creates the chain or empties it; one of the kernel's own chains keeps its rules.
 * - `-A` needs the chain, `-X` an empty chain that nothing jumps to.
 * - At `COMMIT`, every jump must lead somewhere. Until then, nothing of the table is applied: all of it or nothing.
 *
 * Source: iptables-restore(8), iptables(8).
 */
import { BUILT_IN_CHAINS, type Chains, type Rules, TABLE_NAMES, type TableName } from '../contracts/proxy-rules.ts'
import { parseRule } from './iptables-rule.ts'

type Table = Map<string, string[]>

/** Throws, with the line, where `iptables-restore` would refuse. */
export function restoreInto(rules: Rules, text: string): Rules {
  const result = { ...rules }
  let name: TableName | undefined
  let table: Table = new Map()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('*')) {
      name = tableName(line)
      table = new Map(Object.entries(result[name]).map(([chain, lines]) => [chain, [...lines]]))
      for (const chain of BUILT_IN_CHAINS) if (!table.has(chain)) table.set(chain, [])
      continue
    }
    if (!name) throw new Error(`Outside of any table (*nat, *filter): ${line}`)
    if (line === 'COMMIT') {
      result[name] = commit(table)
      name = undefined
    } else applyLine(table, line)
  }
  if (name) throw new Error(`COMMIT is missing at the end of table ${name}: nothing of it is applied`)
  return result
}

function tableName(line: string): TableName {
  const name = TABLE_NAMES.find((table) => `*${table}` === line)
  if (!name) throw new Error(`No such table: ${line}`)
  return name
}

function applyLine(table: Table, line: string): void {
  const [, chain = ''] = /^(?::|-A |-X )(\S+)/.exec(line) ?? []
  if (line.startsWith(':')) {
    if (!BUILT_IN_CHAINS.includes(chain)) table.set(chain, [])
    return
  }
  const rules = table.get(chain)
  if (!rules) throw new Error(`No chain by that name: ${line}`)
  if (line.startsWith('-A ')) rules.push(line.slice(`-A ${chain} `.length).trim())
  else if (line.startsWith('-X ')) deleteChain(table, chain, rules)
  else throw new Error(`Not understood: ${line}`)
}

function deleteChain(table: Table, chain: string, rules: readonly string[]): void {
  if (rules.length > 0) throw new Error(`The chain ${chain} is not empty, it cannot be deleted`)
  const user = [...table].find(([, lines]) => lines.some((line) => jumpOf(line) === chain))
  if (user) throw new Error(`The chain ${chain} is still jumped to by ${user[0]}, it cannot be deleted`)
  table.delete(chain)
}

function commit(table: Table): Chains {
  for (const [chain, rules] of table) {
    for (const rule of rules) {
      const jump = jumpOf(rule)
      if (jump && !table.has(jump)) throw new Error(`No chain ${jump} to jump to: -A ${chain} ${rule}`)
    }
  }
  return Object.fromEntries(table)
}

/** Rules of other people may use what the simulator does not know: they count as jumping nowhere. */
function jumpOf(rule: string): string | undefined {
  try {
    const { target } = parseRule(rule)
    return target.kind === 'chain' ? target.chain : undefined
  } catch {
    return undefined
  }
}
