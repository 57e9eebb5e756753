/**
 * The pod's phase: five words that sum up all of its containers. It is a summary for people and for controllers, computed
 * anew each time from the container statuses; nothing may be concluded from its history.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (getPhase).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ContainerStatus, Pod } from '#kit/api/objects.ts'

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

/**
 * The phase. Read the rules from the top; the first that applies wins.
 *
 * 1. The pod was stopped for good, because it is being deleted (`isTerminal`): `Succeeded` when every container, init
 *    containers included, has ended with 0, else `Failed`.
 * 2. An init container ended with another exit code than 0, and the restart policy is `Never`: `Failed`.
 * 3. An init container has not succeeded yet: `Pending`.
 * 4. An app container waits and never ran before (no `lastState`): `Pending`.
 * 5. An app container runs: `Running`.
 * 6. All have ended, or wait to be restarted. If the policy restarts one of them: `Running`; policy `Always` (also the
 *    default) restarts all, `OnFailure` those that failed, `Never` none. Otherwise `Succeeded` when every exit code is 0,
 *    else `Failed`.
 *
 * A container that waits for its restart counts by its `lastState`.
 *
 * @lab 5.6 Sum up the containers in a phase
 */
export function podPhase(
  pod: Pod,
  containers: readonly ContainerStatus[],
  initContainers: readonly ContainerStatus[],
  isTerminal = false,
): PodPhase {
  throw new NotImplemented('5.6', 'podPhase', 'Sum up the containers in a phase', 'labs/05-kubelet/src/status/phase.ts')
}

/** How it ended, or ended last; undefined while it runs or has never run. */
export function exitCode({ state, lastState }: ContainerStatus): number | undefined {
  if (state?.running) return undefined
  return (state?.terminated ?? lastState?.terminated)?.exitCode
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}
