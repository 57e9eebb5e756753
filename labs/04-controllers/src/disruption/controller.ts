/** The shell around `reconcileBudget`: looks when a budget changes, or a pod that it is about. Given. */
import {
  controllerOf,
  type OwnerReference,
  objectKey,
  type Pod,
  type PodDisruptionBudget,
  type Stored,
} from '#kit/api/objects.ts'
import { apiVersionOf, resources } from '#kit/api/resources.ts'
import { matchesLabelSelector } from '#kit/api/selectors.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import type { Informers } from '../informers.ts'
import type { Scale, ScaleOf } from './expected-pods.ts'
import { reconcileBudget } from './reconcile.ts'

export function startDisruptionController(context: ControllerContext): Controller {
  const { informers, clock } = context
  const budgets = informers.of('podDisruptionBudgets')
  const pods = informers.of('pods')
  const owners = OWNERS.map((name) => informers.of(name))

  const controller = createController(
    context,
    'controllermanager',
    [budgets, pods, ...owners],
    async (key, executor) => {
      const budget = budgets.get(key)
      if (!budget) return undefined
      const nearby = pods.byIndex('byNamespace', budget.metadata.namespace ?? '')
      const decision = reconcileBudget({
        budget,
        pods: nearby.filter((pod) => isAbout(budget, pod)),
        scaleOf: scalesFrom(informers),
        nowMs: clock.now(),
      })
      await executor.perform(decision.actions)
      return decision.requeueAfterMs
    },
  )

  const enqueueThoseAbout = (pod: Stored<Pod>) => {
    for (const budget of budgets.byIndex('byNamespace', pod.metadata.namespace ?? '')) {
      if (isAbout(budget, pod)) controller.loop.enqueue(objectKey(budget))
    }
  }
  budgets.subscribe(({ object }) => controller.loop.enqueue(objectKey(object)))
  pods.subscribe((delta) => {
    enqueueThoseAbout(delta.object)
    if (delta.type === 'updated') enqueueThoseAbout(delta.previous)
  })
  return { ...controller, name: 'disruption' }
}

const OWNERS = ['replicationControllers', 'replicaSets', 'deployments', 'statefulSets'] as const

function isAbout({ spec }: Stored<PodDisruptionBudget>, pod: Stored<Pod>): boolean {
  return matchesLabelSelector(spec?.selector, pod.metadata.labels)
}

/** A ReplicaSet that a Deployment controls has its number from there: during a rollout it wants only part of the pods. */
function scalesFrom(informers: Informers): ScaleOf {
  const find = ({ apiVersion, kind, name, uid }: OwnerReference, namespace: string) => {
    const resource = OWNERS.find((one) => resources[one].kind === kind && apiVersionOf(resources[one]) === apiVersion)
    const found = resource && informers.of(resource).get(`${namespace}/${name}`)
    return found?.metadata.uid === uid ? found : undefined
  }
  return (owner, pod): Scale => {
    const namespace = pod.metadata.namespace ?? ''
    const direct = find(owner, namespace)
    const above = direct && controllerOf(direct)
    const wanted = (above?.kind === 'Deployment' && find(above, namespace)) || direct
    if (wanted) return { uid: wanted.metadata.uid, replicas: wanted.spec?.replicas ?? 1 }
    const unscalable = Object.values(resources).find(
      (one) => one.kind === owner.kind && apiVersionOf(one) === owner.apiVersion && !isScalable(one.kind),
    )
    if (!unscalable) return { problem: `found no controllers for pod "${pod.metadata.name}"` }
    return { problem: `${unscalable.plural}.${unscalable.group} does not implement the scale subresource` }
  }
}

const isScalable = (kind: string) => OWNERS.some((one) => resources[one].kind === kind)
