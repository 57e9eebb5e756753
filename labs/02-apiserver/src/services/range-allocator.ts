/**
 * A range whose bitmap lives in etcd, so that two API servers never give out the same number: each taking is an update that
 * holds only if the bitmap has not changed meanwhile.
 *
 * Source: kubernetes `pkg/registry/core/service/allocator/storage/storage.go`; kind RangeAllocation.
 */
import type { ApiObject } from '#kit/api/objects.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { type Bitmap, freeOffset, isTaken, withOffset } from './free-offset.ts'

interface RangeAllocation extends ApiObject {
  /** "10.96.0.0/16" or "30000-32767". */
  readonly range: string
  /** The bitmap in base64. */
  readonly data: string
}

export class RangeAllocator {
  readonly #objects: ObjectStore
  readonly #key: string
  readonly #range: string
  readonly #size: number
  readonly #random: () => number

  constructor(objects: ObjectStore, options: { key: string; range: string; size: number; random: () => number }) {
    this.#objects = objects
    this.#key = options.key
    this.#range = options.range
    this.#size = options.size
    this.#random = options.random
  }

  /** Takes this number; false when somebody has it. */
  async take(offset: number): Promise<boolean> {
    let won = false
    await this.#update((bitmap) => {
      won = !isTaken(bitmap, offset)
      return won ? withOffset(bitmap, offset, true) : bitmap
    })
    return won
  }

  /** Takes any free number; undefined when the range is full. */
  async takeAny(): Promise<number | undefined> {
    let offset: number | undefined
    await this.#update((bitmap) => {
      offset = freeOffset(bitmap, this.#size, this.#random())
      return offset === undefined ? bitmap : withOffset(bitmap, offset, true)
    })
    return offset
  }

  async release(offset: number): Promise<void> {
    await this.#update((bitmap) => withOffset(bitmap, offset, false))
  }

  /** Makes the bitmap say exactly this: after a crash it may remember numbers that nobody has. */
  async repair(offsets: readonly number[]): Promise<void> {
    await this.#update(() => {
      const bitmap = this.#empty()
      for (const offset of offsets) bitmap[offset >> 3] = (bitmap[offset >> 3] ?? 0) | (1 << (offset & 7))
      return bitmap
    })
  }

  async #update(change: (bitmap: Bitmap) => Bitmap): Promise<void> {
    await this.#objects.guaranteedUpdate(this.#key, async (current) => {
      const data = (current as Partial<RangeAllocation> | undefined)?.data
      const bitmap = data === undefined ? this.#empty() : Buffer.from(data, 'base64')
      const put: RangeAllocation = {
        kind: 'RangeAllocation',
        apiVersion: 'v1',
        metadata: {},
        range: this.#range,
        data: Buffer.from(change(bitmap)).toString('base64'),
      }
      return { put }
    })
  }

  #empty(): Bitmap {
    return new Uint8Array(Math.ceil(this.#size / 8))
  }
}
