/** The shell around `reconcileNamespace`. It lists from the server, not from the copies: nothing may be overlooked. */
import { resources } from '#kit/api/resources.ts'
import type { AnyObject, ResourceName } from '#kit/contracts/controllers.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import type { GarbageItem } from '../garbage/collect.ts'
import { reconcileNamespace } from './reconcile.ts'

/** All kinds that live in namespaces. Both groups of Events are the same objects, so one is enough. */
const NAMESPACED = (Object.keys(resources) as ResourceName[]).filter(
  (name) => resources[name].namespaced && name !== 'events',
)

export function startNamespaceController(context: ControllerContext): Controller {
  const { client, informers, clock } = context
  const namespaces = informers.of('namespaces')

  async function contentsOf(namespace: string): Promise<GarbageItem[]> {
    const lists = await Promise.all(
      NAMESPACED.map(async (resource) => {
        const { items } = await client.list<AnyObject>(resources[resource], { namespace })
        return items.map(({ metadata }) => ({ resource, metadata }))
      }),
    )
    return lists.flat()
  }

  const controller = createController(context, 'namespace-controller', [namespaces], async (key, executor) => {
    const namespace = namespaces.get(key)
    if (!namespace?.metadata.deletionTimestamp) return undefined
    const world = { namespace, contents: await contentsOf(key), nowMs: clock.now() }
    const { actions, requeueAfterMs } = reconcileNamespace(world)
    await executor.perform(actions)
    return requeueAfterMs
  })
  namespaces.subscribe(({ object }) => {
    if (object.metadata.deletionTimestamp) controller.loop.enqueue(object.metadata.name)
  })
  return controller
}
