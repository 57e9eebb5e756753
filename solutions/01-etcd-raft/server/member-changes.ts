/**
 * Changes of the members: any member may be asked, the leader judges and proposes.
 *
 * Only the leader knows how far a learner's log has come and whom it can reach, and only it can begin a change. It judges and begins in one go: since
 * no earlier change is unapplied then, what it judges by is what the change will find when it is applied.
 * Source: etcd `server/etcdserver/server.go` (`AddMember` and its kin, `configure`); upstream passes on only promotions to the leader.
 */
import type { Clock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { EtcdError, etcdErrors, type GrpcCodeName } from '#kit/etcd-api/errors.ts'
import type { ClusterMember } from '#kit/etcd-api/messages.ts'
import type { MemberId, MembershipChange } from '#kit/raft/messages.ts'
import type { MemberAnswer, PeerFrame } from '#kit/raft/wire.ts'
import type { MemberChange, Request } from './command.ts'
import { checkChange, type LeaderView } from './membership-rules.ts'
import { OpenCalls } from './open-calls.ts'
import type { Applied } from './proposals.ts'

export interface MemberChangesOptions extends LeaderView {
  isLeader(): boolean
  leader(): MemberId | null
  /** Whether Raft would begin a change now. */
  mayChange(): boolean
  /** Begins a change that may begin; resolves when it is applied here. */
  propose(change: MembershipChange, request: Request): Promise<Applied<MembersResponse>>
  send(to: MemberId, frame: Partial<PeerFrame>): boolean
  readonly clock: Clock
  readonly log: Log
  readonly timeoutMs: number
  /** Why the members cannot be changed at all: a step that is not written yet. */
  readonly missing: Error | undefined
}

export interface MembersResponse {
  readonly members: readonly ClusterMember[]
}

const RETRY_MS = 20

/** Of one that does not lead: whoever asked may ask another. */
const NO_LEADER: MemberAnswer = { isLeader: false, members: [], errorCode: '', errorMessage: '' }

export class MemberChanges {
  readonly #options: MemberChangesOptions
  readonly #calls: OpenCalls<MemberAnswer>

  constructor(options: MemberChangesOptions) {
    this.#options = options
    this.#calls = new OpenCalls(options.clock)
  }

  /** Resolves with the members after the change, once it is applied by whoever leads. */
  async change(change: MemberChange): Promise<readonly ClusterMember[]> {
    const { isLeader, leader, clock, timeoutMs, missing } = this.#options
    if (missing) throw missing
    const deadlineMs = clock.now() + timeoutMs
    for (;;) {
      if (isLeader()) return this.#lead(change, deadlineMs)
      const to = leader()
      const answer = to === null ? undefined : await this.#ask(to, change, deadlineMs)
      if (answer?.errorCode) throw new EtcdError(answer.errorCode as GrpcCodeName, answer.errorMessage)
      if (answer?.isLeader) return answer.members
      await this.#pause(deadlineMs)
    }
  }

  receive(from: MemberId, { memberCall, memberAnswer, callId }: PeerFrame): void {
    if (memberCall)
      void this.#answer(memberCall).then((answer) => this.#options.send(from, { memberAnswer: answer, callId }))
    if (memberAnswer) this.#calls.answer(callId, memberAnswer)
  }

  /** The rules are asked again each time: whatever we wait for may change the answer. */
  async #lead(change: MemberChange, deadlineMs: number): Promise<readonly ClusterMember[]> {
    const { members, mayChange, isLeader, propose, missing } = this.#options
    if (missing) throw missing
    for (;;) {
      if (!isLeader()) throw etcdErrors.leaderChanged()
      checkChange(this.#options, change)
      if (mayChange()) {
        const { response } = await propose(raftChange(change, members.get(change.ID)), { memberChange: change })
        return response.members
      }
      await this.#pause(deadlineMs)
    }
  }

  async #answer(change: MemberChange): Promise<MemberAnswer> {
    const { isLeader, clock, timeoutMs } = this.#options
    if (!isLeader()) return NO_LEADER
    const nothing = { ...NO_LEADER, isLeader: true }
    try {
      return { ...nothing, members: await this.#lead(change, clock.now() + timeoutMs) }
    } catch (error) {
      const { code, message } = this.#asEtcdError(error)
      return { ...nothing, errorCode: code, errorMessage: message }
    }
  }

  /** As the other member's client will see it. */
  #asEtcdError(error: unknown): EtcdError {
    if (error instanceof EtcdError) return error
    this.#options.log.error('a change of the members failed', error)
    if (isNotImplemented(error)) return etcdErrors.unimplemented(error.message)
    return new EtcdError('INTERNAL', 'etcdserver: internal error')
  }

  #ask(to: MemberId, memberCall: MemberChange, deadlineMs: number): Promise<MemberAnswer> {
    const { send, clock } = this.#options
    return this.#calls.ask(deadlineMs - clock.now(), (callId) => {
      // A call that never left has had no effect, so the next leader may be asked.
      if (!send(to, { memberCall, callId })) this.#calls.answer(callId, NO_LEADER)
    })
  }

  #pause(deadlineMs: number): Promise<void> {
    const { clock } = this.#options
    if (clock.now() + RETRY_MS > deadlineMs) throw etcdErrors.timedOut()
    return new Promise((resolve) => void clock.setTimer(RETRY_MS, resolve))
  }
}

/** What a change means to Raft. A new address means nothing to it, but goes the same way, so that no two changes ever overlap. */
function raftChange({ kind, ID, isLearner }: MemberChange, member: ClusterMember | undefined): MembershipChange {
  if (kind === 'Remove') return { kind, member: ID }
  const learns = kind === 'Update' ? member?.isLearner : kind === 'Add' && isLearner
  return { kind: learns ? 'AddLearner' : 'AddVoter', member: ID }
}
