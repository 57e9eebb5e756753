/**
 * PLEG, the pod lifecycle event generator: finds out what changed at the runtime by listing everything once a second and
 * comparing with the last list. A list cannot be missed, as an event can, so this is what the kubelet relies on; the
 * runtime's own events only make it quicker.
 *
 * Source: kubernetes `pkg/kubelet/pleg/generic.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Container, ContainerState, PodSandbox } from '#kit/contracts/cri.ts'

export type PlegState = 'running' | 'exited' | 'unknown' | 'non-existent'

/** A container or a sandbox, as PLEG sees it: to it they are alike. */
export interface PlegRecord {
  readonly podUid: string
  readonly id: string
  readonly state: Exclude<PlegState, 'non-existent'>
}

export interface PodLifecycleEvent {
  readonly podUid: string
  readonly type: 'ContainerStarted' | 'ContainerDied' | 'ContainerRemoved' | 'ContainerChanged'
  readonly id: string
}

/** A container that is created but not started counts as `unknown`: something is under way. */
const plegStates: Record<ContainerState, PlegRecord['state']> = {
  CONTAINER_CREATED: 'unknown',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
}

export function plegRecords(
  containers: readonly (Container & { podUid: string })[],
  sandboxes: readonly PodSandbox[],
): PlegRecord[] {
  return [
    ...containers.map(({ podUid, id, state }) => ({ podUid, id, state: plegStates[state] })),
    ...sandboxes.map(({ metadata, id, state }) => ({
      podUid: metadata.uid,
      id,
      state: state === 'SANDBOX_READY' ? ('running' as const) : ('exited' as const),
    })),
  ]
}

/**
 * The events of one container between two lists. No change, no event. Otherwise the new state decides:
 * running → Started; exited → Died; unknown → Changed; gone → Removed, and if its death was not seen before, Died first.
 *
 * @lab 5.5 Name what happened to one container
 */
export function lifecycleEvents(podUid: string, id: string, before: PlegState, after: PlegState): PodLifecycleEvent[] {
  throw new NotImplemented(
    '5.5',
    'lifecycleEvents',
    'Name what happened to one container',
    'labs/05-kubelet/src/pleg.ts',
  )
}

/**
 * Everything that happened between two lists: for each container in either of them, in the order of the older list, then
 * of the newer one. A container that is in only one list was, or is, `non-existent` in the other.
 *
 * @lab 5.5 Compare two lists
 */
export function diffRelist(before: readonly PlegRecord[], after: readonly PlegRecord[]): PodLifecycleEvent[] {
  throw new NotImplemented('5.5', 'diffRelist', 'Compare two lists', 'labs/05-kubelet/src/pleg.ts')
}

/**
 * Which pods to sync because of these events: each once, in order of first appearance. A removal alone needs no sync: the
 * kubelet itself removed that container, and nothing of the pod's status depends on it.
 *
 * @lab 5.5 Say which pods need a look
 */
export function podsToSync(events: readonly PodLifecycleEvent[]): string[] {
  throw new NotImplemented('5.5', 'podsToSync', 'Say which pods need a look', 'labs/05-kubelet/src/pleg.ts')
}
