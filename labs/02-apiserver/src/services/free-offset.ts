/**
 * Numbers from a range, each given out once: cluster IPs and node ports are both "the n-th of a range", remembered in a
 * bitmap.
 *
 * Source: kubernetes `pkg/registry/core/service/allocator/bitmap.go`, KEP-3070 (the two bands).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'


/** One bit per number, the lowest bit of byte 0 first. */
export type Bitmap = Uint8Array

/**
 * How many numbers at the start of a range are kept for users who ask for one by name: a 16th, at least 16 and at most 256;
 * none in a range of 16 or fewer.
 */
export function staticBandSize(size: number): number {
  return size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256)
}

export function isTaken(bitmap: Bitmap, offset: number): boolean {
  return ((bitmap[offset >> 3] ?? 0) & (1 << (offset & 7))) !== 0
}

/**
 * A number that is free, or undefined when none is. Numbers above the static band are tried first, beginning at the given
 * fraction (in [0, 1)) of the upper band, rounded down, then those after it, and around from the start of the upper
 * band; only when all of these are taken, the static band, in the same way. So a number that somebody will ask for by name
 * is probably still there.
 *
 * @lab 2.12 Pick a free number
 */
export function freeOffset(bitmap: Bitmap, size: number, fraction: number): number | undefined {
  throw new NotImplemented('2.12', 'freeOffset', 'Pick a free number', 'labs/02-apiserver/src/services/free-offset.ts')
}

/**
 * A copy of the bitmap with one number taken or given back.
 *
 * @lab 2.12 Take and give back a number
 */
export function withOffset(bitmap: Bitmap, offset: number, taken: boolean): Bitmap {
  throw new NotImplemented(
    '2.12',
    'withOffset',
    'Take and give back a number',
    'labs/02-apiserver/src/services/free-offset.ts',
  )
}
