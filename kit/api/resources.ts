/**
 * The resources that the kit knows: how a kind is named in paths. The API server's registry builds its rows on these,
 * the client builds its URLs from them.
 */
export interface Resource {
  /** "" for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  /** As in paths: "pods". */
  readonly plural: string
  readonly singular: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  /** Such as "all", for `kubectl get all`. */
  readonly categories: readonly string[]
}

function resource(
  groupVersion: string,
  kind: string,
  plural: string,
  scope: 'namespaced' | 'cluster',
  shortNames: readonly string[] = [],
  categories: readonly string[] = [],
): Resource {
  const [version = '', group = ''] = groupVersion.split('/').reverse()
  const singular = kind.toLowerCase()
  return { group, version, kind, plural, singular, namespaced: scope === 'namespaced', shortNames, categories }
}

export const resources = {
  namespaces: resource('v1', 'Namespace', 'namespaces', 'cluster', ['ns']),
  nodes: resource('v1', 'Node', 'nodes', 'cluster', ['no']),
  pods: resource('v1', 'Pod', 'pods', 'namespaced', ['po'], ['all']),
  services: resource('v1', 'Service', 'services', 'namespaced', ['svc'], ['all']),
  endpoints: resource('v1', 'Endpoints', 'endpoints', 'namespaced', ['ep']),
  configMaps: resource('v1', 'ConfigMap', 'configmaps', 'namespaced', ['cm']),
  secrets: resource('v1', 'Secret', 'secrets', 'namespaced'),
  serviceAccounts: resource('v1', 'ServiceAccount', 'serviceaccounts', 'namespaced', ['sa']),
  coreEvents: resource('v1', 'Event', 'events', 'namespaced', ['ev']),
  replicationControllers: resource(
    'v1',
    'ReplicationController',
    'replicationcontrollers',
    'namespaced',
    ['rc'],
    ['all'],
  ),
  deployments: resource('apps/v1', 'Deployment', 'deployments', 'namespaced', ['deploy'], ['all']),
  replicaSets: resource('apps/v1', 'ReplicaSet', 'replicasets', 'namespaced', ['rs'], ['all']),
  endpointSlices: resource('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', 'namespaced'),
  leases: resource('coordination.k8s.io/v1', 'Lease', 'leases', 'namespaced'),
  events: resource('events.k8s.io/v1', 'Event', 'events', 'namespaced', ['ev']),
  roles: resource('rbac.authorization.k8s.io/v1', 'Role', 'roles', 'namespaced'),
  roleBindings: resource('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings', 'namespaced'),
  clusterRoles: resource('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', 'cluster'),
  clusterRoleBindings: resource('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', 'cluster'),
} as const satisfies Record<string, Resource>

/** "v1", "apps/v1": what `apiVersion` says. */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group ? `${group}/${version}` : version
}

/** "/api/v1/namespaces/default/pods/web-1/status". Without a namespace: across all namespaces. */
export function resourcePath(
  resource: Pick<Resource, 'group' | 'version' | 'plural'>,
  {
    namespace,
    name,
    subresource,
  }: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {},
): string {
  const parts = [resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`]
  if (namespace) parts.push('namespaces', encodeURIComponent(namespace))
  parts.push(resource.plural)
  if (name) parts.push(encodeURIComponent(name))
  if (subresource) parts.push(subresource)
  return parts.join('/')
}
