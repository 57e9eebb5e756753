/**
 * The shell around `reconcileLoadBalancer`: a Service is looked at when it changes, all of them when the nodes change.
 */
import { objectKey } from '#kit/api/objects.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import { reconcileLoadBalancer } from './load-balancer.ts'

export function startServiceController(context: ControllerContext): Controller {
  const services = context.informers.of('services')
  const nodes = context.informers.of('nodes')

  const controller = createController(context, 'service-controller', [services, nodes], async (key, executor) => {
    const service = services.get(key)
    if (service) await executor.perform(reconcileLoadBalancer({ service, nodes: nodes.list() }).actions)
    return undefined
  })
  services.subscribe(({ object }) => controller.loop.enqueue(objectKey(object)))
  nodes.subscribe(() => {
    for (const service of services.list()) {
      if (service.spec?.type === 'LoadBalancer') controller.loop.enqueue(objectKey(service))
    }
  })
  return controller
}
