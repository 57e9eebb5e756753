/**
 * What the scheduler believes about nodes: what the API server has said, plus its own decisions that the API server has not
 * confirmed yet.
 *
 * Binding a pod takes a round trip. Until the watch reports the pod on its node, the scheduler *assumes* that it is there;
 * otherwise the next pod would be given the same room. The API server's word always wins: `setPod` confirms an assumption or
 * corrects it, `forget` takes it back when binding failed.
 *
 * The sums are not this file's business: `createNodeInfo`, `withPod` and `withoutPod` (node-info.ts) make new NodeInfos of old ones.
 *
 * Invariants: a pod counts on at most one node, and at most once. A confirmed pod is never forgotten.
 * Source: kube-scheduler `pkg/scheduler/backend/cache/cache.go`, which draws a pod's life as a state machine.
 */
import type { Node, Pod } from '#kit/api/objects.ts'
import type { NodeInfo } from '#kit/contracts/scheduling.ts'
import { createNodeInfo, podIdentity, withoutPod, withPod } from './node-info.ts'

interface CachedPod {
  readonly pod: Pod
  readonly nodeName: string
  /** True until the API server has confirmed it. */
  readonly assumed: boolean
}

export class NodeCache {
  readonly #nodes = new Map<string, NodeInfo>()
  /** By `podIdentity`. Also holds pods whose node is not known (yet). */
  readonly #pods = new Map<string, CachedPod>()

  /**
   * The node is new or has changed. Pods that were reported on it before the node itself was, count from now on.
   *
   * @lab 3.2 Keep up with nodes
   */
  setNode(node: Node): void {
    const name = node.metadata?.name ?? ''
    const known = this.#nodes.get(name)
    this.#nodes.set(name, createNodeInfo(node, known?.pods ?? this.#podsOn(name)))
  }

  /** The node is gone; its pods are reported as deleted by the API server one by one. */
  removeNode(name: string): void {
    this.#nodes.delete(name)
  }

  /**
   * Counts the pod on the node from now on, although the API server does not know yet. Throws an Error when the pod is known
   * already: to schedule a pod twice is a bug of the caller.
   *
   * @lab 3.2 Assume that a binding will succeed
   */
  assume(pod: Pod, nodeName: string): void {
    if (this.#pods.has(podIdentity(pod))) throw new Error(`pod ${pod.metadata?.name} is on a node already`)
    this.#put({ pod, nodeName, assumed: true })
  }

  /**
   * Takes back an assumption. Does nothing when the API server has confirmed it meanwhile, or when there is none.
   *
   * @lab 3.2 Take back an assumption that came to nothing
   */
  forget(pod: Pod): void {
    if (this.isAssumed(pod)) this.removePod(pod)
  }

  /** True while the pod counts on a node without the API server's confirmation. */
  isAssumed(pod: Pod): boolean {
    return this.#pods.get(podIdentity(pod))?.assumed ?? false
  }

  /**
   * The API server says: this pod is on `pod.spec.nodeName`. Whatever was believed before gives way. A pod that has ended (phase
   * `Succeeded` or `Failed`) needs no room any more.
   *
   * @lab 3.2 Let the API server's word replace what was assumed
   */
  setPod(pod: Pod): void {
    this.removePod(pod)
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return
    this.#put({ pod, nodeName: pod.spec?.nodeName ?? '', assumed: false })
  }

  /**
   * The pod is gone: its room is free again.
   *
   * @lab 3.2 Free the room of a pod that is gone
   */
  removePod(pod: Pod): void {
    const known = this.#pods.get(podIdentity(pod))
    if (!known) return
    this.#pods.delete(podIdentity(pod))
    const node = this.#nodes.get(known.nodeName)
    if (node) this.#nodes.set(known.nodeName, withoutPod(node, pod))
  }

  /** All known nodes. Later changes of the cache do not show in it. */
  snapshot(): readonly NodeInfo[] {
    return [...this.#nodes.values()]
  }

  /** @solution-only */
  #put(cached: CachedPod): void {
    this.#pods.set(podIdentity(cached.pod), cached)
    const node = this.#nodes.get(cached.nodeName)
    if (node) this.#nodes.set(cached.nodeName, withPod(node, cached.pod))
  }

  /** @solution-only */
  #podsOn(nodeName: string): Pod[] {
    return [...this.#pods.values()].filter((cached) => cached.nodeName === nodeName).map(({ pod }) => pod)
  }
}
