/**
 * What simulated members apply decided commands to.
 *
 * The same commands in the same order must give the same fingerprint on every member, whether it applied them, took a snapshot of them, or
 * read them again after a crash.
 */
import type { Entry } from '../../raft/messages.ts'

export interface SimulatedMachine {
  /** Leaders' no-ops and changes of members are given too. */
  apply(entry: Entry): void
  /** All of it, as plain data that nobody changes any more. */
  snapshot(): unknown
  restore(content: unknown): void
  /** Of the state after index `index`, which it has just reached; undefined where that would cost too much. */
  fingerprint(index: number): number | undefined
}

/** Remembers the commands themselves: enough for Raft, which never looks into them. */
export class CommandList implements SimulatedMachine {
  commands: string[] = []
  #fingerprint = 0

  apply({ data, change }: Entry): void {
    if (data === '' || change) return
    this.commands.push(data)
    this.#fingerprint = mix(this.#fingerprint, data)
  }

  snapshot(): unknown {
    return { commands: [...this.commands], fingerprint: this.#fingerprint }
  }

  restore(content: unknown): void {
    const { commands, fingerprint } = content as { commands: string[]; fingerprint: number }
    this.commands = [...commands]
    this.#fingerprint = fingerprint
  }

  fingerprint(): number {
    return this.#fingerprint
  }
}

/** FNV-1a, going on from `hash`. */
function mix(hash: number, text: string): number {
  let mixed = hash ^ 0x811c9dc5
  for (let position = 0; position < text.length; position++) {
    mixed = Math.imul(mixed ^ text.charCodeAt(position), 0x01000193)
  }
  return Math.imul(mixed ^ 0x2f, 0x01000193) >>> 0
}
