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

function admission(kind: string, plural: string): Resource {
  return resource('admissionregistration.k8s.io/v1', kind, plural, 'cluster', [], ['api-extensions'])
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
  limitRanges: resource('v1', 'LimitRange', 'limitranges', 'namespaced', ['limits']),
  persistentVolumeClaims: resource('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', 'namespaced', ['pvc']),
  persistentVolumes: resource('v1', 'PersistentVolume', 'persistentvolumes', 'cluster', ['pv']),
  podTemplates: resource('v1', 'PodTemplate', 'podtemplates', 'namespaced'),
  resourceQuotas: resource('v1', 'ResourceQuota', 'resourcequotas', 'namespaced', ['quota']),
  controllerRevisions: resource('apps/v1', 'ControllerRevision', 'controllerrevisions', 'namespaced'),
  daemonSets: resource('apps/v1', 'DaemonSet', 'daemonsets', 'namespaced', ['ds'], ['all']),
  statefulSets: resource('apps/v1', 'StatefulSet', 'statefulsets', 'namespaced', ['sts'], ['all']),
  jobs: resource('batch/v1', 'Job', 'jobs', 'namespaced', [], ['all']),
  cronJobs: resource('batch/v1', 'CronJob', 'cronjobs', 'namespaced', ['cj'], ['all']),
  horizontalPodAutoscalers: resource(
    'autoscaling/v2',
    'HorizontalPodAutoscaler',
    'horizontalpodautoscalers',
    'namespaced',
    ['hpa'],
    ['all'],
  ),
  podDisruptionBudgets: resource('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', 'namespaced', ['pdb']),
  ingresses: resource('networking.k8s.io/v1', 'Ingress', 'ingresses', 'namespaced', ['ing']),
  ingressClasses: resource('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', 'cluster'),
  networkPolicies: resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', 'namespaced', ['netpol']),
  priorityClasses: resource('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', 'cluster', ['pc']),
  storageClasses: resource('storage.k8s.io/v1', 'StorageClass', 'storageclasses', 'cluster', ['sc']),
  csiDrivers: resource('storage.k8s.io/v1', 'CSIDriver', 'csidrivers', 'cluster'),
  csiNodes: resource('storage.k8s.io/v1', 'CSINode', 'csinodes', 'cluster'),
  csiStorageCapacities: resource('storage.k8s.io/v1', 'CSIStorageCapacity', 'csistoragecapacities', 'namespaced'),
  volumeAttachments: resource('storage.k8s.io/v1', 'VolumeAttachment', 'volumeattachments', 'cluster'),
  runtimeClasses: resource('node.k8s.io/v1', 'RuntimeClass', 'runtimeclasses', 'cluster'),
  certificateSigningRequests: resource(
    'certificates.k8s.io/v1',
    'CertificateSigningRequest',
    'certificatesigningrequests',
    'cluster',
    ['csr'],
  ),
  customResourceDefinitions: resource(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    'cluster',
    ['crd', 'crds'],
    ['api-extensions'],
  ),
  apiServices: resource('apiregistration.k8s.io/v1', 'APIService', 'apiservices', 'cluster', [], ['api-extensions']),
  mutatingWebhookConfigurations: admission('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations'),
  validatingWebhookConfigurations: admission('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations'),
  validatingAdmissionPolicies: admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies'),
  validatingAdmissionPolicyBindings: admission('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings'),
  flowSchemas: resource('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', 'flowschemas', 'cluster'),
  priorityLevelConfigurations: resource(
    'flowcontrol.apiserver.k8s.io/v1',
    'PriorityLevelConfiguration',
    'prioritylevelconfigurations',
    'cluster',
  ),
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
