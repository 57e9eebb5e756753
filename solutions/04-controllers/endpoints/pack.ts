/**
 * Endpoints into slices of at most 100, changing as few slices as possible: each changed slice is sent to every node.
 *
 * Source: kubernetes `staging/src/k8s.io/endpointslice/reconciler.go` (reconcileByPortMapping), KEP-752.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Endpoint, EndpointPort, EndpointSlice, Stored } from '#kit/api/objects.ts'

export const MOST_PER_SLICE = 100

/** Endpoints that answer on the same ports. A slice holds endpoints of one such group. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

export interface SlicePlan {
  readonly create: readonly PortGroup[]
  readonly update: readonly { readonly slice: Stored<EndpointSlice>; readonly content: PortGroup }[]
  readonly delete: readonly Stored<EndpointSlice>[]
}

/**
 * How the slices of a Service must change so that they hold exactly these groups.
 *
 * For each group, among the existing slices with its ports: an endpoint stays in the slice it is in, with its present
 * conditions; one that is no longer wanted is taken out; new ones go into the fullest slice that has room, else into a
 * new slice. A slice that became empty goes, and so do slices with ports that no group has. A group without endpoints
 * keeps one empty slice, which says "this Service has none". Slices that stay as they are do not appear in the plan.
 *
 * An endpoint is known by the uid of its pod, `targetRef.uid`.
 *
 * @lab 4.7 Pack endpoints into slices
 */
export function packSlices(groups: readonly PortGroup[], existing: readonly Stored<EndpointSlice>[]): SlicePlan {
  const drafts = groups.flatMap((group) => draftSlices(group, existing))
  const kept = new Set(drafts.map(({ slice }) => slice))
  return {
    create: drafts.filter(({ slice }) => slice === undefined).map(({ ports, endpoints }) => ({ ports, endpoints })),
    update: drafts.flatMap(({ slice, ports, endpoints }) => {
      const unchanged = !slice || isDeepStrictEqual(slice.endpoints ?? [], endpoints)
      return unchanged ? [] : [{ slice, content: { ports, endpoints } }]
    }),
    delete: existing.filter((slice) => !kept.has(slice)),
  }
}

/**
 * A slice as it shall be; without `slice`, a new one.
 *
 * @solution-only
 */
interface Draft extends PortGroup {
  readonly slice?: Stored<EndpointSlice>
  readonly endpoints: Endpoint[]
}

/**
 * The slices that one group shall have. Without endpoints that is exactly one, an empty one.
 *
 * @solution-only
 */
function draftSlices({ ports, endpoints }: PortGroup, existing: readonly Stored<EndpointSlice>[]): Draft[] {
  const arriving = new Map(endpoints.map((endpoint) => [endpoint.targetRef?.uid, endpoint]))
  const drafts: Draft[] = []
  for (const slice of existing.filter((candidate) => isDeepStrictEqual(candidate.ports ?? [], ports))) {
    const staying = (slice.endpoints ?? []).flatMap(({ targetRef }) => arriving.get(targetRef?.uid) ?? [])
    for (const { targetRef } of staying) arriving.delete(targetRef?.uid)
    drafts.push({ slice, ports, endpoints: staying })
  }
  for (const endpoint of arriving.values()) {
    const withRoom = drafts.filter((draft) => draft.endpoints.length < MOST_PER_SLICE)
    const [fullest] = withRoom.sort((one, other) => other.endpoints.length - one.endpoints.length)
    if (fullest) fullest.endpoints.push(endpoint)
    else drafts.push({ ports, endpoints: [endpoint] })
  }
  const filled = drafts.filter((draft) => draft.endpoints.length > 0)
  return filled.length > 0 ? filled : [drafts[0] ?? { ports, endpoints: [] }]
}

/** A slice to delete and one to create are one to update: fewer writes, and watchers see no gap. Given. */
export function recycle(plan: SlicePlan): SlicePlan {
  const count = Math.min(plan.create.length, plan.delete.length)
  const reused = plan.delete.slice(0, count).map((slice, index) => ({ slice, content: plan.create[index]! }))
  return { create: plan.create.slice(count), update: [...plan.update, ...reused], delete: plan.delete.slice(count) }
}
