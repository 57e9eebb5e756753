/**
 * The shell around `reconcileDeployment`: gathers its world from the copies and says which change concerns which
 * Deployment.
 */
import { controllerOf, objectKey } from '#kit/api/objects.ts'
import { matchesLabelSelector } from '#kit/api/selectors.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import { reconcileDeployment } from './reconcile.ts'

export function startDeploymentController(context: ControllerContext): Controller {
  const deployments = context.informers.of('deployments')
  const replicaSets = context.informers.of('replicaSets')
  const pods = context.informers.of('pods')
  const needs = [deployments, replicaSets, pods]

  const controller = createController(context, 'deployment-controller', needs, async (key, executor) => {
    const deployment = deployments.get(key)
    if (!deployment) return undefined
    const owned = replicaSets.byIndex('byOwner', deployment.metadata.uid)
    const { actions, requeueAfterMs } = reconcileDeployment({
      deployment,
      replicaSets: replicaSets.byIndex('byNamespace', deployment.metadata.namespace ?? ''),
      pods: owned.flatMap(({ metadata }) => pods.byIndex('byOwner', metadata.uid)),
      nowMs: context.clock.now(),
    })
    await executor.perform(actions)
    return requeueAfterMs
  })
  const enqueue = controller.loop.enqueue

  deployments.subscribe(({ object }) => enqueue(objectKey(object)))
  replicaSets.subscribe(({ type, object }) => {
    const owner = controllerOf(object)
    if (owner?.kind === 'Deployment') return enqueue(`${object.metadata.namespace}/${owner.name}`)
    if (type === 'deleted') return
    for (const deployment of deployments.byIndex('byNamespace', object.metadata.namespace ?? '')) {
      if (matchesLabelSelector(deployment.spec?.selector, object.metadata.labels)) enqueue(objectKey(deployment))
    }
  })
  // Recreate waits for old pods to be gone. All other news of pods arrive through their ReplicaSets' statuses.
  pods.subscribe(({ object }) => {
    const owner = controllerOf(object)
    if (owner?.kind !== 'ReplicaSet') return
    const replicaSet = replicaSets.get(`${object.metadata.namespace}/${owner.name}`)
    const deployment = replicaSet && controllerOf(replicaSet)
    if (deployment?.kind !== 'Deployment') return
    const key = `${object.metadata.namespace}/${deployment.name}`
    if (deployments.get(key)?.spec?.strategy?.type === 'Recreate') enqueue(key)
  })
  return controller
}
