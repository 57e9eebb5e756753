/**
 * The shell around `reconcileQuota`. It looks when a quota's limits change, when something that a quota counts goes or changes
 * what it uses, and every five minutes for what nobody told. Not when something appears: that was charged already, and a copy
 * that is behind would take the charge back. Given.
 *
 * Source: kubernetes `pkg/controller/resourcequota/resource_quota_monitor.go`, `pkg/quota/v1/install/update_filter.go`.
 */
import { type ApiObject, objectKey, type ResourceQuota, type Stored } from '#kit/api/objects.ts'
import { type Resource, resources } from '#kit/api/resources.ts'
import type { ResourceName } from '#kit/contracts/controllers.ts'
import { sameAmounts } from '#kit/counting/amounts.ts'
import { isCountedAs, usageOf } from '#kit/counting/usage.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import type { Informer } from '../informer.ts'
import { reconcileQuota } from './reconcile.ts'

const RECOUNT_MS = 300_000

/** What lives in namespaces can be counted, except for Events: they come in crowds, and go by themselves. */
const COUNTED = (Object.keys(resources) as ResourceName[]).filter(
  (name) => resources[name].namespaced && name !== 'events' && name !== 'coreEvents',
)

type Quota = Stored<ResourceQuota>
type Objects = Informer<ApiObject>

export function startQuotaController(context: ControllerContext): Controller {
  const { informers, clock } = context
  const quotas = informers.of('resourceQuotas')
  const counted = COUNTED.map((name): [Resource, Objects] => [
    resources[name],
    informers.of(name) as unknown as Objects,
  ])
  const needs = counted.map(([, informer]) => informer)

  const controller = createController(context, 'resourcequota-controller', needs, async (key, executor) => {
    const quota = quotas.get(key)
    if (!quota) return undefined
    const decision = reconcileQuota({ quota, objects: nearby(quota), nowMs: clock.now() })
    await executor.perform(decision.actions)
    return RECOUNT_MS
  })

  /** What this quota counts, in its namespace. */
  function nearby({ metadata, spec }: Quota): (readonly [Resource, ApiObject])[] {
    const names = Object.keys(spec?.hard ?? {})
    return counted
      .filter(([resource]) => names.some((name) => isCountedAs(resource, name)))
      .flatMap(([resource, informer]) =>
        informer.byIndex('byNamespace', metadata.namespace ?? '').map((object) => [resource, object] as const),
      )
  }

  function enqueueThoseThatCount(resource: Resource, { metadata }: Stored<ApiObject>): void {
    for (const quota of quotas.byIndex('byNamespace', metadata.namespace ?? '')) {
      const names = Object.keys(quota.spec?.hard ?? {})
      if (names.some((name) => isCountedAs(resource, name))) controller.loop.enqueue(objectKey(quota))
    }
  }

  quotas.subscribe((delta) => {
    const hasOtherLimits = delta.type === 'updated' && !sameAmounts(delta.previous.spec?.hard, delta.object.spec?.hard)
    if (delta.type === 'added' || hasOtherLimits) controller.loop.enqueue(objectKey(delta.object))
  })
  for (const [resource, informer] of counted) {
    informer.subscribe((delta) => {
      if (delta.type === 'deleted') enqueueThoseThatCount(resource, delta.object)
      if (delta.type !== 'updated') return
      const usage = (object: Stored<ApiObject>) => usageOf(resource, object, clock.now())
      if (!sameAmounts(usage(delta.previous), usage(delta.object))) enqueueThoseThatCount(resource, delta.object)
    })
  }
  return controller
}
