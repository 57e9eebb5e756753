/**
 * Watch fan-out: one change, many watchers. How many events a second the API server gets out of the door.
 */
import { setMaxListeners } from 'node:events'
import { request as httpsRequest } from 'node:https'
import type { ConfigMap } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import type { Connection } from '../client/kubeconfig.ts'
import type { BenchContext } from './benchmark.ts'
import { recorded } from './recorded.ts'
import type { RequestPool } from './request-pool.ts'
import type { ControlPlane } from './stand.ts'

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
/** Enough to keep the server busy: it is the watchers that are measured, not one writer's wait. */
const FAN_OUT_WRITERS = 8

/** Every watcher must see every update; the clock stops when the last one has. */
export async function measureFanOut(
  context: BenchContext,
  plane: ControlPlane,
  pool: RequestPool,
  on: string,
): Promise<void> {
  const watchers = context.quick ? 20 : 100
  const updates = context.quick ? 50 : 200
  const what = `watch fan-out, ${watchers} watchers × ${updates} updates, ${on}`
  context.progress(what)
  const names = Array.from({ length: FAN_OUT_WRITERS }, (_, writer) => `watched-${writer}`)
  const metadata = { namespace: 'default', labels: { watched: 'yes' } }
  for (const name of names) {
    await plane.client.create<ConfigMap>(resources.configMaps, { metadata: { ...metadata, name } })
  }
  const { resourceVersion } = await plane.client.list(resources.configMaps, { labelSelector: 'watched=yes' })
  const path = `${CONFIG_MAPS}?watch=true&labelSelector=watched%3Dyes&resourceVersion=${resourceVersion}`
  const stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  context.cleanup(() => stopping.abort())
  const counting = await Promise.all(
    Array.from({ length: watchers }, () => countEvents(plane.connection, path, updates, stopping.signal)),
  )
  const startMs = performance.now()
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
  await Promise.all(names.map((_, client) => writer(client)))
  await Promise.race([
    Promise.all(counting.map(({ all }) => all)),
    failAfter(60_000, 'not every watcher saw every update'),
  ])
  const seconds = (performance.now() - startMs) / 1000
  stopping.abort()
  context.measured({
    what,
    unit: 'per second',
    ours: { value: (watchers * updates) / seconds },
    ...(context.quick ? {} : { reference: recorded.watchFanOut, target: { ratio: 1 } }),
  })
}

/** Resolves when the watch is open; `all` resolves when so many events have come. An event is a line. */
function countEvents(
  { server, certificateAuthority, clientCertificate, clientKey }: Connection,
  path: string,
  wanted: number,
  signal: AbortSignal,
): Promise<{ all: Promise<void> }> {
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
