/**
 * Whether a container that has ended is to run again. The policy belongs to the pod and holds for all of its containers;
 * for init containers `Always` means "until it succeeds", because an init container's success is its purpose.
 *
 * Source: kubernetes `pkg/kubelet/container/helpers.go` (ShouldContainerBeRestarted).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Container, Pod } from '#kit/api/objects.ts'
import { criAnnotations } from '#kit/contracts/cri.ts'
import type { RuntimePodStatus } from './runtime-pod-status.ts'

/**
 * Whether this app container should be started, given its newest attempt.
 *
 * - One that was never made: yes, whatever the policy; it has not had its turn.
 * - One that was made but never started: yes.
 * - One that runs: no, there is nothing to do.
 * - One that ended: as the pod's `restartPolicy` says. Absent means `Always`.
 * - In a pod that is being deleted: never.
 *
 * @lab 5.2 Decide whether an ended container runs again
 */
export function shouldRestart(pod: Pod, containerName: string, status: RuntimePodStatus): boolean {
  throw new NotImplemented(
    '5.2',
    'shouldRestart',
    'Decide whether an ended container runs again',
    'labs/05-kubelet/src/restart-policy.ts',
  )
}

/** Only these fields may change in a running pod's containers; a change of others cannot have come from the API. */
export function containerHash(container: Container): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(JSON.stringify([container.name, container.image]))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return hash.toString(16)
}

/** True when the container that runs was made from another spec than the pod's current one. */
export function definitionChanged(container: Container, annotations: Readonly<Record<string, string>>): boolean {
  const made = annotations[criAnnotations.containerHash]
  return made !== undefined && made !== containerHash(container)
}
