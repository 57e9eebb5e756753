/**
 * The shell around `reconcileReplicaSet`: gathers its world from the copies, keeps the expectations, lets the executor
 * write.
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { controllerOf, objectKey } from '#kit/api/objects.ts'
import { matchesLabelSelector } from '#kit/api/selectors.ts'
import type { Decision, Write } from '#kit/contracts/controllers.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import type { Executor, Observer } from '../executor.ts'
import type { Informer } from '../informer.ts'
import { Expectations } from './expectations.ts'
import { podSelector, type ReplicaSetWorld, type Replicator, reconcileReplicaSet } from './reconcile.ts'

/** One controller per resource: ReplicaSets and ReplicationControllers differ in nothing but their name. */
export function startReplicaSetController(
  context: ControllerContext,
  resource: ReplicaSetWorld['resource'] = 'replicaSets',
): Controller {
  const kind = resource === 'replicaSets' ? 'ReplicaSet' : 'ReplicationController'
  const component = resource === 'replicaSets' ? 'replicaset-controller' : 'replication-controller'
  const owners = context.informers.of(resource) as Informer<Replicator>
  const pods = context.informers.of('pods')
  const expectations = new Expectations()

  const controller = createController(context, component, [owners, pods], async (key, executor) => {
    const owner = owners.get(key)
    if (!owner) {
      expectations.forget(key)
      return undefined
    }
    const nowMs = context.clock.now()
    const decision = reconcileReplicaSet({
      owner,
      resource,
      pods: pods.byIndex('byNamespace', owner.metadata.namespace ?? ''),
      expectationsMet: expectations.met(key, nowMs),
      nowMs,
    })
    await perform(key, decision, executor)
    return decision.requeueAfterMs
  })

  /** Writes, and expects to see in the copy what was written. */
  async function perform(key: string, decision: Decision, executor: Executor): Promise<void> {
    const writes = decision.actions.flatMap((action) => (action.do === 'together' ? action.writes : []))
    const creations = writes.filter((write) => write.do === 'create').length
    const deletions = writes.filter((write) => write.do === 'delete').map((write) => `${write.namespace}/${write.name}`)
    if (writes.length > 0) expectations.expect(key, { creations, deletions }, context.clock.now())
    let open = creations
    const observe: Observer = (write: Write, outcome) => {
      if (write.do === 'create') open -= 1
      if (!('error' in outcome)) return
      if (write.do === 'create') expectations.creationSeen(key)
      if (write.do === 'delete') expectations.deletionSeen(key, `${write.namespace}/${write.name}`)
    }
    try {
      await executor.perform(decision.actions, observe)
    } finally {
      // Batches after a failed one were never sent.
      for (; open > 0; open--) expectations.creationSeen(key)
    }
  }

  /** The key of the owner of this pod, if it is of our kind. */
  function ownerKey(pod: Stored<Pod>): string | undefined {
    const owner = controllerOf(pod)
    return owner?.kind === kind ? `${pod.metadata.namespace}/${owner.name}` : undefined
  }

  function enqueueThoseThatCouldAdopt(pod: Stored<Pod>): void {
    for (const owner of owners.byIndex('byNamespace', pod.metadata.namespace ?? '')) {
      if (matchesLabelSelector(podSelector(owner), pod.metadata.labels)) controller.loop.enqueue(objectKey(owner))
    }
  }

  owners.subscribe(({ object }) => controller.loop.enqueue(objectKey(object)))
  pods.subscribe((delta) => {
    const pod = delta.object
    const key = ownerKey(pod)
    const previousKey = delta.type === 'updated' ? ownerKey(delta.previous) : undefined
    if (key) {
      if (delta.type === 'added') expectations.creationSeen(key)
      if (delta.type === 'deleted' || pod.metadata.deletionTimestamp) expectations.deletionSeen(key, objectKey(pod))
      controller.loop.enqueue(key)
    } else if (delta.type !== 'deleted') enqueueThoseThatCouldAdopt(pod)
    if (previousKey && previousKey !== key) controller.loop.enqueue(previousKey)
  })
  return controller
}
