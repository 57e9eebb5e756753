/**
 * Clients of the API server that write down what they asked and what they were told: writers, and watchers that go on where they were.
 */
import type { ApiObject, Stored } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { hasReason, StatusError } from '../api/status-error.ts'
import { createApiClient } from '../client/api-client.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import type { Random } from '../sim/random.ts'
import { TOKEN } from './api-program.ts'

/** A ConfigMap. */
export type Written = Stored<ApiObject> & { readonly data?: { readonly value?: string } }

/** What a writer was told had been done, or a reader had been found. */
export interface Acknowledged {
  readonly what: 'create' | 'update' | 'patch' | 'delete' | 'get'
  readonly name: string
  /** Of the object that the answer holds; of a deletion, nothing is said but that it was done. */
  readonly resourceVersion: number
  readonly value: string | undefined
  /** When it was asked and answered: places in one order of all such moments. */
  readonly askedAt: number
  readonly answeredAt: number
}

export interface Sent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly name: string
  readonly resourceVersion: number
  readonly value: string | undefined
}

/** From a list on, until a server no longer knows what was missed: one that was just started knows nothing from before. */
export interface WatchSession {
  /** The list's version: whatever came after it was to be sent. */
  readonly from: number
  /** The values that the list showed, by name. */
  readonly listed: ReadonlyMap<string, string | undefined>
  readonly sent: Sent[]
}

/** Of the names of what is written here. */
export const PREFIX = 'trial-'
const NAMES = Array.from({ length: 8 }, (_, at) => `${PREFIX}${at}`)
const PAUSE_MS = 15
/** Whoever cannot be reached is let start in peace. */
const AFTER_FAILURE_MS = 100

export class Writers {
  readonly acknowledged: Acknowledged[] = []
  failed = 0
  readonly #random: Random
  readonly #clients: readonly ApiClient[]
  #moments = 0
  #values = 0
  #stopping = false
  readonly #running: Promise<void>[]

  constructor(urls: readonly string[], random: Random, perServer: number) {
    this.#random = random
    this.#clients = urls.map((server) => createApiClient({ server, token: TOKEN }))
    this.#running = this.#clients.flatMap((client) => Array.from({ length: perServer }, () => this.#work(client)))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#running)
    for (const client of this.#clients) client.close()
  }

  async #work(client: ApiClient): Promise<void> {
    while (!this.#stopping) {
      const askedAt = this.#moments++
      let pauseMs = this.#random.below(PAUSE_MS)
      const done = await this.#attempt(client).catch((error: Error) => {
        // What is not there, or has just changed, is an answer as well, of which nothing is to be remembered.
        if (error instanceof StatusError && error.code < 500) return
        this.failed++
        pauseMs = AFTER_FAILURE_MS
      })
      if (done) this.acknowledged.push({ ...done, askedAt, answeredAt: this.#moments++ })
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  async #attempt(client: ApiClient): Promise<Omit<Acknowledged, 'askedAt' | 'answeredAt'>> {
    const name = this.#random.pick(NAMES)
    const ref = { namespace: 'default', name }
    const data = { value: `v${++this.#values}` }
    const what = this.#random.pick(['create', 'create', 'update', 'patch', 'patch', 'delete', 'get'] as const)
    const told = (object: Written) => ({
      what,
      name,
      resourceVersion: Number(object.metadata.resourceVersion),
      value: object.data?.value,
    })
    switch (what) {
      case 'create':
        return told(await client.create(resources.configMaps, { metadata: ref, data } as unknown as Written))
      case 'update': {
        const found = await client.get<Written>(resources.configMaps, ref)
        return told(await client.update<Written>(resources.configMaps, { ...found, data }))
      }
      case 'patch':
        return told(await client.patch<Written>(resources.configMaps, ref, 'application/merge-patch+json', { data }))
      case 'delete': {
        // With the version that it was decided on, it is known what was deleted.
        const { metadata } = await client.get<Written>(resources.configMaps, ref)
        const preconditions = { resourceVersion: metadata.resourceVersion }
        await client.delete(resources.configMaps, ref, { preconditions })
        return { what, name, resourceVersion: Number(metadata.resourceVersion), value: undefined }
      }
      case 'get':
        return told(await client.get<Written>(resources.configMaps, ref))
    }
  }
}

/** Watches through one server, and through the next when that one is gone, from the last version it was sent. */
export class RecordingWatcher {
  readonly sessions: WatchSession[] = []
  /** How often it has gone on from the last version. */
  resumptions = 0
  readonly #clients: readonly ApiClient[]
  readonly #running: Promise<void>
  #stopping = false
  #controller = new AbortController()
  #away: Promise<void> = Promise.resolve()
  #turn = 0
  #reached = 0

  constructor(urls: readonly string[]) {
    this.#clients = urls.map((server) => createApiClient({ server, token: TOKEN }))
    this.#running = this.#run()
  }

  /** The last version that it was told of. */
  get reached(): number {
    return this.#reached
  }

  /** Hangs up, misses what happens `meanwhile`, and goes on at the next server. */
  async move(meanwhile: () => Promise<void>): Promise<void> {
    const missed = meanwhile()
    this.#away = missed.catch(() => {})
    this.#controller.abort()
    await missed
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#controller.abort()
    await this.#running
    for (const client of this.#clients) client.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#controller = new AbortController()
      const client = this.#clients[this.#turn++ % this.#clients.length]!
      try {
        if (this.#reached === 0) await this.#list(client)
        await this.#watch(client)
      } catch (error) {
        if (hasReason(error, 'Expired')) this.#reached = 0
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      await this.#away
    }
  }

  async #list(client: ApiClient): Promise<void> {
    const { resourceVersion, items } = await client.list<Written>(resources.configMaps, { namespace: 'default' })
    const ours = items.filter(({ metadata }) => metadata.name.startsWith(PREFIX))
    const listed = new Map(ours.map((item) => [item.metadata.name, (item as Written).data?.value]))
    this.#reached = Number(resourceVersion)
    this.sessions.push({ from: this.#reached, listed, sent: [] })
  }

  async #watch(client: ApiClient): Promise<void> {
    const { sent, from } = this.sessions.at(-1)!
    const options = { namespace: 'default', resourceVersion: String(this.#reached) }
    const before = this.#reached
    for await (const { type, object } of client.watch<Written>(
      resources.configMaps,
      options,
      this.#controller.signal,
    )) {
      const { name } = object.metadata
      if (sent.length > 0 && before > from && this.#reached === before) this.resumptions++
      this.#reached = Number(object.metadata.resourceVersion)
      if (type === 'BOOKMARK' || !name.startsWith(PREFIX)) continue
      sent.push({ type, name, resourceVersion: this.#reached, value: (object as Written).data?.value })
    }
  }
}
