/**
 * Which pods are bound to which node. Asked with every request of every kubelet, to know whether it may: looking through all
 * pods of the cluster each time would make a large cluster slow.
 *
 * Source: kubernetes `plugin/pkg/auth/authorizer/node/graph.go`, of which this is the one edge that matters here.
 */
import type { ApiObject, Pod, Stored } from '#kit/api/objects.ts'
import type { CacheChange } from './watch-cache.ts'

export class NodeIndex {
  readonly #byNode = new Map<string, Map<string, Stored<ApiObject>>>()

  /** The objects whose `spec.nodeName` it is. */
  on(nodeName: string): readonly Stored<ApiObject>[] {
    return [...(this.#byNode.get(nodeName)?.values() ?? [])]
  }

  replace(objects: ReadonlyMap<string, Stored<ApiObject>>): void {
    this.#byNode.clear()
    for (const [key, object] of objects) this.#add(key, object)
  }

  apply(changes: readonly CacheChange[]): void {
    for (const { type, key, object, previous } of changes) {
      if (previous) this.#remove(key, previous)
      if (type !== 'DELETED') this.#add(key, object)
    }
  }

  #add(key: string, object: Stored<ApiObject>): void {
    const nodeName = nodeNameOf(object)
    if (!nodeName) return
    const objects = this.#byNode.get(nodeName) ?? new Map()
    this.#byNode.set(nodeName, objects.set(key, object))
  }

  #remove(key: string, object: Stored<ApiObject>): void {
    const nodeName = nodeNameOf(object)
    const objects = nodeName ? this.#byNode.get(nodeName) : undefined
    objects?.delete(key)
    if (nodeName && objects?.size === 0) this.#byNode.delete(nodeName)
  }
}

/** Undefined or "": not bound to any node (yet), or not of a kind that is. */
export function nodeNameOf(object: ApiObject): string | undefined {
  return (object as Pod).spec?.nodeName
}
