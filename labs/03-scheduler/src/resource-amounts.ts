/**
 * Arithmetic on ResourceAmounts. Quantities are parsed once, when they enter; from then on they are plain numbers, because
 * a scheduler compares them millions of times.
 */
import { cpuMillicores, quantityValue } from '#kit/api/quantity.ts'
import type { ResourceAmounts } from '#kit/contracts/scheduling.ts'

/** `{ cpu: "500m", memory: "1Ki" }` → `{ cpu: 500, memory: 1024 }`. */
export function parseAmounts(quantities: Readonly<Record<string, string>> | undefined): ResourceAmounts {
  const amounts: Record<string, number> = {}
  for (const [name, quantity] of Object.entries(quantities ?? {})) {
    amounts[name] = name === 'cpu' ? cpuMillicores(quantity) : quantityValue(quantity)
  }
  return amounts
}

export function addAmounts(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  const sum: Record<string, number> = { ...a }
  for (const [name, amount] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + amount
  return sum
}

/** The larger of each. */
export function maxAmounts(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  const largest: Record<string, number> = { ...a }
  for (const [name, amount] of Object.entries(b)) largest[name] = Math.max(largest[name] ?? 0, amount)
  return largest
}
