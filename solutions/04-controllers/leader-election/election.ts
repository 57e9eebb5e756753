/**
 * Of several processes that could do the same work, one does it: the one whose name stands in a Lease. The others
 * watch.
 *
 * Guarantees: at most one process believes to lead, as long as clocks run at about the same speed (they need not agree
 * on the time); a leader that died is replaced after `leaseDurationMs`; one that leaves is replaced at once.
 *
 * How a candidate judges another's claim: by its own clock, from the moment when it last saw the Lease change. The
 * times written in the Lease come from another machine's clock and are never compared with ours.
 *
 * Source: client-go `tools/leaderelection/leaderelection.go` (tryAcquireOrRenew), defaults 15 s, 10 s, 2 s.
 */
import type { Lease, Stored } from '#kit/api/objects.ts'

/** A leader that has not renewed for so long may be replaced. */
export const LEASE_DURATION_MS = 15_000
/** A leader that could not renew for so long stops leading: before the others may begin. */
export const RENEW_DEADLINE_MS = 10_000
/** Pause between tries. */
export const RETRY_PERIOD_MS = 2_000

/** What a candidate knows of the Lease. */
export interface Observation {
  /** Undefined: there is none. */
  readonly lease: Stored<Lease> | undefined
  /** When, by our clock, it was first seen as it is now. */
  readonly sinceMs: number
}

export type ElectionStep =
  /** Write this Lease; who succeeds, leads. */
  | { readonly do: 'create' | 'update'; readonly lease: Lease }
  /** Somebody else leads. */
  | { readonly do: 'wait' }

/**
 * What we know after another look: an unchanged Lease keeps the moment when it was first seen, a changed one (or none)
 * is seen now.
 *
 * @lab 4.10 Notice when the Lease changes
 */
export function observe(before: Observation | undefined, lease: Stored<Lease> | undefined, nowMs: number): Observation {
  const unchanged = before !== undefined && before.lease?.metadata.resourceVersion === lease?.metadata.resourceVersion
  return unchanged ? before : { lease, sinceMs: nowMs }
}

/**
 * What to do about the Lease that was observed:
 *
 * - There is none: create it.
 * - It is ours: renew it, that is, write a new `renewTime`; `acquireTime` and `leaseTransitions` stay.
 * - It is nobody's (an empty holder), or its holder has let it run out: by our clock it has stood still for the
 *   `leaseDurationSeconds` that it says. Take it, with a new `acquireTime` and one more in `leaseTransitions`.
 * - Otherwise wait.
 *
 * An update carries the resourceVersion that was observed, so of two that take it at once only one succeeds.
 *
 * @lab 4.10 Take, renew or leave the Lease
 */
export function electionStep(
  candidate: { identity: string; namespace: string; name: string },
  { lease, sinceMs }: Observation,
  nowMs: number,
): ElectionStep {
  const { identity, namespace, name } = candidate
  const time = new Date(nowMs).toISOString().replace('Z', '000Z')
  const claim = { holderIdentity: identity, leaseDurationSeconds: LEASE_DURATION_MS / 1000, renewTime: time }
  if (!lease) {
    const spec = { ...claim, acquireTime: time, leaseTransitions: 0 }
    return { do: 'create', lease: { metadata: { namespace, name }, spec } }
  }
  if (lease.spec?.holderIdentity === identity) {
    return { do: 'update', lease: { ...lease, spec: { ...lease.spec, ...claim } } }
  }
  const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000
  if (lease.spec?.holderIdentity && nowMs < sinceMs + durationMs) return { do: 'wait' }
  const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1
  return { do: 'update', lease: { ...lease, spec: { ...claim, acquireTime: time, leaseTransitions } } }
}

/**
 * The Lease as a leader leaves it that stops on purpose: without holder, and run out after a second, so the next one
 * need not wait.
 *
 * @lab 4.10 Give the Lease back
 */
export function released(lease: Stored<Lease>, nowMs: number): Lease {
  const time = new Date(nowMs).toISOString().replace('Z', '000Z')
  const { leaseTransitions = 0 } = lease.spec ?? {}
  const spec = { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions, acquireTime: time, renewTime: time }
  return { ...lease, spec }
}
