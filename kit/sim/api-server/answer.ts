/**
 * What the simulated API server does for a request: finds what the path means, and reads or changes the store. Watches have a
 * file of their own.
 */
import type { ApiObject } from '../../api/objects.ts'
import { resources } from '../../api/resources.ts'
import { StatusError } from '../../api/status-error.ts'
import { applyPatch } from './patch.ts'
import { matches } from './select.ts'
import type { DeletionRequest, SimObject, SimStore } from './store.ts'

/** A write that the server was asked for, for tests that count them. */
export interface SeenRequest {
  readonly method: string
  /** Without the query: "/api/v1/namespaces/default/pods/web-1/status". */
  readonly path: string
  readonly body: unknown
}

/** What a path leads to. */
export interface Target {
  /** "pods", "deployments.apps" */
  readonly resource: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly subresource: string
}

/** The store's name of a resource: "pods", "deployments.apps". */
export function storeName({ group, plural }: { group: string; plural: string }): string {
  // Both groups of events are one storage, as upstream.
  return group && plural !== 'events' ? `${plural}.${group}` : plural
}

export function parseTarget(path: string): Target {
  const match = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(.+)$/.exec(path)
  if (!match) throw new StatusError(404, 'NotFound', `the server could not find the requested resource: ${path}`)
  const [, coreVersion, group = '', groupVersion = '', rest = ''] = match
  const parts = rest.split('/').map(decodeURIComponent)
  const inNamespace = parts[0] === 'namespaces' && parts.length > 2 && !['status', 'finalize'].includes(parts[2]!)
  const namespace = inNamespace ? parts[1] : undefined
  const [plural = '', name, subresource = ''] = inNamespace ? parts.slice(2) : parts
  const known = Object.values(resources).find((one) => one.plural === plural && one.group === group)
  return {
    resource: storeName({ group, plural }),
    apiVersion: group ? `${group}/${groupVersion}` : (coreVersion ?? 'v1'),
    kind: known?.kind ?? plural,
    namespace,
    name,
    subresource,
  }
}

/** Everything but a watch. @throws StatusError */
export function answerTo(
  store: SimStore,
  target: Target,
  request: SeenRequest,
  query: URLSearchParams,
  contentType: string,
): unknown {
  const { resource, namespace, name, subresource } = target
  const typed = (object: SimObject) => ({ apiVersion: target.apiVersion, kind: target.kind, ...object })
  switch (request.method) {
    case 'GET': {
      if (name) return typed(store.get(resource, namespace, name))
      const items = store.list(resource, namespace).filter((object) => isSelected(object, query))
      const metadata = { resourceVersion: String(store.revision) }
      return { apiVersion: target.apiVersion, kind: `${target.kind}List`, metadata, items }
    }
    case 'POST':
      if (subresource === 'binding' && name) return bind(store, namespace, name, request.body as ApiObject)
      return typed(store.create(resource, request.body as ApiObject, namespace))
    case 'PUT':
      return typed(store.update(resource, namespace, name ?? '', request.body as ApiObject, subresource))
    case 'PATCH': {
      const current = store.get(resource, namespace, name ?? '')
      const patched = applyPatch(current, contentType.split(';')[0] ?? '', request.body) as ApiObject
      return typed(store.update(resource, namespace, name ?? '', patched, subresource))
    }
    case 'DELETE': {
      const options = (request.body ?? {}) as DeletionRequest
      const grace = query.get('gracePeriodSeconds')
      const deletion = grace === null ? options : { ...options, gracePeriodSeconds: Number(grace) }
      if (name) return typed(store.delete(resource, namespace, name, deletion))
      const selected = store.list(resource, namespace).filter((object) => isSelected(object, query))
      for (const { metadata } of selected) store.delete(resource, metadata.namespace, metadata.name, deletion)
      return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 200 }
    }
    default:
      throw new StatusError(405, 'MethodNotAllowed', `the server does not allow ${request.method} on ${request.path}`)
  }
}

export function isSelected(object: SimObject, query: URLSearchParams): boolean {
  return matches(object, query.get('labelSelector') ?? '', query.get('fieldSelector') ?? '')
}

/** What POST pods/x/binding does: sets the node once, and says so in a condition. */
function bind(store: SimStore, namespace: string | undefined, name: string, binding: ApiObject): unknown {
  const pod = store.get('pods', namespace, name) as SimObject & {
    spec: { nodeName?: string }
    status: { conditions?: object[] }
  }
  if (pod.spec.nodeName) {
    throw new StatusError(
      409,
      'Conflict',
      `Operation cannot be fulfilled on pods/binding "${name}": pod ${name} is already assigned to node "${pod.spec.nodeName}"`,
    )
  }
  const { target } = binding as { target?: { name?: string } }
  const bound = store.update('pods', namespace, name, { ...pod, spec: { ...pod.spec, nodeName: target?.name } }, '')
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: bound.metadata.creationTimestamp,
  }
  const others = (pod.status?.conditions ?? []).filter(
    (condition) => (condition as { type?: string }).type !== 'PodScheduled',
  )
  store.update(
    'pods',
    namespace,
    name,
    { ...bound, status: { ...pod.status, conditions: [...others, scheduled] } },
    'status',
  )
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
}
