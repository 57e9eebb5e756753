/**
 * The pod's phase: five words that sum up all of its containers. It is a summary for people and for controllers, computed
 * anew each time from the container statuses; nothing may be concluded from its history.
 *
 * Source: kubernetes `pkg/kubelet/kubelet_pods.go` (getPhase).
 */
import type { ContainerStatus, Pod } from '#kit/api/objects.ts'

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

/**
 * The phase. Read the rules from the top; the first that applies wins.
 *
 * 1. An init container ended with another exit code than 0, and the restart policy is `Never`: `Failed`.
 * 2. An init container has not succeeded yet: `Pending`.
 * 3. An app container waits and never ran before (no `lastState`): `Pending`.
 * 4. An app container runs: `Running`.
 * 5. All have ended (or wait to be restarted). If the pod is over, because it is being deleted (`isTerminal`), or because
 *    its policy restarts none of them: `Succeeded` when every exit code is 0, else `Failed`. If some will be restarted:
 *    `Running`. Policy `Always` (also the default) restarts all, `OnFailure` those that failed, `Never` none.
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
  const policy = pod.spec?.restartPolicy ?? 'Always'
  const initFailed = initContainers.some((status) => (exitCode(status) ?? 0) !== 0)
  if (initFailed && policy === 'Never') return 'Failed'
  if (!initContainers.every((status) => exitCode(status) === 0)) return 'Pending'
  if (containers.some(({ state, lastState }) => state?.waiting && !lastState?.terminated)) return 'Pending'
  if (containers.some(({ state }) => state?.running)) return 'Running'

  const allSucceeded = containers.every((status) => exitCode(status) === 0)
  const over = isTerminal || policy === 'Never' || (policy === 'OnFailure' && allSucceeded)
  if (!over) return 'Running'
  return allSucceeded ? 'Succeeded' : 'Failed'
}

/** How it ended, or ended last; undefined while it runs or has never run. */
export function exitCode({ state, lastState }: ContainerStatus): number | undefined {
  if (state?.running) return undefined
  return (state?.terminated ?? lastState?.terminated)?.exitCode
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}
