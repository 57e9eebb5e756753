/**
 * A PodDisruptionBudget says how many of some pods must stay, so that an application survives the maintenance of the nodes
 * beneath it. The disruption controller works out how many may be taken away now (`status.disruptionsAllowed`), and whoever
 * **evicts** a pod takes one of them first: a number that many writers use up together, like a quota.
 *
 * The controller sees a deletion only later. So an eviction leaves the pod's name in `status.disruptedPods`, too: this one
 * counts as gone already, although it still looks healthy.
 *
 * Guarantee: as long as the budget is right about the pods, no number of evictions at once takes more than it allows.
 *
 * Source: kubernetes `pkg/registry/core/pod/storage/eviction.go` (Create, checkAndDecrement); KEP-3017 (unhealthy pods).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod, PodDisruptionBudget, Stored } from '#kit/api/objects.ts'
import { matchesLabelSelector } from '#kit/api/selectors.ts'

/** The resource as upstream's two refusals name it. */
const BUDGET = { group: 'policy', plural: 'poddisruptionbudget' }
/** So many evictions that the controller has not seen yet mean that it does not look. */
const MOST_UNSEEN = 2000

/** The budgets that speak about this pod. An empty selector speaks about all pods of the namespace, none about none. Given. */
export function budgetsOf(
  pod: Stored<Pod>,
  budgets: Iterable<Stored<PodDisruptionBudget>>,
): Stored<PodDisruptionBudget>[] {
  const isNear = ({ metadata }: Stored<PodDisruptionBudget>) => metadata.namespace === pod.metadata.namespace
  return [...budgets].filter((one) => isNear(one) && matchesLabelSelector(one.spec?.selector, pod.metadata.labels))
}

/**
 * Whether a pod may be deleted without asking anybody, because nobody is served by it: it has not begun (phase Pending), it
 * has finished (Succeeded, Failed), or it is being deleted.
 *
 * @lab 2.16 Know whom nobody would miss
 */
export function servesNobody({ metadata, status }: Stored<Pod>): boolean {
  throw new NotImplemented(
    '2.16',
    'servesNobody',
    'Know whom nobody would miss',
    'labs/02-apiserver/src/counting/disruptions.ts',
  )
}

/**
 * Whether a running pod may go without being taken from the budget: it is not ready (its condition Ready is not True), so it
 * is not among the healthy ones that the budget protects. With `unhealthyPodEvictionPolicy` AlwaysAllow it always may. Without,
 * only if the application is not disrupted anyway: at least as many pods are healthy as have to be, and some have to be
 * (`currentHealthy`, `desiredHealthy`). Else it could be the very pod that is just coming up to help.
 *
 * @lab 2.16 Let go what is broken
 */
export function mayGoUnhealthy({ status }: Stored<Pod>, budget: Stored<PodDisruptionBudget>): boolean {
  throw new NotImplemented(
    '2.16',
    'mayGoUnhealthy',
    'Let go what is broken',
    'labs/02-apiserver/src/counting/disruptions.ts',
  )
}

/**
 * The budget after one pod has been taken from it at `now` (RFC 3339): one disruption less allowed, the pod's name and the
 * time in `disruptedPods`, and the condition in agreement (`withDisruptionCondition`). The budget passed in stays as it is.
 *
 * Throws instead, and looks in this order:
 * - `budgetIsBusy` when there is no status, or one about an older spec (`observedGeneration` is behind
 *   `metadata.generation`): its numbers mean nothing yet;
 * - `forbidden` about `BUDGET`, "pdb disruptions allowed is negative", when that is so;
 * - `forbidden`, "DisruptedPods map too big - too many evictions not confirmed by PDB controller", when more than
 *   `MOST_UNSEEN` pods are in it;
 * - `budgetIsUsedUp` when no disruption is allowed.
 *
 * @lab 2.16 Take one from the budget
 */
export function takeDisruption(
  budget: Stored<PodDisruptionBudget>,
  podName: string,
  now: string,
): Stored<PodDisruptionBudget> {
  throw new NotImplemented(
    '2.16',
    'takeDisruption',
    'Take one from the budget',
    'labs/02-apiserver/src/counting/disruptions.ts',
  )
}
