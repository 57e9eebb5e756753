/**
 * What is going to happen, in order of time; what is due at the same moment happens in the order in which it was planned.
 *
 * That second half is what makes a run the same every time. A binary heap: planning and taking cost the logarithm of what waits.
 */
export interface PlannedEvent {
  readonly atMs: number
  readonly run: () => void
}

interface Ordered extends PlannedEvent {
  readonly order: number
}

export class EventQueue {
  /** `heap[i]` is due before `heap[2i + 1]` and `heap[2i + 2]`. */
  readonly #heap: Ordered[] = []
  #planned = 0

  plan(atMs: number, run: () => void): void {
    const event = { atMs, run, order: this.#planned++ }
    const heap = this.#heap
    let place = heap.length
    for (let parent = (place - 1) >> 1; place > 0 && isBefore(event, heap[parent]!); parent = (place - 1) >> 1) {
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = event
  }

  /** Takes the next event out, if it is due by `untilMs`. */
  takeDue(untilMs: number): PlannedEvent | undefined {
    const heap = this.#heap
    const next = heap[0]
    if (!next || next.atMs > untilMs) return undefined
    const last = heap.pop()!
    if (heap.length > 0) this.#sink(last)
    return next
  }

  /** Puts `event` where the first was, and lets it sink to its place. */
  #sink(event: Ordered): void {
    const heap = this.#heap
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(event, heap[child]!)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = event
  }
}

function isBefore(a: Ordered, b: Ordered): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
