/**
 * A few members without a simulator, where the test itself is time and network: it ticks whom it likes, as often as it likes, and says who is
 * cut off. So a clock that runs slow is simply a member that is ticked less often.
 */

import { createRaftState } from '#etcd/raft/create-state.ts'
import { Raft } from '#etcd/raft/raft.ts'
import type { RaftFeatures } from '#etcd/raft/state.ts'
import type { MemberId, Message, ReadState } from '#kit/raft/messages.ts'

export class MembersByHand {
  readonly #members = new Map<MemberId, Raft>()
  readonly #reads = new Map<MemberId, ReadState[]>()
  readonly #isolated = new Set<MemberId>()
  /** Every message that was sent, whether it arrived or not. */
  readonly sent: Message[] = []

  constructor(ids: readonly MemberId[], features: Partial<RaftFeatures> = {}) {
    for (const [position, id] of ids.entries()) {
      this.#members.set(id, new Raft(createRaftState({ id, voters: ids, seed: position + 1, features })))
      this.#reads.set(id, [])
    }
  }

  get(id: MemberId): Raft {
    return this.#members.get(id)!
  }

  /** Reads that this member was allowed to serve. */
  reads(id: MemberId): readonly ReadState[] {
    return this.#reads.get(id)!
  }

  /** From now on, nothing to or from these members arrives. */
  isolate(...ids: readonly MemberId[]): void {
    for (const id of ids) this.#isolated.add(id)
  }

  tick(...ids: readonly MemberId[]): void {
    for (const id of ids) {
      this.get(id).tick()
      this.settle()
    }
  }

  /** Persists and delivers until nobody has anything more to say. */
  settle(): void {
    for (let didWork = true; didWork; ) {
      didWork = false
      for (const [id, raft] of this.#members) {
        if (!raft.hasReady()) continue
        didWork = true
        const ready = raft.ready()
        this.#reads.get(id)!.push(...ready.reads)
        raft.advance(ready)
        for (const message of ready.messages) this.#deliver(message)
      }
    }
  }

  #deliver(message: Message): void {
    this.sent.push(message)
    if (!this.#isolated.has(message.from) && !this.#isolated.has(message.to)) this.get(message.to).step(message)
  }
}
