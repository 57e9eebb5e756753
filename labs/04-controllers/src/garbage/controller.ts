/** The shell around `reconcileGarbage`: watches every kind, looks at what a change may have made garbage. */
import { isDeepStrictEqual } from 'node:util'
import type { ResourceName } from '#kit/contracts/controllers.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import { type GarbageItem, reconcileGarbage } from './collect.ts'
import { itemKey, OwnerGraph } from './graph.ts'

export function startGarbageCollector(context: ControllerContext): Controller {
  const graph = new OwnerGraph(context.client, context.informers)
  const needs = [...graph.informers.values()]

  const controller = createController(context, 'generic-garbage-collector', needs, async (key, executor) => {
    const [resource, name] = key.split('|') as [ResourceName, string]
    const item = graph.find(resource, name)
    if (!item || reconcileGarbage(await graph.worldOf(item)).actions.length === 0) return undefined
    // The copy may be behind: its owners may just have let it go. So before writing, once more with the truth.
    const live = await graph.live(item)
    if (live) await executor.perform(reconcileGarbage(await graph.worldOf(live)).actions)
    return undefined
  })
  const enqueue = (item: GarbageItem) => controller.loop.enqueue(itemKey(item))

  for (const [resource, informer] of graph.informers) {
    informer.subscribe((delta) => {
      const item: GarbageItem = { resource, metadata: delta.object.metadata }
      const { ownerReferences, finalizers, deletionTimestamp, uid } = item.metadata
      if (delta.type === 'deleted') {
        for (const dependent of graph.dependentsOf(uid)) enqueue(dependent)
        for (const reference of ownerReferences ?? []) {
          const owner = graph.byUid(reference.uid)
          if (owner?.metadata.deletionTimestamp) enqueue(owner)
        }
        return
      }
      const before = delta.type === 'updated' ? delta.previous.metadata : undefined
      const same =
        before !== undefined &&
        before.deletionTimestamp === deletionTimestamp &&
        isDeepStrictEqual(before.ownerReferences, ownerReferences) &&
        isDeepStrictEqual(before.finalizers, finalizers)
      if (same) return
      if (ownerReferences || (deletionTimestamp && finalizers)) enqueue(item)
      if (deletionTimestamp && finalizers) for (const dependent of graph.dependentsOf(uid)) enqueue(dependent)
      // A dependent that no longer names an owner may have been what that owner waited for.
      for (const reference of before?.ownerReferences ?? []) {
        const owner = graph.byUid(reference.uid)
        if (owner?.metadata.deletionTimestamp) enqueue(owner)
      }
    })
  }
  return controller
}
