/**
 * A network stack in memory: takes the same text as the kernel, and refuses what the kernel would refuse. For tests, and for
 * clusters whose nodes only pretend.
 */
import { NO_RULES, type RuleApplier, type Rules, TABLE_NAMES } from '../contracts/proxy-rules.ts'
import { restoreInto } from './iptables-restore.ts'

export class MemoryIptables implements RuleApplier {
  rules: Rules = NO_RULES
  /** Every text that was applied, in order. */
  readonly applied: string[] = []
  readonly #restored: (text: string) => void
  #onReset: () => void = () => {}

  constructor(restored: (text: string) => void = () => {}) {
    this.#restored = restored
  }

  async save(): Promise<string> {
    const lines = TABLE_NAMES.flatMap((table) => [
      `*${table}`,
      ...Object.keys(this.rules[table]).map((chain) => `:${chain} - [0:0]`),
      ...Object.entries(this.rules[table]).flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
      'COMMIT',
    ])
    return `${lines.join('\n')}\n`
  }

  async restore(text: string): Promise<void> {
    this.rules = restoreInto(this.rules, text)
    this.applied.push(text)
    this.#restored(text)
  }

  onReset(callback: () => void): () => void {
    this.#onReset = callback
    return () => {
      this.#onReset = () => {}
    }
  }

  /** The node restarts: all rules are gone. */
  reset(): void {
    this.rules = NO_RULES
    this.#onReset()
  }
}
