/**
 * Watches that are woken only by what concerns them, against the simplest thing that could work: look at every change.
 */
import { describe, expect } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { createContext } from '#apiserver/server.ts'
import { Audience, topicOf } from '#apiserver/storage/audience.ts'
import type { CacheChange } from '#apiserver/storage/watch-cache.ts'
import { watchObjects } from '#apiserver/verbs/watch.ts'
import type { ApiObject, Pod, Stored } from '../api/objects.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore, type SimEtcdStore } from '../sim/etcd-store.ts'
import { createRandom, type Random } from '../sim/random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { lesson } from '../testing/lesson.ts'

const podRow = kindRows.find(({ resource }) => resource.kind === 'Pod')!
const NODES = ['', 'node-1', 'node-2', 'node-3'] as const
const NAMESPACES = ['default', 'shop'] as const
const NAMES = ['a', 'b', 'c'] as const

describe('watches sleep until something concerns them', () => {
  lesson(
    'shows each watcher exactly what it would see if it looked at everything',
    {
      scenario:
        'Pods come, go, move between nodes and change labels, while watchers with all sorts of selectors read quickly, slowly or only at the end.',
      rule: 'Who is not woken has missed nothing: each sees every change that its selector shows, in order, once.',
      source: 'apiserver pkg/storage/cacher/cacher.go',
    },
    async (context) => {
      const first = Number(process.env.SEED ?? 1)
      for (let seed = first; seed < first + 5; seed++) {
        context.seed(seed)
        await runWatchers(createRandom(seed))
      }
    },
  )

  lesson(
    'wakes one of a thousand when a pod changes that only one watches',
    {
      scenario: "A thousand kubelets watch their node's pods; a pod moves from one node to another.",
      rule: 'Told are the watchers of either node, and whoever watches its namespace, its name, or everything. No one else.',
      source: 'apiserver pkg/storage/cacher/cacher.go (indexedWatchers)',
    },
    () => {
      const audience = new Audience()
      const told: string[] = []
      const join = (who: string, topic: string) => audience.join(topic, () => void told.push(who))
      const fields = (field: string, value: string) => [{ field, operator: '=' as const, value }]
      const all = '/registry/pods/'
      for (let node = 0; node < 1_000; node++)
        join(`node-${node}`, topicOf(all, true, fields('spec.nodeName', `node-${node}`)))
      join('everything', topicOf(all, true, []))
      join('its namespace', topicOf(`${all}shop/`, false, []))
      join('another namespace', topicOf(`${all}default/`, false, []))
      join('its name', topicOf(`${all}shop/`, false, fields('metadata.name', 'web')))
      const leave = join('who has left', topicOf(all, true, []))
      leave()
      const pod = (nodeName: string) =>
        ({ metadata: { name: 'web' }, spec: { nodeName } }) as unknown as Stored<ApiObject>
      const change: CacheChange = {
        type: 'MODIFIED',
        revision: 8,
        key: '/registry/pods/shop/web',
        object: pod('node-7'),
        previous: pod('node-3'),
      }
      audience.tell([change, { ...change, revision: 9 }], 7)
      expect(told.sort()).toEqual(['everything', 'its name', 'its namespace', 'node-3', 'node-7'])

      const node = topicOf('/registry/minions/', false, fields('metadata.name', 'node-1'))
      expect(node).toBe('/registry/minions/node-1')
    },
  )
})

interface Watcher {
  readonly namespace: string
  readonly query: Readonly<Record<string, string[]>>
  readonly wants: (pod: Pod) => boolean
  readonly isSlow: boolean
}

const WATCHERS: readonly Watcher[] = [
  ...NODES.slice(1).map((node) =>
    watcher('', { fieldSelector: [`spec.nodeName=${node}`] }, (pod) => nodeOf(pod) === node),
  ),
  watcher('', { fieldSelector: ['spec.nodeName!=node-1'] }, (pod) => nodeOf(pod) !== 'node-1'),
  watcher('', { fieldSelector: ['spec.nodeName='] }, (pod) => nodeOf(pod) === ''),
  watcher('shop', { fieldSelector: ['spec.nodeName=node-2'] }, (pod) => isIn('shop', pod) && nodeOf(pod) === 'node-2'),
  watcher('shop', { fieldSelector: ['metadata.name=b'] }, (pod) => isIn('shop', pod) && pod.metadata?.name === 'b'),
  watcher('', { fieldSelector: ['metadata.name=b'] }, (pod) => pod.metadata?.name === 'b'),
  watcher('default', {}, (pod) => isIn('default', pod)),
  watcher('', { labelSelector: ['app=web'] }, (pod) => pod.metadata?.labels?.app === 'web'),
  watcher('', {}, () => true),
].flatMap((each) => [each, { ...each, isSlow: true }])

function watcher(namespace: string, query: Watcher['query'], wants: Watcher['wants']): Watcher {
  return { namespace, query, wants, isSlow: false }
}

function nodeOf(pod: Pod): string {
  return pod.spec?.nodeName ?? ''
}

function isIn(namespace: string, pod: Pod): boolean {
  return pod.metadata?.namespace === namespace
}

async function runWatchers(random: Random): Promise<void> {
  const clock = new VirtualClock()
  const etcd = createSimEtcdStore()
  const context = createContext(etcd, { clock, log: silentLog, serviceClusterIpRange: '10.96.0.0/24' })
  await context.caches.synced()
  const start = etcd.revision
  const watches = await Promise.all(
    WATCHERS.map(async (each) => {
      const target = { row: podRow, namespace: each.namespace }
      const watch = await watchObjects(context, target, { ...each.query, resourceVersion: [`${start}`] })
      const seen: string[] = []
      const reading = (async () => {
        for await (const { type, object } of watch.events) {
          seen.push(
            `${type} ${object.metadata?.namespace}/${object.metadata?.name} ${object.metadata?.resourceVersion}`,
          )
          if (each.isSlow) await new Promise<void>((resolve) => clock.setTimer(random.below(400), resolve))
        }
      })()
      return { ...each, watch, seen, reading }
    }),
  )

  const expected = WATCHERS.map((): string[] => [])
  for (let step = 0; step < 120; step++) {
    const { before, after, where, revision } = changeOnePod(etcd, random)
    for (const [i, { wants }] of WATCHERS.entries()) {
      const event = eventFor(before && wants(before), after && wants(after))
      if (event) expected[i]!.push(`${event} ${where} ${revision}`)
    }
    if (random.chance(0.5)) await clock.advanceAsync(random.below(100))
  }
  // A long quiet time, in which the slow ones read the rest.
  await clock.advanceAsync(200_000)
  for (const { watch } of watches) watch.stop()
  await Promise.all(watches.map(({ reading }) => reading))
  context.caches.stop()
  etcd.close()
  for (const [i, { seen, namespace, query }] of watches.entries()) {
    expect(seen, `in "${namespace}" with ${JSON.stringify(query)}`).toEqual(expected[i])
  }
}

function eventFor(matched: boolean | undefined, matches: boolean | undefined): string | undefined {
  if (matches) return matched ? 'MODIFIED' : 'ADDED'
  return matched ? 'DELETED' : undefined
}

/** Straight in the store, as another API server would. */
function changeOnePod(etcd: SimEtcdStore, random: Random) {
  const [namespace, name] = [random.pick(NAMESPACES), random.pick(NAMES)]
  const where = `${namespace}/${name}`
  const key = `/registry/pods/${where}`
  const stored = etcd.contents().get(key)
  const before = stored && (JSON.parse(stored.value) as Pod)
  if (before && random.chance(0.2)) return { before, after: undefined, where, revision: etcd.delete(key) }
  const after: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid: 'u', labels: { app: random.pick(['web', 'db']) } },
    spec: { containers: [], nodeName: random.pick(NODES) },
  }
  return { before, after, where, revision: etcd.put(key, JSON.stringify(after)) }
}
