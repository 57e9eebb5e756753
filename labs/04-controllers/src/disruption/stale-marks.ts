/**
 * A pod that was marked as a target of a disruption (the condition DisruptionTarget), and is still there two minutes later: the
 * deletion never came, so the mark is taken back. Given.
 *
 * Kubelets mark pods, too, and may take as long as they need; a finished pod keeps its mark, which says why it failed.
 * Source: kubernetes `pkg/controller/disruption/disruption.go` (syncStalePodDisruption).
 */
import { objectKey, type Pod, type Stored } from '#kit/api/objects.ts'
import type { Decision } from '#kit/contracts/controllers.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import { isActive, podCondition } from '../pods.ts'

const PATIENCE_MS = 120_000
const MARK = 'DisruptionTarget'

export function reconcileMark(pod: Stored<Pod>, nowMs: number): Decision {
  const mark = podCondition(pod, MARK)
  if (mark?.status !== 'True' || mark.reason === 'TerminationByKubelet' || !isActive(pod)) return { actions: [] }
  const patienceLeftMs = Date.parse(mark.lastTransitionTime ?? '') + PATIENCE_MS - nowMs
  if (patienceLeftMs > 0) return { actions: [], requeueAfterMs: patienceLeftMs }
  const lastTransitionTime = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
  const others = pod.status?.conditions?.filter((condition) => condition !== mark) ?? []
  const takenBack = { type: MARK, status: 'False', lastTransitionTime }
  const object: Stored<Pod> = { ...pod, status: { ...pod.status, conditions: [...others, takenBack] } }
  return { actions: [{ do: 'update', resource: 'pods', subresource: 'status', object }] }
}

export function startMarkController(context: ControllerContext): Controller {
  const pods = context.informers.of('pods')
  const controller = createController(context, 'controllermanager', [pods], async (key, executor) => {
    const pod = pods.get(key)
    if (!pod) return undefined
    const { actions, requeueAfterMs } = reconcileMark(pod, context.clock.now())
    await executor.perform(actions)
    return requeueAfterMs
  })
  pods.subscribe(({ type, object }) => {
    if (type !== 'deleted' && podCondition(object, MARK)?.status === 'True') controller.loop.enqueue(objectKey(object))
  })
  return { ...controller, name: 'stale-disruption-marks' }
}
