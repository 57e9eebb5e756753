/**
 * Many requests at once against the whole request handler, over an etcd in memory that takes a random while for each call:
 * what is counted together is never exceeded. And what single objects use.
 */
import { describe, expect, it } from 'vitest'
import type { KeyValueStore } from '../contracts/key-value-store.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { createRandom, type Random } from '../sim/random.ts'
import { startHandler } from './testing/handler-in-memory.ts'

/** The store, but each range and transaction takes a few turns, as many as the seed says. */
function slowly(store: KeyValueStore, random: Random): KeyValueStore {
  const aWhile = async () => {
    for (let turns = random.below(8); turns > 0; turns--) await Promise.resolve()
  }
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property)
      if (typeof value !== 'function') return value
      if (property !== 'range' && property !== 'txn') return value.bind(target)
      return async (...args: unknown[]) => {
        await aWhile()
        const answer: unknown = await value.apply(target, args)
        await aWhile()
        return answer
      }
    },
  })
}

async function startServer(seed: number) {
  const handler = await startHandler(slowly(createSimEtcdStore(), createRandom(seed)))
  await handler.send('POST', 'v1/namespaces', { metadata: { name: 'shop' } })
  return handler
}

const pod = (name: string) => ({
  metadata: { name, labels: { app: 'web' } },
  spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }] },
})

describe('many at once', () => {
  it.each([1, 2, 3, 4, 5])('create no more pods than a quota allows (seed %i)', async (seed) => {
    const { send, seen, stop } = await startServer(seed)
    const quotas = 'v1/namespaces/shop/resourcequotas'
    const hard = { pods: '5', 'requests.cpu': '450m' }
    await send('POST', quotas, { metadata: { name: 'q' }, spec: { hard } })
    await send('PATCH', `${quotas}/q/status`, { status: { hard, used: { pods: '0', 'requests.cpu': '0' } } })
    await seen(`${quotas}/q`, ({ status }) => Boolean(status))
    const names = Array.from({ length: 20 }, (_, i) => `web-${i}`)
    const answers = await Promise.all(names.map((name) => send('POST', 'v1/namespaces/shop/pods', pod(name))))
    expect(answers.filter(({ code }) => code === 201)).toHaveLength(4)
    expect(answers.filter(({ code }) => code === 403)).toHaveLength(16)
    const { object } = await send('GET', `${quotas}/q`)
    expect(object.status).toEqual({ hard, used: { pods: '4', 'requests.cpu': '400m' } })
    stop()
  })

  it.each([1, 2, 3, 4, 5])('evict no more pods than a budget allows (seed %i)', async (seed) => {
    const { send, seen, stop } = await startServer(seed)
    const budgets = 'policy/v1/namespaces/shop/poddisruptionbudgets'
    const names = Array.from({ length: 12 }, (_, i) => `web-${i}`)
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
    await Promise.all(
      names.map(async (name) => {
        await send('POST', 'v1/namespaces/shop/pods', pod(name))
        await send('PATCH', `v1/namespaces/shop/pods/${name}/status`, { status })
      }),
    )
    const selector = { matchLabels: { app: 'web' } }
    await send('POST', budgets, { metadata: { name: 'b' }, spec: { minAvailable: 9, selector } })
    const counted = {
      observedGeneration: 1,
      disruptionsAllowed: 3,
      currentHealthy: 12,
      desiredHealthy: 9,
      expectedPods: 12,
    }
    await send('PATCH', `${budgets}/b/status`, { status: counted })
    await seen(`${budgets}/b`, (object) => Boolean(object.status))
    const answers = await Promise.all(
      names.map((name) =>
        send('POST', `v1/namespaces/shop/pods/${name}/eviction`, {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name },
        }),
      ),
    )
    const evicted = names.filter((_, i) => answers[i]?.code === 201)
    expect(evicted).toHaveLength(3)
    expect(answers.filter(({ code }) => code === 429)).toHaveLength(9)
    const { object } = await send('GET', `${budgets}/b`)
    expect(object.status).toMatchObject({ disruptionsAllowed: 0 })
    expect(Object.keys((object.status as { disruptedPods: object }).disruptedPods).sort()).toEqual(evicted.sort())
    stop()
  })
})
