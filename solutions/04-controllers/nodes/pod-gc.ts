/**
 * Pods of nodes that no longer exist: nobody is left to stop them, so they are marked failed and deleted by force.
 * Given.
 *
 * A node that is seen missing must stay missing for 40 s: nodes are sometimes deleted and registered again at once.
 * Source: kubernetes `pkg/controller/podgc/gc_controller.go` (gcOrphaned).
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { Action } from '#kit/contracts/controllers.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import { isFinished } from '../pods.ts'

const QUARANTINE_MS = 40_000

export function startPodGarbageCollector(context: ControllerContext): Controller {
  const { client, clock } = context
  const nodes = context.informers.of('nodes')
  const pods = context.informers.of('pods')
  const missingSinceMs = new Map<string, number>()

  const controller = createController(context, 'pod-garbage-collector', [nodes, pods], async (name, executor) => {
    const orphans = pods.byIndex('byNode', name)
    if (nodes.get(name) || orphans.length === 0) {
      missingSinceMs.delete(name)
      return undefined
    }
    const nowMs = clock.now()
    const sinceMs = missingSinceMs.get(name) ?? nowMs
    missingSinceMs.set(name, sinceMs)
    if (nowMs < sinceMs + QUARANTINE_MS) return sinceMs + QUARANTINE_MS - nowMs
    // The copy may have missed the node; the server knows.
    const exists = await client.get(resources.nodes, { name }).then(
      () => true,
      (error: unknown) => {
        if (hasReason(error, 'NotFound')) return false
        throw error
      },
    )
    if (!exists) await executor.perform(orphans.flatMap((pod) => remove(pod, nowMs)))
    return undefined
  })
  nodes.subscribe(({ type, object }) => {
    if (type !== 'updated') controller.loop.enqueue(object.metadata.name)
  })
  pods.subscribe(({ type, object: { spec } }) => {
    if (type !== 'deleted' && spec?.nodeName && !nodes.get(spec.nodeName)) controller.loop.enqueue(spec.nodeName)
  })
  return controller
}

function remove(pod: Stored<Pod>, nowMs: number): Action[] {
  const { namespace, name, uid } = pod.metadata
  const disrupted = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  }
  const patch: Action = {
    do: 'patch',
    resource: 'pods',
    subresource: 'status',
    namespace,
    name,
    type: 'application/strategic-merge-patch+json',
    patch: { metadata: { uid }, status: { phase: 'Failed', conditions: [disrupted] } },
  }
  const options = { gracePeriodSeconds: 0, preconditions: { uid } }
  return [...(isFinished(pod) ? [] : [patch]), { do: 'delete', resource: 'pods', namespace, name, options }]
}
