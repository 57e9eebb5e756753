/**
 * Binary search, once for all sorted lists. Source: Go's `sort.Search`.
 */

/** How many places at the beginning of a list are before something; once one is not, none after it may be. */
export function countBefore(length: number, isBefore: (place: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(middle)) low = middle + 1
    else high = middle
  }
  return low
}
