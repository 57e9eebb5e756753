/**
 * The same requests to our member and to a real etcd: they must give the same answers, to the last field and the last error text.
 */
import { afterAll, beforeAll, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import { EtcdError } from '#kit/etcd-api/errors.ts'
import type { Compare, KeyEvent, RequestOp, Sparse } from '#kit/etcd-api/messages.ts'
import { type RealEtcd, startRealEtcd } from '#kit/etcd-api/real-etcd.ts'
import { createRandom, type Random } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'

type Call = (client: EtcdClient) => Promise<object>

/** An answer without what differs between clusters: who answered, in which term. */
async function answer(client: EtcdClient, call: Call): Promise<string> {
  try {
    const response = await call(client)
    return JSON.stringify(response, (field, value) =>
      field === 'header'
        ? { revision: value.revision }
        : value?.type === 'Buffer'
          ? String.fromCharCode(...value.data)
          : value,
    )
  } catch (error) {
    if (error instanceof EtcdError) return `${error.code}: ${error.message}`
    throw error
  }
}

const KEYS = ['a', 'b', 'ba', 'bb', 'c', 'd']
const RESULTS = ['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'] as const
const LEASES = ['0', '0', '0', '1001', '1002', '1003']

/** Requests that are mostly sensible, and now and then not. */
function requests(random: Random) {
  const key = () => (random.chance(0.02) ? '' : random.pick(KEYS))
  const rangeEnd = () => random.pick(['', '', 'c', 'b\0', '\0'])
  const revision = (highest: number) => (random.chance(0.5) ? 0 : random.below(highest + 3))
  const put = () => {
    const [ignoreValue, ignoreLease] = [random.chance(0.1), random.chance(0.1)]
    const value = ignoreValue && random.chance(0.7) ? '' : String(random.below(50))
    const lease = ignoreLease && random.chance(0.7) ? '0' : random.pick(LEASES)
    return { key: key(), value, lease, prevKv: random.chance(0.5), ignoreValue, ignoreLease }
  }
  const remove = () => ({ key: key(), rangeEnd: rangeEnd(), prevKv: random.chance(0.5) })
  const range = (highest: number) => ({
    key: key(),
    rangeEnd: rangeEnd(),
    revision: revision(highest),
    ...random.pick([
      { limit: random.below(4) },
      {
        limit: random.below(4),
        sortOrder: random.pick(['ASCEND', 'DESCEND'] as const),
        sortTarget: random.pick(['KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'] as const),
      },
    ]),
    keysOnly: random.chance(0.2),
    countOnly: random.chance(0.1),
    ...(random.chance(0.2) && { minModRevision: random.below(highest), maxModRevision: random.below(highest) }),
    ...(random.chance(0.2) && { minCreateRevision: random.below(highest), maxCreateRevision: random.below(highest) }),
  })
  const compare = (highest: number): Sparse<Compare> => {
    const common = { key: key(), rangeEnd: random.chance(0.2) ? rangeEnd() : '', result: random.pick(RESULTS) }
    const number = random.below(highest + 1)
    return random.pick<Sparse<Compare>>([
      { ...common, target: 'MOD', modRevision: random.chance(0.5) ? 0 : number },
      { ...common, target: 'CREATE', createRevision: random.chance(0.5) ? 0 : number },
      { ...common, target: 'VERSION', version: random.below(4) },
      { ...common, target: 'VALUE', value: String(random.below(50)) },
      { ...common, target: 'LEASE', lease: random.pick(LEASES) },
    ])
  }
  // Left out, because upstream's answers are not what its documentation says: it overlooks puts that meet a delete "from this key on" or a
  // delete beside a nested transaction (ours refuses them), and with a limit it sorts only the first few when no order is given.
  const operation = (highest: number, depth: number, mayNest: boolean): Sparse<RequestOp> =>
    random.pick<() => Sparse<RequestOp>>([
      () => ({ requestPut: put() }),
      () => ({ requestPut: put() }),
      () => ({ requestRange: range(highest) }),
      () => {
        if (!mayNest) return { requestDeleteRange: { ...remove(), rangeEnd: random.pick(['', '', 'c']) } }
        return depth > 1 ? { requestRange: range(highest) } : { requestTxn: txn(highest, depth + 1) }
      },
    ])()
  const operations = (highest: number, depth: number) => {
    const mayNest = depth > 0 || random.chance(0.4)
    return Array.from({ length: random.below(4) }, () => operation(highest, depth, mayNest))
  }
  const txn = (highest: number, depth = 0) => ({
    compare: Array.from({ length: random.below(3) }, () => compare(highest)),
    success: operations(highest, depth),
    failure: operations(highest, depth),
  })
  const lease = () => random.pick(['1001', '1002', '1003'])

  return (highest: number): { title: string; call: Call } => {
    const dice = random.below(100)
    const show = (title: string, request: object, call: Call) => ({
      title: `${title} ${JSON.stringify(request)}`,
      call,
    })
    if (dice < 35) {
      const request = put()
      return show('put', request, (client) => client.put(request))
    }
    if (dice < 50) {
      const request = remove()
      return show('delete', request, (client) => client.deleteRange(request))
    }
    if (dice < 70) {
      const request = range(highest)
      return show('range', request, (client) => client.range(request))
    }
    if (dice < 90) {
      const request = txn(highest)
      return show('txn', request, (client) => client.txn(request))
    }
    if (dice < 93) {
      const request = { revision: Math.max(0, highest - 20 + random.below(25)) }
      return show('compact', request, (client) => client.compact(request))
    }
    const ID = lease()
    if (dice < 96) return show('grant', { ID }, (client) => client.leaseGrant({ ID, TTL: 3600 }))
    if (dice < 98) return show('revoke', { ID }, (client) => client.leaseRevoke({ ID }))
    return show('lease keys', { ID }, async (client) => {
      const { keys, grantedTTL } = await client.leaseTimeToLive({ ID, keys: true })
      // Upstream gives them in no particular order.
      return { keys: keys.map(String).sort(), grantedTTL }
    })
  }
}

describeWith(['etcd'], 'our member and a real etcd', () => {
  let real: RealEtcd
  let members: EtcdProcesses
  let theirs: EtcdClient
  let ours: EtcdClient

  beforeAll(async () => {
    ;[real, members] = await Promise.all([startRealEtcd(), startEtcdProcesses({ members: 1 })])
    theirs = createEtcdClient({ endpoints: [real.endpoint] })
    ours = createEtcdClient({ endpoints: members.endpoints })
    for (let attempt = 0; attempt < 10; attempt++) {
      if (await ours.range({ key: 'x' }).catch(() => undefined)) break
    }
  }, 60_000)
  afterAll(async () => {
    ours?.close()
    theirs?.close()
    await Promise.all([real?.stop(), members?.stop()])
  })

  const watchAll = (client: EtcdClient) => {
    const seen: KeyEvent[] = []
    const request = { key: '\0', rangeEnd: '\0', startRevision: 2, prevKv: true }
    const watch = client.watch(request, { onEvents: (events) => seen.push(...events) })
    return { seen, watch }
  }

  /** Down to the checksum: every version of every key that is not compacted, in the order in which they were written. */
  const expectSameHistory = async (count: number) => {
    const [own, expected] = await Promise.all([ours.hashKV(), theirs.hashKV()])
    const { hash, compactRevision } = expected
    expect(own, `history after request ${count}`).toMatchObject({ hash, compactRevision })
  }

  lesson(
    'give the same answers to 1500 random requests, the same events, and have the same history in the end',
    {
      scenario:
        'Both begin empty and get the same puts, deletes, ranges, transactions, compactions and leases, good and bad.',
      rule: 'Whoever speaks to our member cannot tell it from etcd.',
      source: 'etcd 3.4 itself',
      timeoutMs: 120_000,
    },
    async ({ seed }) => {
      const number = Number(process.env.SEED ?? 1)
      seed(number)
      const next = requests(createRandom(number))
      const watches = [watchAll(ours), watchAll(theirs)]
      let highest = 1
      for (let count = 0; count < 1500; count++) {
        const { title, call } = next(highest)
        const [own, expected] = await Promise.all([answer(ours, call), answer(theirs, call)])
        expect(own, `answer to request ${count}: ${title}`).toBe(expected)
        if (count % 100 === 99) await expectSameHistory(count)
        highest = Number(/"revision":(\d+)/.exec(own)?.[1] ?? highest)
      }
      const [own, expected] = watches.map(({ seen }) => seen)
      for (let waited = 0; waited < 100 && own!.length !== expected!.length; waited++) {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      expect(own).toEqual(expected)
      for (const { watch } of watches) watch.cancel()
    },
  )
})
