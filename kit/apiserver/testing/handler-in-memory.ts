/** The API server without sockets: the request handler over an etcd in memory, asked by an administrator. */
import { createRequestHandler } from '#apiserver/handle-request.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { createContext } from '#apiserver/server.ts'
import type { ApiObject } from '../../api/objects.ts'
import { systemClock } from '../../contracts/clock.ts'
import type { KeyValueStore } from '../../contracts/key-value-store.ts'
import { silentLog } from '../../contracts/log.ts'
import { createSimEtcdStore } from '../../sim/etcd-store.ts'

const ADMIN = { certificate: { commonName: 'admin', organizations: ['system:masters'] } }

export interface Answer {
  readonly code: number
  readonly object: ApiObject
}

export interface InMemoryHandler {
  /** @param path below /api/ or /apis/: "v1/namespaces/default/pods?limit=5", "apps/v1/deployments" */
  send(method: string, path: string, body?: unknown): Promise<Answer>
  /** Resolves when the watch cache, too, has the object at this path in its newest version, and `holds` of it. */
  seen(path: string, holds: (object: ApiObject) => boolean): Promise<void>
  stop(): void
}

export async function startHandler(store: KeyValueStore = createSimEtcdStore()): Promise<InMemoryHandler> {
  const context = createContext(store, {
    clock: systemClock,
    log: silentLog,
    serviceClusterIpRange: '10.96.0.0/16',
    // Nobody makes default accounts here.
    disabledAdmissionPlugins: ['ServiceAccount'],
  })
  const handle = createRequestHandler({ context, kinds: kindRows, tokens: new Map(), log: silentLog })
  await context.caches.synced()

  async function send(method: string, path: string, body?: unknown): Promise<Answer> {
    const url = new URL(path.startsWith('v1/') ? `api/${path}` : `apis/${path}`, 'http://memory/')
    const answer = await handle({
      method,
      path: url.pathname,
      query: Object.fromEntries([...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)])),
      contentType: method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      credentials: ADMIN,
      body,
    })
    if (answer.kind !== 'object') throw new Error(`${path} answered ${answer.kind}`)
    return { code: answer.code, object: answer.object }
  }

  return {
    send,
    async seen(path, holds) {
      for (;;) {
        const { object } = await send('GET', path)
        const cached = [
          ...context.caches
            .of({ storagePrefix: path.split('/').at(-2) ?? '' })
            .cache.entries()
            .values(),
        ]
        const isCached = cached.some(({ metadata }) => metadata.resourceVersion === object.metadata?.resourceVersion)
        if (isCached && holds(object)) return
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    },
    stop: () => context.caches.stop(),
  }
}
