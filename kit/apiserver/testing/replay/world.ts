/**
 * Our server as the recorded clients meet it: requests with the identities that upstream gives them, and recorded words
 * (names that a server made up, uids, versions, times) in exchange for those that hold here.
 */
import { Agent, type OutgoingHttpHeaders, request } from 'node:http'
import type { ApiObject } from '../../../api/objects.ts'
import { apiVersionOf, type Resource, resourcePath, resources } from '../../../api/resources.ts'
import type { Body } from './recording.ts'

export interface Answer {
  readonly status: number
  readonly body: ApiObject & { readonly reason?: string; readonly message?: string }
}

export interface Sent {
  readonly method: string
  readonly path: string
  /** Whose token to send: "admin", "replicaset-controller", "system:kube-scheduler". */
  readonly as: string
  readonly body?: unknown
  readonly contentType?: string
}

export class World {
  readonly #server: string
  /** Thousands of requests, one after the other: on one connection, and with what costs least. */
  readonly #connections = new Agent({ keepAlive: true })
  readonly #names = new Map<string, string>()
  readonly #beginningMs = Date.now()
  namespace = ''
  /** Something happened in this namespace that was not recorded: what was there before may be different now. */
  hasGap = false
  /** "pod/web": objects whose creation was recorded. */
  readonly recordedObjects = new Set<string>()

  constructor(server: string) {
    this.#server = server
  }

  /** From here on in a namespace of its own, where nothing is known yet. */
  enter(namespace: string): void {
    this.namespace = namespace
    this.hasGap = false
    this.recordedObjects.clear()
    this.#names.clear()
  }

  /** Upstream's server called it that; ours calls it this. */
  learnName(recorded: string, ours: string): void {
    this.#names.set(recorded, ours)
  }

  knows(recorded: string): boolean {
    return this.#names.has(recorded)
  }

  /** Names, the namespace and times of the recording, in our words. Ids and versions need to know where they stand. */
  translate<T>(recorded: T): T {
    const text = JSON.stringify(recorded)
      .replace(/<t([+-]\d+)s>/g, (_, seconds) => this.#time(Number(seconds)))
      .replace(/(?<![A-Za-z])NS(?![A-Za-z])/g, this.namespace)
      .replace(/[a-z0-9][a-z0-9.-]*[a-z0-9]/g, (word) => this.#names.get(word) ?? word)
    return JSON.parse(text) as T
  }

  #time(seconds: number): string {
    return `${new Date(this.#beginningMs + seconds * 1000).toISOString().slice(0, 19)}Z`
  }

  send({ method, path, as, body, contentType = 'application/json' }: Sent): Promise<Answer> {
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const headers: OutgoingHttpHeaders = { Authorization: `Bearer ${as}`, Accept: 'application/json' }
    if (content) Object.assign(headers, { 'Content-Type': contentType, 'Content-Length': content.length })
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#server}${path}`, { method, headers, agent: this.#connections }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] })
        })
      })
      sent.on('error', reject)
      sent.end(content)
    })
  }

  /** The object at a path as it is now; subresources are left out of the path. */
  async current(path: string): Promise<ApiObject | undefined> {
    const { status, body } = await this.send({ method: 'GET', path, as: 'admin' })
    return status === 200 ? body : undefined
  }

  pathOf(resource: Resource, name: string): string {
    return resourcePath(resource, { name, ...(resource.namespaced && { namespace: this.namespace }) })
  }

  /** Ids and versions of the recording, as they are here. `target` is the object that the request is about. */
  async resolve(value: unknown, target: ApiObject | undefined, version: string): Promise<unknown> {
    if (Array.isArray(value)) return Promise.all(value.map((item) => this.resolve(item, target, version)))
    if (typeof value === 'string' && /^(Pod|Service)\//.test(value)) return this.#reference(value)
    if (typeof value !== 'object' || value === null) return value === '<uid>' ? 'an-id' : value
    const resolved: Body = {}
    for (const [field, item] of Object.entries(value)) {
      resolved[field] = await this.#resolveField(field, item, value as Body, target, version)
    }
    return resolved
  }

  async #resolveField(field: string, item: unknown, parent: Body, target: ApiObject | undefined, version: string) {
    if (item === '<rv>') return version
    if (item !== '<uid>') return this.resolve(item, target, version)
    // A job's id stands in the labels of its pods, too.
    if (field.endsWith('controller-uid')) return this.#uidOf('Job', String(parent['job-name']))
    if (field === 'kubernetes.io/service-account.uid') {
      return this.#uidOf('ServiceAccount', String(parent['kubernetes.io/service-account.name']))
    }
    // A reference to be taken away has nothing but an id; it is the first.
    if (parent.$patch === 'delete') return target?.metadata?.ownerReferences?.[0]?.uid
    if (typeof parent.kind === 'string') return this.#uidOf(parent.kind, String(parent.name))
    return target?.metadata?.uid ?? 'no-such-id'
  }

  async #uidOf(kind: string, name: string): Promise<string> {
    const resource = resourceOfKind(kind)
    const object = resource && (await this.current(this.pathOf(resource, name)))
    return object?.metadata?.uid ?? 'no-such-id'
  }

  /** References are recorded in short: "Pod/web". */
  async #reference(short: string): Promise<Body> {
    const [kind = '', name = ''] = short.split('/')
    return { kind, namespace: this.namespace, name, uid: await this.#uidOf(kind, name) }
  }
}

export function resourceOfKind(kind: string): Resource | undefined {
  return Object.values<Resource>(resources).find((resource) => resource.kind === kind)
}

/** By any name that kubectl takes: "deploy", "deployment", "deployments". */
export function resourceNamed(word: string): Resource {
  const found = Object.values<Resource>(resources).find(
    ({ plural, singular, shortNames }) => plural === word || singular === word || shortNames.includes(word),
  )
  if (!found) throw new Error(`no resource is called ${word}`)
  return found
}

/** Where objects of a manifest's kind are created. */
export function collectionPath({ apiVersion = 'v1', kind = '' }: ApiObject, namespace: string): string {
  const resource = Object.values<Resource>(resources).find(
    (candidate) => candidate.kind === kind && apiVersionOf(candidate) === apiVersion,
  )
  if (!resource) throw new Error(`no resource is ${apiVersion} ${kind}`)
  return resourcePath(resource, resource.namespaced ? { namespace } : {})
}
