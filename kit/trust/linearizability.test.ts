import { describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../sim/random.ts'
import { checkLinearizability, type Model, type Operation } from './linearizability.ts'
import { type StoreAnswer, type StoreOperation, type StoreRequest, storeModel, type Version } from './store-model.ts'

/** A single value that is put, read, and swapped: what papers call a register. */
type RegisterOperation = Operation<
  { readonly put?: number; readonly ifValue?: number },
  { readonly value?: number; readonly swapped?: boolean }
> & { readonly key?: string }

const register: Model<{ value: number }, RegisterOperation> = {
  initial: { value: 0 },
  step(state, { request: { put, ifValue }, answer }) {
    if (answer?.value !== undefined && answer.value !== state.value) return undefined
    const fits = ifValue === undefined || ifValue === state.value
    if (answer?.swapped !== undefined && answer.swapped !== fits) return undefined
    return put !== undefined && fits ? { value: put } : state
  },
  fingerprint: ({ value }) => String(value),
  partition: (operations) => {
    const groups = new Map<string | undefined, RegisterOperation[]>()
    for (const operation of operations) {
      groups.set(operation.key, [...(groups.get(operation.key) ?? []), operation])
    }
    return [...groups.values()]
  },
}

/** One line of a history, as a picture: `|--|` is when the operation was under way, `|-->` that it was never answered. */
function draw(
  lines: Record<string, { put?: number; ifValue?: number; read?: number; swapped?: boolean; key?: string }>,
) {
  return Object.entries(lines).map(([picture, { put, ifValue, read, swapped, key }], line): RegisterOperation => {
    const answered = !picture.includes('>')
    return {
      client: `c${line}`,
      request: { ...(put !== undefined && { put }), ...(ifValue !== undefined && { ifValue }) },
      calledAt: picture.indexOf('|'),
      returnedAt: answered ? picture.lastIndexOf('|') : Infinity,
      ...(answered && {
        answer: { ...(read !== undefined && { value: read }), ...(swapped !== undefined && { swapped }) },
      }),
      ...(key !== undefined && { key }),
    }
  })
}

describe('histories that some order explains', () => {
  it.each([
    ['nothing', {}],
    ['one after another', { '|--|': { put: 1 }, '     |--|': { read: 1 } }],
    ['a read that overlaps a write may see it', { '|-----|': { put: 1 }, ' |--|': { read: 1 } }],
    ['a read that overlaps a write may miss it', { '|-----|': { put: 1 }, ' |--|': { read: 0 } }],
    [
      'two reads see overlapping writes in one order',
      { '|-----|': { put: 1 }, '|-------|': { put: 2 }, ' |-|': { read: 1 }, '     |-|': { read: 2 } },
    ],
    ['a write that failed shows up late', { '|->': { put: 1 }, '    |-|': { read: 0 }, '        |-|': { read: 1 } }],
    ['a write that failed never shows up', { '|->': { put: 1 }, '    |-|': { read: 0 }, '        |-|': { read: 0 } }],
    [
      'of two swaps from one value, one wins',
      { '|---|': { put: 1, ifValue: 0, swapped: true }, ' |---|': { put: 2, ifValue: 0, swapped: false } },
    ],
    [
      'a swap that failed has made another one possible',
      { '|->': { put: 1, ifValue: 0 }, '    |-|': { put: 2, ifValue: 1, swapped: true } },
    ],
    ['keys have nothing to do with each other', { '|--|': { put: 1, key: 'a' }, '     |--|': { read: 0, key: 'b' } }],
    ['end and beginning at one moment overlap', { '|--|': { put: 1 }, '   |--|': { read: 0 } }],
  ])('%s', (_name, lines) => {
    expect(checkLinearizability(register, draw(lines)).kind).toBe('linearizable')
  })
})

describe('histories that no order explains', () => {
  it.each([
    ['a stale read', { '|--|': { put: 1 }, '     |--|': { put: 2 }, '          |--|': { read: 1 } }],
    ['a lost write', { '|--|': { put: 1 }, '     |--|': { read: 0 } }],
    ['a read from the future', { '|--|': { read: 1 }, '     |--|': { put: 1 } }],
    ['a value that nobody wrote', { '|--|': { put: 1 }, '     |--|': { read: 3 } }],
    [
      'two swaps from one value',
      { '|---|': { put: 1, ifValue: 0, swapped: true }, ' |---|': { put: 2, ifValue: 0, swapped: true } },
    ],
    ['a swap that should have failed', { '|--|': { put: 1 }, '     |--|': { put: 2, ifValue: 0, swapped: true } }],
    ['a swap that should have worked', { '|--|': { put: 1 }, '     |--|': { put: 2, ifValue: 1, swapped: false } }],
    [
      'readers that see two writes in different orders',
      {
        '|------------|': { put: 1 },
        '|-------------|': { put: 2 },
        ' |-|': { read: 1 },
        '     |-|': { read: 2 },
        '         |--|': { read: 1 },
        '               |-|': { read: 2 },
      },
    ],
    [
      'a failed write that takes effect, is overwritten, and comes back',
      { '|->': { put: 1 }, '    |-|': { read: 1 }, '        |-|': { put: 2 }, '            |-|': { read: 1 } },
    ],
    ['a failed write seen before it was tried', { '|-|': { read: 1 }, '    |->': { put: 1 } }],
  ])('%s', (_name, lines) => {
    expect(checkLinearizability(register, draw(lines)).kind).toBe('not linearizable')
  })

  it('says which operation fits nowhere, and what could be explained', () => {
    const [first, second, stale] = draw({ '|--|': { put: 1 }, '     |--|': { put: 2 }, '          |--|': { read: 1 } })
    expect(checkLinearizability(register, [stale!, first!, second!])).toEqual({
      kind: 'not linearizable',
      order: [first, second],
      stuck: stale,
    })
  })
})

it('gives up in time, and says so instead of guessing', () => {
  // Forty writes at once, and a reader that saw one value twice with another in between: each order must be tried.
  const writes = Array.from(
    { length: 40 },
    (_, write): RegisterOperation => ({
      client: `w${write}`,
      request: { put: write },
      calledAt: 0,
      returnedAt: 100,
      answer: {},
    }),
  )
  const reads = [1, 2, 1].map(
    (value, position): RegisterOperation => ({
      client: 'r',
      request: {},
      calledAt: 10 + 2 * position,
      returnedAt: 11 + 2 * position,
      answer: { value },
    }),
  )
  const before = process.cpuUsage()
  const verdict = checkLinearizability(register, [...writes, ...reads], { timeLimitMs: 100 })
  expect(verdict).toEqual({ kind: 'unknown', reason: '43 operations were not ordered within 100 ms' })
  expect(process.cpuUsage(before).user / 1e6, 'seconds of work').toBeLessThan(5)
})

describe("etcd's store", () => {
  const at = (modRevision: number, value: string, createRevision = modRevision, version = 1): Version => ({
    value,
    createRevision,
    modRevision,
    version,
  })
  let moment = 0
  /** One after another, unless `during` says otherwise. */
  const operation = (request: StoreRequest, answer?: StoreAnswer, during?: [number, number]): StoreOperation => {
    const calledAt = during?.[0] ?? ++moment
    const returnedAt = answer ? (during?.[1] ?? ++moment) : Infinity
    return {
      client: 'c',
      member: 'a',
      request,
      calledAt,
      returnedAt,
      fromMs: calledAt,
      toMs: returnedAt,
      ...(answer && { answer }),
    }
  }
  const put = (value: string, revision: number, found: Version | null, during?: [number, number]) =>
    operation({ kind: 'put', key: 'x', value }, { revision, found: { x: found } }, during)
  const get = (revision: number, found: Version | null) =>
    operation({ kind: 'get', key: 'x' }, { revision, found: { x: found } })
  const judge = (...operations: StoreOperation[]) => checkLinearizability(storeModel(operations), operations).kind

  it('accepts what etcd answers', () => {
    const verdict = judge(
      put('1', 2, null),
      put('2', 3, at(2, '1')),
      get(3, at(3, '2', 2, 2)),
      operation(
        { kind: 'swap', keys: ['x', 'y'], ifRevision: 3, value: '3' },
        { revision: 4, succeeded: true, found: { x: at(3, '2', 2, 2), y: null } },
      ),
      operation(
        { kind: 'swap', keys: ['x', 'y'], ifRevision: 3, value: '4' },
        { revision: 4, succeeded: false, found: { x: at(4, '3', 2, 3) } },
      ),
      operation({ kind: 'list' }, { revision: 4, found: { x: at(4, '3', 2, 3), y: at(4, '3') } }),
      operation({ kind: 'delete', key: 'x' }, { revision: 5, found: { x: at(4, '3', 2, 3) } }),
      operation({ kind: 'delete', key: 'x' }, { revision: 5, found: { x: null } }),
      put('5', 6, null),
    )
    expect(verdict).toBe('linearizable')
  })

  it.each([
    [
      'a stale read, though nothing says when it was true',
      () => [put('1', 2, null), put('2', 3, at(2, '1')), get(2, at(2, '1'))],
    ],
    ['two writes with one revision', () => [put('1', 2, null, [0, 9]), put('2', 2, null, [1, 9])]],
    ['a revision that nothing explains', () => [put('1', 2, null), put('2', 4, at(2, '1'))]],
    ['a write done twice', () => [put('1', 2, null), get(3, at(3, '1', 2, 2))]],
    ['a version that does not count', () => [put('1', 2, null), put('2', 3, at(2, '1')), get(3, at(3, '2', 2, 1))]],
    [
      'a deletion that found nothing, though there was something',
      () => [put('1', 2, null), operation({ kind: 'delete', key: 'x' }, { revision: 2, found: { x: null } })],
    ],
    ['a list with a key left out', () => [put('1', 2, null), operation({ kind: 'list' }, { revision: 2, found: {} })]],
    [
      'an unanswered write that was seen at two revisions',
      () => [
        operation({ kind: 'put', key: 'x', value: '1' }),
        get(2, at(2, '1')),
        put('2', 3, at(2, '1')),
        get(4, at(4, '1', 2, 3)),
      ],
    ],
  ])('refuses %s', (_name, operations) => {
    expect(judge(...operations())).toBe('not linearizable')
  })

  it('lets an unanswered write explain a revision, early or late', () => {
    const lost = operation({ kind: 'put', key: 'x', value: '1' })
    expect(judge(lost, get(1, null), get(2, at(2, '1')))).toBe('linearizable')
    expect(judge(lost, get(1, null), put('2', 3, at(2, '1')))).toBe('linearizable')
    expect(judge(operation({ kind: 'delete', key: 'x' }), put('2', 2, null), put('3', 4, null))).toBe('linearizable')
  })

  it('is quick on thousands of operations, hundreds of them unanswered, right or wrong', () => {
    const random = createRandom(1)
    const operations = recordStore(random, { clients: 12, operations: 5_000, lost: 0.05 })
    const before = process.cpuUsage()
    expect(judge(...operations)).toBe('linearizable')
    for (const shift of [-3, 1, 1_000_000]) {
      const changed = operations.map((one, index) => (index === 4_000 ? shiftRevision(one, shift) : one))
      expect(judge(...changed), `one revision changed by ${shift}`).toBe('not linearizable')
    }
    // Work, not time: the machine may have other things to do.
    expect(process.cpuUsage(before).user / 1e6, 'seconds of work').toBeLessThan(10)
  })
})

describe('random histories', () => {
  it('accepts every history of one copy, and agrees with trying all orders when an answer is changed', () => {
    let refused = 0
    for (let seed = 1; seed <= 400; seed++) {
      const random = createRandom(seed)
      const history = recordRegister(random, 7)
      expect(checkLinearizability(register, history).kind, `seed ${seed}`).toBe('linearizable')
      const changed = history.map((one, index) => (index === random.below(7) ? changeAnswer(one, random) : one))
      const expected = tryAllOrders(register, changed) ? 'linearizable' : 'not linearizable'
      expect(checkLinearizability(register, changed).kind, `seed ${seed}, one answer changed`).toBe(expected)
      if (expected === 'not linearizable') refused++
    }
    expect(refused).toBeGreaterThan(50)
  })

  it('accepts every history of one store, and refuses it when a revision is changed', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = createRandom(seed)
      const history = recordStore(random, { clients: 5, operations: 60, lost: 0.15 })
      expect(checkLinearizability(storeModel(history), history).kind, `seed ${seed}`).toBe('linearizable')
      const answered = history.filter(({ answer }) => answer)
      const victim = random.pick(answered)
      const changed = history.map((one) => (one === victim ? shiftRevision(one, 100) : one))
      expect(checkLinearizability(storeModel(changed), changed).kind, `seed ${seed}, one revision changed`).toBe(
        'not linearizable',
      )
    }
  })

  it('agrees with trying all orders on small histories of a store', () => {
    let refused = 0
    for (let seed = 1; seed <= 600; seed++) {
      const random = createRandom(seed)
      const history = recordStore(random, { clients: 4, operations: 8, lost: 0.35 })
      const changed = history.map((one) =>
        random.chance(0.2) ? { ...one, calledAt: one.calledAt + 4, returnedAt: one.returnedAt + 4 } : one,
      )
      const expected = tryAllOrders(storeModel(changed, KNOWS_NOTHING), changed) ? 'linearizable' : 'not linearizable'
      expect(checkLinearizability(storeModel(changed), changed).kind, `seed ${seed}`).toBe(expected)
      if (expected === 'not linearizable') refused++
    }
    expect(refused).toBeGreaterThan(20)
  })
})

const KNOWS_NOTHING = { mayTake: () => true, mayBecome: () => true, twins: () => undefined }

/** The definition, word for word: some order of all that returned, and of some that did not, explains all. */
function tryAllOrders<State, Op extends Operation<unknown, unknown>>(
  model: Model<State, Op>,
  left: readonly Op[],
  state = model.initial,
): boolean {
  if (left.every(({ returnedAt }) => returnedAt === Infinity)) return true
  const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt))
  return left.some((operation) => {
    if (operation.calledAt > firstReturn) return false
    const next = model.step(state, operation)
    return (
      next !== undefined &&
      tryAllOrders(
        model,
        left.filter((one) => one !== operation),
        next,
      )
    )
  })
}

/** Where an operation takes effect at `moment`, its call is a bit earlier and its return a bit later. */
function around(moment: number, random: Random): { calledAt: number; returnedAt: number } {
  return { calledAt: moment - random.below(30) / 10, returnedAt: moment + random.below(30) / 10 }
}

function recordRegister(random: Random, length: number): RegisterOperation[] {
  let value = 0
  return Array.from({ length }, (_, moment): RegisterOperation => {
    const interval = around(moment, random)
    const client = `c${moment}`
    if (random.chance(0.4)) return { client, request: {}, answer: { value }, ...interval }
    const put = random.below(4)
    if (random.chance(0.3)) {
      const ifValue = random.below(4)
      const swapped = ifValue === value
      if (swapped) value = put
      return { client, request: { put, ifValue }, answer: { swapped }, ...interval }
    }
    if (random.chance(0.2)) {
      if (random.chance(0.5)) value = put
      return { client, request: { put }, calledAt: interval.calledAt, returnedAt: Infinity }
    }
    value = put
    return { client, request: { put }, answer: {}, ...interval }
  })
}

function changeAnswer(operation: RegisterOperation, random: Random): RegisterOperation {
  const { answer } = operation
  if (answer?.value !== undefined) return { ...operation, answer: { value: random.below(4) } }
  return answer?.swapped !== undefined ? { ...operation, answer: { swapped: !answer.swapped } } : operation
}

/** Clients of one store, each with one operation at a time; some answers get lost, and some of those operations too. */
function recordStore(
  random: Random,
  { clients, operations, lost }: { clients: number; operations: number; lost: number },
): StoreOperation[] {
  const versions = new Map<string, Version>()
  let revision = 1
  const apply = (request: StoreRequest): StoreAnswer => {
    const keys = request.kind === 'list' ? [...versions.keys()] : request.kind === 'swap' ? request.keys : [request.key]
    const found = Object.fromEntries(keys.map((key) => [key, versions.get(key) ?? null]))
    const succeeded = request.kind === 'swap' ? (found[keys[0]!]?.modRevision ?? 0) === request.ifRevision : undefined
    const puts = request.kind === 'put' || succeeded
    const deletes = request.kind === 'delete' && found[request.key] !== null
    if (puts || deletes) revision++
    for (const key of keys) {
      if (deletes) versions.delete(key)
      if (!puts) continue
      const old = found[key]
      const { value } = request as { value: string }
      versions.set(key, {
        value,
        modRevision: revision,
        createRevision: old?.createRevision ?? revision,
        version: (old?.version ?? 0) + 1,
      })
    }
    return { revision, found, ...(succeeded !== undefined && { succeeded }) }
  }
  const busyUntil = Array.from({ length: clients }, () => 0)
  const history: StoreOperation[] = []
  for (let count = 0; count < operations; count++) {
    const client = random.below(clients)
    const moment = Math.max(count, busyUntil[client]! + 0.5)
    // Effects happen in the order of this loop, so no client may run ahead of it.
    if (moment > count) continue
    const calledAt = Math.max(busyUntil[client]!, moment - random.below(20) / 10)
    const returnedAt = moment + random.below(50) / 10
    busyUntil[client] = returnedAt
    const request = randomRequest(random, `v${count}`, versions)
    const about = { client: `c${client}`, member: 'a', request, calledAt, fromMs: calledAt }
    if (random.chance(lost)) {
      if (random.chance(0.5)) apply(request)
      if (request.kind !== 'get' && request.kind !== 'list')
        history.push({ ...about, returnedAt: Infinity, toMs: Infinity })
    } else history.push({ ...about, answer: apply(request), returnedAt, toMs: returnedAt })
  }
  return history
}

function randomRequest(random: Random, value: string, versions: ReadonlyMap<string, Version>): StoreRequest {
  const [key, other] = random.chance(0.5) ? ['x', 'y'] : ['y', 'z']
  const kind = random.pick(['get', 'get', 'put', 'put', 'swap', 'delete', 'list'] as const)
  if (kind === 'list') return { kind }
  if (kind === 'put') return { kind, key: key!, value }
  if (kind !== 'swap') return { kind, key: key! }
  const ifRevision = random.chance(0.7) ? (versions.get(key!)?.modRevision ?? 0) : 1
  return { kind, keys: [key!, other!], ifRevision, value }
}

function shiftRevision(operation: StoreOperation, by: number): StoreOperation {
  const { answer } = operation
  return answer ? { ...operation, answer: { ...answer, revision: answer.revision + by } } : operation
}
