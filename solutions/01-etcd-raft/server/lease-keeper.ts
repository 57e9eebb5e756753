/**
 * Leases and the leader's clock: renewals and remaining times are asked of the leader, and the leader ends what has expired.
 *
 * Source: etcd `server/etcdserver/v3_server.go` (`LeaseRenew`, `revokeExpiredLeases`).
 */
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import { EtcdError, etcdErrors } from '#kit/etcd-api/errors.ts'
import type { LeaseAnswer, LeaseCall, PeerFrame } from '#kit/raft/wire.ts'
import type { Lessor } from '../lease/lessor.ts'
import { skipMissing } from './missing-parts.ts'
import { OpenCalls } from './open-calls.ts'

export interface LeaseKeeperOptions {
  readonly lessor: Lessor
  readonly isLeader: () => boolean
  readonly leader: () => string | null
  readonly revoke: (id: string) => Promise<unknown>
  readonly send: (to: string, frame: Partial<PeerFrame>) => unknown
  readonly clock: Clock
  /** How long to wait for the leader's answer. */
  readonly timeoutMs: number
  readonly log: Log
}

/** How often the leader looks what has expired. */
const EXPIRY_MS = 500

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #calls: OpenCalls<LeaseAnswer>
  readonly #beingRevoked = new Set<string>()
  #expiry: Timer | undefined

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#calls = new OpenCalls(options.clock)
  }

  start(): void {
    this.#expiry = this.#options.clock.setTimer(EXPIRY_MS, () => {
      skipMissing(() => this.#revokeExpired())
      this.start()
    })
  }

  stop(): void {
    this.#expiry?.cancel()
  }

  /** Seconds the lease now has; 0 or less when there is no such lease. */
  async renew(lease: string): Promise<number> {
    return (await this.#ask({ kind: 'Renew', lease })).ttl
  }

  /** Seconds left; -1 when there is no such lease. */
  async secondsLeft(lease: string): Promise<number> {
    return (await this.#ask({ kind: 'TimeToLive', lease })).ttl
  }

  receive(from: string, { leaseCall, leaseAnswer, callId }: PeerFrame): void {
    if (leaseCall) this.#options.send(from, { leaseAnswer: this.#answer(leaseCall), callId })
    if (leaseAnswer) this.#calls.answer(callId, leaseAnswer)
  }

  /** On the leader: proposes to end what has expired, once each. */
  #revokeExpired(): void {
    const { lessor, clock, revoke, log } = this.#options
    for (const id of lessor.expired(clock.now())) {
      if (this.#beingRevoked.has(id)) continue
      this.#beingRevoked.add(id)
      revoke(id)
        .catch((error) => {
          if (!(error instanceof EtcdError && error.code === 'NOT_FOUND')) log.warn(`lease ${id} not revoked: ${error}`)
        })
        .finally(() => this.#beingRevoked.delete(id))
    }
  }

  async #ask(call: LeaseCall): Promise<LeaseAnswer> {
    const { isLeader, leader, send, timeoutMs } = this.#options
    if (isLeader()) return this.#answer(call)
    const to = leader()
    if (to === null) throw etcdErrors.noLeader()
    const answer = await this.#calls.ask(timeoutMs, (callId) => send(to, { leaseCall: call, callId }))
    if (!answer.isLeader) throw etcdErrors.leaderChanged()
    return answer
  }

  #answer({ kind, lease }: LeaseCall): LeaseAnswer {
    const { lessor, isLeader, clock } = this.#options
    if (!isLeader()) return { isLeader: false, ttl: 0 }
    if (kind === 'TimeToLive') return { isLeader: true, ttl: lessor.secondsLeft(lease, clock.now()) }
    try {
      return { isLeader: true, ttl: lessor.renew(lease, clock.now()) }
    } catch (error) {
      if (error instanceof EtcdError) return { isLeader: true, ttl: 0 }
      throw error
    }
  }
}
