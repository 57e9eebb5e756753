/**
 * Watches: one change that many want to see (fan-out), and many watchers of whom only one wants each change (kubelets).
 */
import { setMaxListeners } from 'node:events'
import { request as httpsRequest } from 'node:https'
import type { ConfigMap } from '../../api/objects.ts'
import { resources } from '../../api/resources.ts'
import type { Connection } from '../../client/kubeconfig.ts'
import { recorded } from '../recorded.ts'
import { measureRate, NAMESPACE, type Stage } from './stage.ts'

const CONFIG_MAPS = `${NAMESPACE}/configmaps`
/** Enough to keep the server busy: it is the watchers that are measured, not one writer's wait. */
const WRITERS = 8
/** What the recorded figure is of. */
const RECORDED_WATCHERS = 100

export interface FanOut {
  readonly watchers: number
  readonly updates: number
}

/** Every watcher must see every update; the clock stops when the last one has. */
export async function measureFanOut(stage: Stage, { watchers, updates }: FanOut): Promise<void> {
  const { context, plane, pool, on, processor } = stage
  const what = `watch fan-out, ${watchers.toLocaleString('en')} watchers × ${updates} updates, ${on}`
  context.progress(what)
  const label = `fan-out-${watchers}`
  const names = Array.from({ length: WRITERS }, (_, writer) => `${label}-${writer}`)
  for (const name of names) {
    const metadata = { namespace: 'default', name, labels: { watched: label } }
    await plane.client.create<ConfigMap>(resources.configMaps, { metadata })
  }
  const { resourceVersion } = await plane.client.list(resources.configMaps, { labelSelector: `watched=${label}` })
  const path = `${CONFIG_MAPS}?watch=true&labelSelector=watched%3D${label}&resourceVersion=${resourceVersion}`
  const { watches, close } = await openWatches(
    stage,
    Array.from({ length: watchers }, () => path),
    updates,
  )

  let begun = 0
  const writer = async (client: number) => {
    while (begun < updates) {
      context.signal.throwIfAborted()
      await pool.send(client, {
        method: 'PATCH',
        path: `${CONFIG_MAPS}/${names[client]}`,
        contentType: 'application/merge-patch+json',
        body: { data: { update: `${begun++}` } },
      })
    }
  }
  const startMs = performance.now()
  const cpuBefore = plane.cpuSeconds('kube-apiserver')
  await processor.during(async () => {
    await Promise.all(names.map((_, client) => writer(client)))
    await Promise.race([
      Promise.all(watches.map(({ all }) => all)),
      failAfter(60_000, 'not every watcher saw every update'),
    ])
  })
  const events = watchers * updates
  const value = events / ((performance.now() - startMs) / 1000)
  const cpuAfter = plane.cpuSeconds('kube-apiserver')
  const isKnown = cpuBefore !== undefined && cpuAfter !== undefined
  close()
  const isComparable = watchers === RECORDED_WATCHERS
  context.measured({
    what,
    unit: 'per second',
    ours: { value, ...(isKnown && { cpuMicros: ((cpuAfter - cpuBefore) / events) * 1e6 }) },
    ...(isComparable && { reference: recorded.watchFanOut, target: { ratio: 1 } }),
  })
}

/** As kubelets do: each watches the pods of its node. A patched pod concerns one of them, and should cost no more for the others. */
export async function measureKubeletWatches(
  stage: Stage,
  { nodes, pods }: { nodes: number; pods: number },
): Promise<void> {
  stage.context.progress(`${nodes.toLocaleString('en')} watches of one node's pods each, ${stage.on}`)
  const pathOf = (node: number) =>
    `/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dnode-${node}&resourceVersion=0&allowWatchBookmarks=true`
  const { close } = await openWatches(
    stage,
    Array.from({ length: nodes }, (_, node) => pathOf(node)),
    Infinity,
  )
  let count = 0
  await measureRate(stage, {
    what: `merge-patch pod beside ${nodes.toLocaleString('en')} watches of one node each`,
    clients: 16,
    // Every client has pods of its own.
    operate: (client) =>
      stage.pool.send(client, {
        method: 'PATCH',
        path: `${NAMESPACE}/pods/pod-${(16 * count + client) % (pods - (pods % 16))}`,
        contentType: 'application/merge-patch+json',
        body: { metadata: { labels: { round: `${count++}` } } },
      }),
  })
  close()
}

interface OpenWatch {
  /** Resolves when as many events have come as were wanted. */
  readonly all: Promise<void>
}

/** Opens one watch per path, a few at a time: a thousand TLS handshakes at once would only time each other out. */
async function openWatches(
  { context, plane }: Stage,
  paths: readonly string[],
  wanted: number,
): Promise<{ watches: OpenWatch[]; close(): void }> {
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  context.cleanup(() => stopping.abort())
  const watches: OpenWatch[] = []
  for (let from = 0; from < paths.length; from += 50) {
    context.signal.throwIfAborted()
    const opening = paths
      .slice(from, from + 50)
      .map((path) => countEvents(plane.connection, path, wanted, stopping.signal))
    watches.push(...(await Promise.all(opening)))
  }
  return { watches, close: () => stopping.abort() }
}

/** Resolves when the watch is open. An event is a line. */
function countEvents(
  { server, certificateAuthority, clientCertificate, clientKey }: Connection,
  path: string,
  wanted: number,
  signal: AbortSignal,
): Promise<OpenWatch> {
  return new Promise((resolve, reject) => {
    const tls = { ca: certificateAuthority, cert: clientCertificate, key: clientKey, agent: false as const }
    const request = httpsRequest(`${server}${path}`, tls, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`the watch was answered with ${response.statusCode}`))
      let seen = 0
      const all = new Promise<void>((resolveAll) => {
        response.on('data', (chunk: Buffer) => {
          for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen++
          if (seen >= wanted) resolveAll()
        })
      })
      response.on('error', () => {})
      resolve({ all })
    })
    request.on('error', reject)
    signal.addEventListener('abort', () => request.destroy(), { once: true })
    request.end()
  })
}

function failAfter(ms: number, what: string): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(`${what} within ${ms / 1000} s`)), ms).unref())
}
