/**
 * The shells around `reconcileEndpointSlices` and `reconcileEndpoints`: both look when a Service or one of its pods
 * changes.
 */
import { objectKey, type Pod, type Service, type Stored, splitKey } from '#kit/api/objects.ts'
import { matchesLabels } from '#kit/api/selectors.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import type { Delta } from '../informer-store.ts'
import { Expectations } from '../replicaset/expectations.ts'
import { MANAGED_BY, OUR_NAME, reconcileEndpointSlices, reconcileEndpoints, SERVICE_NAME } from './reconcile.ts'
import { TriggerTimes } from './trigger-times.ts'

export function startEndpointSliceController(context: ControllerContext): Controller {
  const services = context.informers.of('services')
  const pods = context.informers.of('pods')
  const slices = context.informers.of('endpointSlices')
  // Slices have names of the server's making, so creating one twice would not be noticed: wait until the copy shows it.
  const expectations = new Expectations()
  const triggers = new TriggerTimes()
  const needs = [services, pods, slices]

  const controller = createController(context, 'endpointslice-controller', needs, async (key, executor) => {
    const service = services.get(key)
    if (!service) {
      expectations.forget(key)
      triggers.forget(key)
      return undefined
    }
    if (!expectations.met(key, context.clock.now())) return undefined
    const namespace = service.metadata.namespace ?? ''
    const nearby = pods.byIndex('byNamespace', namespace)
    const selected = nearby.filter((pod) => selects(service, pod))
    const { actions } = reconcileEndpointSlices({
      service,
      pods: nearby,
      triggerTime: triggers.next(key, service, selected),
      slices: slices
        .byIndex('byOwner', service.metadata.uid)
        .filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === OUR_NAME),
    })
    let creations = actions.filter((action) => action.do === 'create').length
    if (creations > 0) expectations.expect(key, { creations, deletions: [] }, context.clock.now())
    try {
      await executor.perform(actions, (write, outcome) => {
        if (write.do === 'create' && !('error' in outcome)) creations -= 1
      })
    } catch (error) {
      triggers.takeBack(key)
      throw error
    } finally {
      for (; creations > 0; creations--) expectations.creationSeen(key)
    }
    return undefined
  })

  followServices(context, controller.loop.enqueue)
  slices.subscribe(({ type, object }) => {
    const service = object.metadata.labels?.[SERVICE_NAME]
    if (!service || object.metadata.labels?.[MANAGED_BY] !== OUR_NAME) return
    const key = `${object.metadata.namespace}/${service}`
    if (type === 'added') expectations.creationSeen(key)
    controller.loop.enqueue(key)
  })
  return controller
}

export function startEndpointsController(context: ControllerContext): Controller {
  const services = context.informers.of('services')
  const pods = context.informers.of('pods')
  const all = context.informers.of('endpoints')
  const triggers = new TriggerTimes()

  const controller = createController(context, 'endpoint-controller', [services, pods, all], async (key, executor) => {
    const service = services.get(key)
    const endpoints = all.get(key)
    const { namespace, name } = splitKey(key)
    if (!service) {
      triggers.forget(key)
      // Endpoints have no owner reference, so the garbage collector does not know that they belong to the Service.
      if (endpoints) await executor.perform([{ do: 'delete', resource: 'endpoints', namespace, name }])
      return undefined
    }
    const nearby = pods.byIndex('byNamespace', namespace ?? '')
    const selected = nearby.filter((pod) => selects(service, pod))
    const triggerTime = triggers.next(key, service, selected)
    const { actions } = reconcileEndpoints({ service, pods: nearby, endpoints, triggerTime })
    await executor.perform(actions).catch((error: unknown) => {
      triggers.takeBack(key)
      throw error
    })
    return undefined
  })

  followServices(context, controller.loop.enqueue)
  all.subscribe(({ type, object }) => {
    // Not when one appears: its author may be about to create the Service.
    if (type !== 'added') controller.loop.enqueue(objectKey(object))
  })
  return controller
}

/** Enqueues a Service when it changes, and those that select or selected a pod when that changes. */
function followServices({ informers }: ControllerContext, enqueue: (key: string) => void): void {
  const services = informers.of('services')
  services.subscribe(({ object }) => enqueue(objectKey(object)))
  informers.of('pods').subscribe((delta: Delta<Pod>) => {
    const versions = delta.type === 'updated' ? [delta.object, delta.previous] : [delta.object]
    for (const service of services.byIndex('byNamespace', delta.object.metadata.namespace ?? '')) {
      if (versions.some((pod) => selects(service, pod))) enqueue(objectKey(service))
    }
  })
}

function selects({ spec }: Stored<Service>, pod: Stored<Pod>): boolean {
  return Object.keys(spec?.selector ?? {}).length > 0 && matchesLabels(spec?.selector ?? {}, pod.metadata.labels)
}
