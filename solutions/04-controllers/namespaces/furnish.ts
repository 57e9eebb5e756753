/**
 * What every namespace contains from the start: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`.
 * Given.
 *
 * Source: kubernetes `pkg/controller/serviceaccount/serviceaccounts_controller.go`,
 * `pkg/controller/certificates/rootcacertpublisher`.
 */
import type { ConfigMap } from '#kit/api/objects.ts'
import type { Action, AnyObject } from '#kit/contracts/controllers.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'

const ROOT_CA = 'kube-root-ca.crt'

export function startServiceAccountController(context: ControllerContext): Controller {
  return startFurnisher(context, 'service-account-controller', 'serviceAccounts', 'default', (namespace, existing) =>
    existing
      ? []
      : [{ do: 'create', resource: 'serviceAccounts', object: { metadata: { name: 'default', namespace } } }],
  )
}

/** @param certificate PEM of the authority that signed the API server's certificate */
export function startRootCaPublisher(context: ControllerContext, certificate: string): Controller {
  const data = { 'ca.crt': certificate }
  const annotations = {
    'kubernetes.io/description':
      'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
  }
  return startFurnisher(context, 'root-ca-cert-publisher', 'configMaps', ROOT_CA, (namespace, existing) => {
    const current = existing as ConfigMap | undefined
    if (current?.data?.['ca.crt'] === certificate) return []
    const object = { ...current, metadata: { ...current?.metadata, name: ROOT_CA, namespace, annotations }, data }
    return [{ do: current ? 'update' : 'create', resource: 'configMaps', object }]
  })
}

/** Looks at a namespace when it appears, and when the object in question changes or goes. */
function startFurnisher(
  context: ControllerContext,
  component: string,
  resource: 'serviceAccounts' | 'configMaps',
  name: string,
  decide: (namespace: string, existing: AnyObject | undefined) => Action[],
): Controller {
  const namespaces = context.informers.of('namespaces')
  const objects = context.informers.of(resource)
  const controller = createController(context, component, [namespaces, objects], async (namespace, executor) => {
    const found = namespaces.get(namespace)
    if (!found || found.metadata.deletionTimestamp) return undefined
    await executor.perform(decide(namespace, objects.get(`${namespace}/${name}`)))
    return undefined
  })
  namespaces.subscribe(({ object }) => controller.loop.enqueue(object.metadata.name))
  objects.subscribe(({ type, object }) => {
    if (type !== 'added' && object.metadata.name === name) controller.loop.enqueue(object.metadata.namespace ?? '')
  })
  return controller
}
