/**
 * The network between simulated members: messages get lost, late, doubled and out of order, and whole groups stop hearing each other.
 *
 * A message's fate under way is drawn when it is sent; whether the road is open is asked when it would arrive, so a partition also swallows what
 * was already on its way.
 */
import type { MemberId, Message } from '../../raft/messages.ts'
import type { Random } from '../random.ts'

export interface NetworkFaults {
  /** Probability that a message never arrives. */
  readonly loss: number
  /** Probability that it arrives twice. */
  readonly duplication: number
  /** Milliseconds under way: between 1 and this. More than a few reorders messages. */
  readonly maxDelayMs: number
  /** Probability that a message takes up to two seconds: long after others have given it up. */
  readonly straggling: number
}

export const CALM_NETWORK: NetworkFaults = { loss: 0, duplication: 0, maxDelayMs: 5, straggling: 0 }
const STRAGGLER_MS = 2000

export class SimulatedNetwork {
  #groups: readonly (readonly MemberId[])[] = []
  /** "ab": what a sends to b does not arrive. */
  readonly #cuts = new Set<string>()

  /** Only members of the same group hear each other; whoever is in no group hears nobody. */
  partition(groups: readonly (readonly MemberId[])[]): void {
    this.#groups = groups
  }

  /** The road from one member to another is closed; the way back stays open. */
  cut(from: MemberId, to: MemberId): void {
    this.#cuts.add(`${from} ${to}`)
  }

  heal(): void {
    this.#groups = []
    this.#cuts.clear()
  }

  connects(from: MemberId, to: MemberId): boolean {
    if (this.#cuts.has(`${from} ${to}`)) return false
    return this.#groups.length === 0 || this.#groups.some((group) => group.includes(from) && group.includes(to))
  }
}

/** What becomes of a message: for each copy of it, the milliseconds until it arrives, or 'lost'. */
export function drawFate(random: Random, faults: NetworkFaults): (number | 'lost')[] {
  const copies = random.chance(faults.duplication) ? 2 : 1
  return Array.from({ length: copies }, () => {
    if (random.chance(faults.loss)) return 'lost'
    const straggles = faults.straggling > 0 && random.chance(faults.straggling)
    return 1 + random.below(straggles ? STRAGGLER_MS : faults.maxDelayMs)
  })
}

/** Members share no memory: each gets its own copy of what is sent, as if it had crossed a wire. */
export function copyMessage(message: Message): Message {
  if (message.type !== 'AppendRequest') return structuredCloneOfFlat(message)
  return { ...message, entries: message.entries.map((entry) => ({ ...entry })) }
}

/** No other message holds more than lists of plain values; one level is all there is to copy. */
function structuredCloneOfFlat(message: Message): Message {
  if (message.type === 'InstallSnapshot') {
    const { snapshot } = message
    return { ...message, snapshot: { ...snapshot, voters: [...snapshot.voters], learners: [...snapshot.learners] } }
  }
  if (message.type === 'ProposeRequest') return { ...message, commands: [...message.commands] }
  return { ...message }
}
