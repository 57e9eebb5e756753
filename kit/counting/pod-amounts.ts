/**
 * What a pod needs, added up: its containers run side by side, its init containers one after another before them, and
 * sidecars (init containers that are always restarted) from their turn on with everything.
 *
 * Source: kubernetes `pkg/api/v1/resource/helpers.go` (PodRequests, PodLimits); KEP-753 (sidecars).
 */
import type { Container, PodSpec } from '../api/objects.ts'
import { type Amounts, addAmounts, largerAmounts } from './amounts.ts'

/** The requests, or the limits, of the whole pod. */
export function podAmounts(spec: PodSpec, which: 'requests' | 'limits'): Amounts {
  const amountsOf = ({ resources }: Container): Amounts => resources?.[which] ?? {}
  let together = (spec.containers ?? []).map(amountsOf).reduce(addAmounts, {})
  let sidecars: Amounts = {}
  let peak: Amounts = {}
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container)
    if (container.restartPolicy === 'Always') {
      together = addAmounts(together, own)
      sidecars = addAmounts(sidecars, own)
      peak = largerAmounts(peak, sidecars)
    } else peak = largerAmounts(peak, addAmounts(sidecars, own))
  }
  const needed = largerAmounts(together, peak)
  const overhead = spec.overhead ?? {}
  // Overhead counts as a limit only of what is limited.
  const counted = Object.entries(overhead).filter(([name]) => which === 'requests' || name in needed)
  return addAmounts(needed, Object.fromEntries(counted))
}
