/**
 * Is there one order of these operations that explains every answer, and that respects time?
 *
 * Clients saw calls begin and end, never the moment in between at which the system did the work. A history is linearizable
 * if one can choose such a moment for each operation, so that a single copy, doing them one after another, would have given the same
 * answers. The search picks, again and again, an operation that nothing still unplaced precedes, lets the model do it, and goes
 * back when it comes to a dead end.
 *
 * What keeps an exponential search quick: a pair of (what is placed, state) is never tried twice, and an operation that changes nothing is
 * placed as soon as it fits, because waiting could not help it.
 *
 * An operation without an answer returns at infinity: it may take effect at any later time, or never.
 *
 * Source: Wing & Gong, "Testing and Verifying Concurrent Objects" (1993), with Lowe's memoisation, "Testing for
 * Linearizability" (2017); Horn & Kroening (2015) on the list of calls and returns; Porcupine.
 */

export interface Operation<Request, Answer> {
  readonly client: string
  readonly request: Request
  /** Positions among all calls and returns of the history: only their order counts. */
  readonly calledAt: number
  /** Infinity: nobody knows whether, and when, it took effect. */
  readonly returnedAt: number
  readonly answer?: Answer
}

/** What the system should be, if it were one copy that does one thing at a time. */
export interface Model<State, Op> {
  readonly initial: State
  /**
   * The state after `operation`; undefined when it cannot have had its answer in `state`. The same object as `state` says that
   * it changed nothing. An operation without an answer that would change nothing here may be refused: leaving it out is the same.
   */
  step(state: State, operation: Op): State | undefined
  /** Equal texts for equal states, and only for those. */
  fingerprint(state: State): string
  /** Of operations without an answer, equal texts say that nobody could tell one from the other: only the first is tried. */
  twins?(operation: Op): string | undefined
  /** Groups that have nothing to do with each other, such as the operations of each key. Left out: one group. */
  partition?(operations: readonly Op[]): readonly (readonly Op[])[]
}

export type Verdict<Op> =
  | { readonly kind: 'linearizable'; readonly order: readonly Op[] }
  /** `order` is the longest that could be explained; `stuck` had returned by then and fits nowhere. */
  | { readonly kind: 'not linearizable'; readonly order: readonly Op[]; readonly stuck: Op }
  /** Out of time. Nothing was shown, so a test must not pass. */
  | { readonly kind: 'unknown'; readonly reason: string }

const DEFAULT_TIME_LIMIT_MS = 10_000

export function checkLinearizability<State, Op extends Operation<unknown, unknown>>(
  model: Model<State, Op>,
  operations: readonly Op[],
  { timeLimitMs = DEFAULT_TIME_LIMIT_MS }: { readonly timeLimitMs?: number } = {},
): Verdict<Op> {
  const deadlineMs = performance.now() + timeLimitMs
  const order: Op[] = []
  for (const group of model.partition?.(operations) ?? [operations]) {
    const search = new Search(model, group)
    const verdict = search.run(deadlineMs)
    if (verdict === 'out of time') {
      return { kind: 'unknown', reason: `${group.length} operations were not ordered within ${timeLimitMs} ms` }
    }
    if (verdict !== 'ordered') return { kind: 'not linearizable', ...verdict }
    order.push(...search.order())
  }
  return { kind: 'linearizable', order }
}

/** A call or a return, in a list from which placed operations are taken out, and put back in when the search goes back. */
interface Moment<Op> {
  readonly kind: 'call' | 'return' | 'end'
  readonly operation?: Op
  readonly index: number
  previous?: Moment<Op>
  next?: Moment<Op>
  /** Of a call; missing when it returns at infinity. */
  returns?: Moment<Op>
}

interface Placed<State, Op> {
  readonly call: Moment<Op>
  /** Before it. */
  readonly state: State
  /** Placed because it changed nothing: there is no other choice worth trying. */
  readonly isFree: boolean
}

class Search<State, Op extends Operation<unknown, unknown>> {
  readonly #model: Model<State, Op>
  readonly #head: Moment<Op>
  readonly #placed: Placed<State, Op>[] = []
  readonly #seen = new Set<string>()
  readonly #footprint: Footprint
  #state: State
  /** Operations that have returned and must be placed. */
  #owed: number

  constructor(model: Model<State, Op>, operations: readonly Op[]) {
    this.#model = model
    this.#state = model.initial
    this.#head = listMoments(operations)
    this.#owed = operations.filter(({ returnedAt }) => returnedAt < Infinity).length
    this.#footprint = new Footprint(operations.length)
  }

  order(): Op[] {
    return this.#placed.map(({ call }) => call.operation!)
  }

  run(deadlineMs: number): 'ordered' | 'out of time' | { order: Op[]; stuck: Op } {
    let furthest: { order: Op[]; stuck: Op } | undefined
    let from = this.#head.next!
    for (let steps = 0; this.#owed > 0; steps++) {
      if (steps % 256 === 0 && performance.now() > deadlineMs) return 'out of time'
      const free = from === this.#head.next ? this.#findFree() : undefined
      const found = free ? { call: free, state: this.#state } : this.#findChange(from)
      if (found) {
        this.#place({ call: found.call, state: this.#state, isFree: free !== undefined }, found.state)
        from = this.#head.next!
        continue
      }
      if (!furthest || this.#placed.length > furthest.order.length) {
        furthest = { order: this.order(), stuck: this.#firstReturn() }
      }
      const last = this.#takeBack()
      if (!last) return furthest
      from = last.call.next!
    }
    return 'ordered'
  }

  /** Something that has its answer in the present state, and leaves the state as it is. What never returned may yet have an effect. */
  #findFree(): Moment<Op> | undefined {
    for (let moment = this.#head.next!; moment.kind === 'call'; moment = moment.next!) {
      if (moment.returns && this.#model.step(this.#state, moment.operation!) === this.#state) return moment
    }
    return undefined
  }

  /** The first call from `from` on that fits, leads to something new, and begins before anything unplaced returns. */
  #findChange(from: Moment<Op>): { call: Moment<Op>; state: State } | undefined {
    const tried = new Set<string>()
    for (let moment = this.#head.next!, isTried = true; moment.kind === 'call'; moment = moment.next!) {
      if (moment === from) isTried = false
      const state = this.#model.step(this.#state, moment.operation!)
      if (state === undefined || state === this.#state) continue
      const twins = moment.returns ? undefined : this.#model.twins?.(moment.operation!)
      const isTwin = twins !== undefined && tried.has(twins)
      if (twins !== undefined) tried.add(twins)
      if (isTried || isTwin) continue
      const situation = `${this.#footprint.with(moment.index)} ${this.#model.fingerprint(state)}`
      if (this.#seen.has(situation)) continue
      this.#seen.add(situation)
      return { call: moment, state }
    }
    return undefined
  }

  #firstReturn(): Op {
    let moment = this.#head.next!
    while (moment.kind === 'call') moment = moment.next!
    return moment.operation!
  }

  #place(placed: Placed<State, Op>, state: State): void {
    this.#placed.push(placed)
    this.#state = state
    this.#footprint.add(placed.call.index)
    if (placed.call.returns) this.#owed--
    takeOut(placed.call)
  }

  /** Back to the last real choice. */
  #takeBack(): Placed<State, Op> | undefined {
    for (;;) {
      const placed = this.#placed.pop()
      if (!placed) return undefined
      this.#state = placed.state
      this.#footprint.remove(placed.call.index)
      if (placed.call.returns) this.#owed++
      putBack(placed.call)
      if (!placed.isFree) return placed
    }
  }
}

/** Which operations are placed, as a short text: up to where all are, and which ones beyond. */
class Footprint {
  readonly #isPlaced: Uint8Array
  readonly #beyond = new Set<number>()
  #complete = 0

  constructor(size: number) {
    this.#isPlaced = new Uint8Array(size)
  }

  add(index: number): void {
    this.#isPlaced[index] = 1
    this.#beyond.add(index)
    while (this.#isPlaced[this.#complete]) this.#beyond.delete(this.#complete++)
  }

  remove(index: number): void {
    this.#isPlaced[index] = 0
    this.#beyond.delete(index)
    while (this.#complete > index) this.#beyond.add(--this.#complete)
    this.#beyond.delete(index)
  }

  with(index: number): string {
    this.add(index)
    const text = `${this.#complete}:${[...this.#beyond].sort((a, b) => a - b).join()}`
    this.remove(index)
    return text
  }
}

function listMoments<Op extends Operation<unknown, unknown>>(operations: readonly Op[]): Moment<Op> {
  // What may stay unplaced for ever comes last, so that footprints stay short.
  const isOpen = ({ returnedAt }: Op) => Number(returnedAt === Infinity)
  const inOrder = [...operations].sort((a, b) => isOpen(a) - isOpen(b) || a.calledAt - b.calledAt)
  const moments: { at: number; moment: Moment<Op> }[] = []
  for (const [index, operation] of inOrder.entries()) {
    const call: Moment<Op> = { kind: 'call', operation, index }
    moments.push({ at: operation.calledAt, moment: call })
    if (operation.returnedAt === Infinity) continue
    call.returns = { kind: 'return', operation, index }
    moments.push({ at: operation.returnedAt, moment: call.returns })
  }
  // Of what happened at the same moment, calls come first: then they overlap, which claims less.
  moments.sort((a, b) => a.at - b.at || Number(a.moment.kind === 'return') - Number(b.moment.kind === 'return'))
  const head: Moment<Op> = { kind: 'end', index: -1 }
  let last = head
  for (const moment of [...moments.map((one) => one.moment), { kind: 'end', index: -1 } as Moment<Op>]) {
    last.next = moment
    moment.previous = last
    last = moment
  }
  return head
}

function takeOut<Op>(call: Moment<Op>): void {
  for (const moment of [call, call.returns]) {
    if (!moment) continue
    moment.previous!.next = moment.next!
    moment.next!.previous = moment.previous!
  }
}

/** In the opposite order of taking out, so that neighbours are where they were. */
function putBack<Op>(call: Moment<Op>): void {
  for (const moment of [call.returns, call]) {
    if (!moment) continue
    moment.previous!.next = moment
    moment.next!.previous = moment
  }
}
