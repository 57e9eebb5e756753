/** The answers of filters. Reasons are upstream's words: people search the web for them. */
import type { FilterResult } from '#kit/contracts/scheduling.ts'

export const FITS: FilterResult = { fits: true }

/** The node is full, or something on it is in the way: evicting pods could make room. */
export function busy(...reasons: string[]): FilterResult {
  return { fits: false, reasons, evictionMayHelp: true }
}

/** The node is the wrong one, whoever runs there. Upstream calls this `UnschedulableAndUnresolvable`. */
export function unsuitable(...reasons: string[]): FilterResult {
  return { fits: false, reasons, evictionMayHelp: false }
}
