/**
 * Who has to hear of a change? A thousand kubelets watch the pods of one node each; if every change woke them all, each
 * would look at it and find that it is none of its business, a thousand times over. So a watcher says what it is about (its
 * **topic**: one node, one object, one namespace, or everything), and a change wakes only those with a topic that it
 * touches: before it, or after it, since what ceases to match is news as well.
 *
 * Guarantee: whoever is not woken has missed nothing. A topic may be wider than what its watcher wants, never narrower.
 *
 * Source: apiserver `pkg/storage/cacher/cacher.go` (indexedWatchers; there, too, `spec.nodeName` is the index of pods).
 */
import type { FieldRequirement } from '../selectors/field-selector.ts'
import { nodeNameOf } from './node-index.ts'
import type { CacheChange } from './watch-cache.ts'

/** @param before the revision up to which nothing concerned the listener that it has not been told of */
export type Listener = (before: number) => void

/** Everything of a kind, in whatever namespace. */
const EVERYTHING = ''

/**
 * The narrowest topic that holds all that a watch can see.
 *
 * @param prefix of the keys that it sees: "/registry/pods/", "/registry/pods/default/", "/registry/minions/"
 * @param acrossNamespaces whether there are namespaces below the prefix, and not names at once
 */
export function topicOf(prefix: string, acrossNamespaces: boolean, fields: readonly FieldRequirement[]): string {
  const wanted = (name: string) => fields.find(({ field, operator }) => field === name && operator === '=')?.value
  const node = wanted('spec.nodeName')
  if (node) return nodeTopic(node)
  return acrossNamespaces ? EVERYTHING : prefix + (wanted('metadata.name') ?? '')
}

/** All topics that a change touches. */
function topicsOf({ key, object, previous }: CacheChange): Set<string> {
  const prefix = key.slice(0, key.lastIndexOf('/') + 1)
  const topics = new Set([EVERYTHING, prefix, key])
  for (const each of [object, previous]) {
    const node = each && nodeNameOf(each)
    if (node) topics.add(nodeTopic(node))
  }
  return topics
}

function nodeTopic(name: string): string {
  return `spec.nodeName=${name}`
}

/** The listeners by topic. */
export class Audience {
  readonly #listeners = new Map<string, Set<Listener>>()

  /** @returns how to leave again */
  join(topic: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic)
    }
  }

  /** Tells each whom one of the changes concerns, once. */
  tell(changes: readonly CacheChange[], before: number): void {
    const concerned = new Set<Listener>()
    for (const change of changes) {
      for (const topic of topicsOf(change)) {
        for (const listener of this.#listeners.get(topic) ?? []) concerned.add(listener)
      }
    }
    for (const listener of concerned) listener(before)
  }

  tellAll(before: number): void {
    for (const listeners of [...this.#listeners.values()]) for (const listener of [...listeners]) listener(before)
  }
}
