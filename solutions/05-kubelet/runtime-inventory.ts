/**
 * What the runtime has, as it last said: of which pods there is something, with which addresses. It tells a kubelet that was
 * started again what it had begun before, and what is left of pods that nobody knows any more.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (HandlePodCleanups).
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { type Container, criLabels, type PodSandbox } from '#kit/contracts/cri.ts'

export class RuntimeInventory {
  #sandboxes: readonly PodSandbox[] = []
  #containers: readonly Container[] = []
  #isListed = false

  update(sandboxes: readonly PodSandbox[], containers: readonly Container[]): void {
    this.#isListed = true
    this.#sandboxes = sandboxes
    this.#containers = containers
  }

  /** Before the first list anything may be there. */
  mayHave(podUid: string): boolean {
    return (
      !this.#isListed ||
      this.#sandboxes.some(({ metadata }) => metadata.uid === podUid) ||
      this.#containers.some(({ labels }) => labels[criLabels.podUid] === podUid)
    )
  }

  /** Addresses in use, with the uid of the pod that has them. */
  addresses(): (readonly [podUid: string, ip: string])[] {
    return this.#sandboxes.flatMap(({ metadata, ip, state }) =>
      ip && state === 'SANDBOX_READY' ? [[metadata.uid, ip] as const] : [],
    )
  }

  /** As much of each pod as its containers' labels tell: enough to stop it. */
  pods(): Stored<Pod>[] {
    const labelsOfPods = new Map(
      [...this.#containers, ...this.#sandboxes].map(({ labels }) => [labels[criLabels.podUid], labels] as const),
    )
    return [...labelsOfPods].flatMap(([uid, labels]) => (uid ? [podFromLabels(uid, labels)] : []))
  }
}

function podFromLabels(uid: string, labels: Readonly<Record<string, string>>): Stored<Pod> {
  const name = labels[criLabels.podName] ?? ''
  const namespace = labels[criLabels.podNamespace] ?? ''
  return {
    metadata: { name, namespace, uid, resourceVersion: '0', creationTimestamp: '' },
    spec: { containers: [] },
  }
}
