/**
 * The scheduler's two writes, and what to do when their outcome is unknown.
 *
 * Source: kube-scheduler `plugins/defaultbinder`, `pkg/scheduler/util/utils.go` (PatchPodStatus).
 */
import type { Pod, PodCondition, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { type ApiClient, ConnectionError } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import { bindingOf, notScheduled } from './announcements.ts'

const ASK_AGAIN_MS = 500

/**
 * Resolves when the pod is bound to the node, throws when it is not. If the connection broke before the answer came, the pod
 * itself is asked until it answers: to forget a binding that did happen would give its room away twice.
 */
export async function bindPod(
  client: ApiClient,
  clock: Clock,
  pod: Pod,
  nodeName: string,
  stopping: AbortSignal,
): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata ?? {}
  try {
    await client.create(resources.pods, bindingOf(pod, nodeName), { namespace, name, subresource: 'binding' })
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    const now = await readUntilAnswered(client, clock, { namespace, name }, stopping)
    if (now.metadata.uid !== uid || now.spec?.nodeName !== nodeName) throw error
  }
}

async function readUntilAnswered(
  client: ApiClient,
  clock: Clock,
  ref: { namespace: string | undefined; name: string },
  stopping: AbortSignal,
): Promise<Stored<Pod>> {
  for (;;) {
    try {
      return await client.get<Pod>(resources.pods, ref)
    } catch (error) {
      if (!(error instanceof ConnectionError) || stopping.aborted) throw error
      await new Promise<void>((resolve) => clock.setTimer(ASK_AGAIN_MS, resolve))
    }
  }
}

/** Writes the condition `PodScheduled=False`, unless the pod says so already: an unchanged status is not worth a request. */
export async function patchNotScheduled(
  client: ApiClient,
  clock: Clock,
  pod: Stored<Pod>,
  reason: 'Unschedulable' | 'SchedulerError',
  message: string,
): Promise<void> {
  const condition = notScheduled(reason, message)
  const present = pod.status?.conditions?.find(({ type }) => type === condition.type)
  if (present && saysTheSame(present, condition)) return
  const since = present?.status === condition.status ? present.lastTransitionTime : undefined
  const lastTransitionTime = since ?? new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')
  const { namespace, name } = pod.metadata
  await client.patch(
    resources.pods,
    { namespace, name, subresource: 'status' },
    'application/strategic-merge-patch+json',
    { status: { conditions: [{ ...condition, lastTransitionTime }] } },
  )
}

function saysTheSame(a: PodCondition, b: PodCondition): boolean {
  return a.status === b.status && a.reason === b.reason && a.message === b.message
}
