/**
 * Who owns whom, over all kinds, from the informers' copies. Given.
 *
 * The copies of different kinds do not move together: a pod may be seen before its ReplicaSet. So an owner that is not
 * in the graph is asked for at the server before it counts as absent.
 */
import type { OwnerReference, Stored } from '#kit/api/objects.ts'
import { objectKey } from '#kit/api/objects.ts'
import { apiVersionOf, resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { AnyObject, ResourceName } from '#kit/contracts/controllers.ts'
import type { Informer } from '../informer.ts'
import type { Informers } from '../informers.ts'
import { FOREGROUND, type GarbageItem, type GarbageWorld } from './collect.ts'

/** Every kind but Events, which have no owners, come in crowds and expire by themselves. */
export const COLLECTED = (Object.keys(resources) as ResourceName[]).filter(
  (name) => name !== 'events' && name !== 'coreEvents',
)

/** Uids that are known to be gone. Bounded, since uids never come back. */
const REMEMBERED_ABSENT = 10_000

export class OwnerGraph {
  readonly #client: ApiClient
  readonly #informers: ReadonlyMap<ResourceName, Informer<AnyObject>>
  readonly #items = new Map<string, GarbageItem>()
  readonly #absent = new Set<string>()

  constructor(client: ApiClient, informers: Informers) {
    this.#client = client
    this.#informers = new Map(COLLECTED.map((name) => [name, informers.of(name) as unknown as Informer<AnyObject>]))
    for (const [resource, informer] of this.#informers) {
      informer.subscribe(({ type, object }) => {
        if (type === 'deleted') this.#items.delete(object.metadata.uid)
        else this.#items.set(object.metadata.uid, { resource, metadata: object.metadata })
      })
    }
  }

  get informers(): ReadonlyMap<ResourceName, Informer<AnyObject>> {
    return this.#informers
  }

  byUid(uid: string): GarbageItem | undefined {
    return this.#items.get(uid)
  }

  find(resource: ResourceName, key: string): GarbageItem | undefined {
    const object = this.#informers.get(resource)?.get(key)
    return object && { resource, metadata: object.metadata }
  }

  dependentsOf(uid: string): GarbageItem[] {
    return [...this.#informers].flatMap(([resource, informer]) =>
      informer.byIndex('byOwner', uid).map(({ metadata }) => ({ resource, metadata })),
    )
  }

  /** The item as the server has it now; undefined when it is gone or another object has its name. */
  async live({ resource, metadata }: GarbageItem): Promise<GarbageItem | undefined> {
    const object = await this.#get(resource, metadata.namespace, metadata.name)
    return object?.metadata.uid === metadata.uid ? { resource, metadata: object.metadata } : undefined
  }

  async worldOf(item: GarbageItem): Promise<GarbageWorld> {
    const owners: GarbageWorld['owners'][number][] = []
    for (const reference of item.metadata.ownerReferences ?? []) {
      owners.push({ reference, state: await this.#stateOf(reference, item.metadata.namespace) })
    }
    return { item, owners, dependents: this.dependentsOf(item.metadata.uid) }
  }

  async #stateOf(reference: OwnerReference, namespace: string | undefined): Promise<'present' | 'absent' | 'waiting'> {
    const known = this.#items.get(reference.uid)
    if (known) return presence(known)
    if (this.#absent.has(reference.uid)) return 'absent'
    const resource = COLLECTED.find(
      (name) => resources[name].kind === reference.kind && apiVersionOf(resources[name]) === reference.apiVersion,
    )
    // A kind that we cannot look up: better to keep garbage than to delete what is owned.
    if (!resource) return 'present'
    const object = await this.#get(resource, resources[resource].namespaced ? namespace : undefined, reference.name)
    if (object?.metadata.uid === reference.uid) return presence({ resource, metadata: object.metadata })
    this.#absent.add(reference.uid)
    if (this.#absent.size > REMEMBERED_ABSENT) this.#absent.delete(this.#absent.values().next().value!)
    return 'absent'
  }

  async #get(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
  ): Promise<Stored<AnyObject> | undefined> {
    try {
      return await this.#client.get<AnyObject>(resources[resource], { namespace, name })
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }
}

function presence({ metadata }: GarbageItem): 'present' | 'waiting' {
  return metadata.deletionTimestamp && metadata.finalizers?.includes(FOREGROUND) ? 'waiting' : 'present'
}

/** What the collector's queue carries: "pods|default/web-1". */
export function itemKey({ resource, metadata }: GarbageItem): string {
  return `${resource}|${objectKey({ metadata })}`
}
