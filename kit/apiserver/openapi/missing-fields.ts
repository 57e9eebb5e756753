/**
 * Fields and parts that `kubernetes-types` 1.30 lacks: those that Kubernetes 1.31 and 1.32 added, those that its
 * generator dropped, and the groups apiregistration.k8s.io and metrics.k8s.io. By schema; merged in by generate-schemas.ts.
 */
import type { Field } from './schemas.ts'

const core = 'io.k8s.api.core.v1'
const authorization = 'io.k8s.api.authorization.v1'
const admission = 'io.k8s.api.admissionregistration.v1'
const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'
const apiregistration = 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1'
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const metrics = 'io.k8s.metrics.pkg.apis.metrics.v1beta1'

function field(type: string, description: string): Field {
  return { type, description }
}

/** What every object or list of a kind has. */
function envelope(what: 'object' | 'list'): Readonly<Record<string, Field>> {
  return {
    apiVersion: field('string', `The version of the schema of this ${what}.`),
    kind: field('string', `The kind of this ${what}.`),
    metadata:
      what === 'object'
        ? field(`${meta}.ObjectMeta`, 'Name, labels and the like.')
        : field(`${meta}.ListMeta`, 'When the list was made, and where it goes on.'),
  }
}

const measured = {
  timestamp: field('time', 'The end of the window.'),
  window: field('string', 'How long the use of cpu was measured, such as "15.036s".'),
}

const ruleFields = {
  resources: field(
    '[]string',
    'Resources the rule applies to, such as "pods" or "pods/status"; an asterisk stands for all.',
  ),
  scope: field('string', 'Cluster, Namespaced, or an asterisk for both.'),
}

export const missingFields: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  [`${core}.ContainerStatus`]: {
    allocatedResourcesStatus: field(`[]${core}.ResourceStatus`, 'Health of the devices that the container was given.'),
    user: field(`${core}.ContainerUser`, 'The user that the first process of the container started as.'),
  },
  [`${core}.ContainerUser`]: { linux: field(`${core}.LinuxContainerUser`, 'User and groups on Linux.') },
  [`${core}.LinuxContainerUser`]: {
    gid: field('integer', 'Primary group.'),
    supplementalGroups: field('[]integer', 'Further groups.'),
    uid: field('integer', 'User.'),
  },
  [`${core}.ResourceStatus`]: {
    name: field('string', 'Name of the resource.'),
    resources: field(`[]${core}.ResourceHealth`, 'Health of each device.'),
  },
  [`${core}.ResourceHealth`]: {
    health: field('string', 'Healthy, Unhealthy or Unknown.'),
    resourceID: field('string', 'Identifies the device.'),
  },
  [`${core}.ImageVolumeSource`]: {
    pullPolicy: field('string', 'When to pull: Always, Never or IfNotPresent.'),
    reference: field('string', 'The image or artifact to mount.'),
  },
  [`${core}.Volume`]: { image: field(`${core}.ImageVolumeSource`, 'An image, mounted read-only.') },
  [`${core}.NodeFeatures`]: {
    supplementalGroupsPolicy: field('boolean', 'Whether the runtime supports supplementalGroupsPolicy.'),
  },
  [`${core}.NodeRuntimeHandlerFeatures`]: {
    userNamespaces: field('boolean', 'Whether the handler supports user namespaces.'),
  },
  [`${core}.NodeStatus`]: { features: field(`${core}.NodeFeatures`, 'Features of the container runtime.') },
  [`${core}.PodResourceClaim`]: {
    resourceClaimName: field('string', 'A ResourceClaim in the namespace of the pod.'),
    resourceClaimTemplateName: field('string', 'A ResourceClaimTemplate to make a claim from.'),
  },
  [`${core}.PodSecurityContext`]: {
    seLinuxChangePolicy: field('string', 'How volumes are relabelled for SELinux: MountOption or Recursive.'),
    supplementalGroupsPolicy: field('string', 'How groups are found: Merge or Strict.'),
  },
  [`${core}.PodSpec`]: {
    resources: field(`${core}.ResourceRequirements`, 'Resources that all containers of the pod share.'),
  },
  [`${core}.ResourceClaim`]: { request: field('string', 'The one request of the claim to use; all when absent.') },
  'io.k8s.api.coordination.v1.LeaseSpec': {
    preferredHolder: field('string', 'Who should take the lease over (coordinated leader election).'),
    strategy: field('string', 'How the leader is picked (coordinated leader election).'),
  },
  [`${meta}.DeleteOptions`]: {
    ignoreStoreReadErrorWithClusterBreakingPotential: field('boolean', 'Deletes even an object that cannot be read.'),
  },
  [`${meta}.FieldSelectorRequirement`]: {
    key: field('string', 'The field.'),
    operator: field('string', 'In, NotIn, Exists or DoesNotExist.'),
    values: field('[]string', 'What to compare with.'),
  },
  [`${admission}.NamedRuleWithOperations`]: ruleFields,
  [`${admission}.RuleWithOperations`]: ruleFields,
  [`${authorization}.ResourceRule`]: {
    resources: field('[]string', 'Resources the rule applies to; an asterisk stands for all.'),
    verbs: field('[]string', 'Verbs the rule applies to; an asterisk stands for all.'),
  },
  [`${authorization}.ResourceAttributes`]: {
    fieldSelector: field(`${authorization}.FieldSelectorAttributes`, 'Restricts what is asked for by fields.'),
    labelSelector: field(`${authorization}.LabelSelectorAttributes`, 'Restricts what is asked for by labels.'),
  },
  [`${authorization}.FieldSelectorAttributes`]: {
    rawSelector: field('string', 'As in a query parameter.'),
    requirements: field(`[]${meta}.FieldSelectorRequirement`, 'Parsed; all must hold.'),
  },
  [`${authorization}.LabelSelectorAttributes`]: {
    rawSelector: field('string', 'As in a query parameter.'),
    requirements: field(`[]${meta}.LabelSelectorRequirement`, 'Parsed; all must hold.'),
  },
  [`${apiextensions}.JSONSchemaProps`]: {
    'x-kubernetes-embedded-resource': field('boolean', 'The value is an object of a kind.'),
    'x-kubernetes-int-or-string': field('boolean', 'The value is an integer or a string.'),
    'x-kubernetes-list-map-keys': field('[]string', 'Fields that identify an item of a list of type map.'),
    'x-kubernetes-list-type': field('string', 'atomic, set or map.'),
    'x-kubernetes-map-type': field('string', 'granular or atomic.'),
    'x-kubernetes-preserve-unknown-fields': field('boolean', 'Keeps fields that the schema does not name.'),
    'x-kubernetes-validations': field(`[]${apiextensions}.ValidationRule`, 'Rules in CEL.'),
  },
  [`${apiregistration}.APIService`]: {
    apiVersion: field('string', 'The version of the schema of this object.'),
    kind: field('string', 'The kind of this object.'),
    metadata: field(`${meta}.ObjectMeta`, 'Name, labels and the like.'),
    spec: field(`${apiregistration}.APIServiceSpec`, 'Which server serves which group-version.'),
    status: field(`${apiregistration}.APIServiceStatus`, 'Whether it does.'),
  },
  [`${apiregistration}.APIServiceList`]: {
    apiVersion: field('string', 'The version of the schema of this list.'),
    items: { ...field(`[]${apiregistration}.APIService`, 'The APIServices.'), required: true },
    kind: field('string', 'The kind of this list.'),
    metadata: field(`${meta}.ListMeta`, 'When the list was made, and where it goes on.'),
  },
  [`${apiregistration}.APIServiceSpec`]: {
    caBundle: field('string', 'Whom to trust for the certificate of the server.'),
    group: field('string', 'The group.'),
    groupPriorityMinimum: field('integer', 'Orders groups; higher comes first.'),
    insecureSkipTLSVerify: field('boolean', 'Trusts any certificate.'),
    service: field(`${apiregistration}.ServiceReference`, 'Where the server is; absent for one of our own.'),
    version: field('string', 'The version.'),
    versionPriority: field('integer', 'Orders versions within the group.'),
  },
  [`${apiregistration}.APIServiceStatus`]: {
    conditions: field(`[]${apiregistration}.APIServiceCondition`, 'Available, or why not.'),
  },
  [`${apiregistration}.APIServiceCondition`]: {
    lastTransitionTime: field('time', 'When the status changed last.'),
    message: field('string', 'For people.'),
    reason: field('string', 'For programs.'),
    status: field('string', 'True, False or Unknown.'),
    type: field('string', 'The condition.'),
  },
  [`${apiregistration}.ServiceReference`]: {
    name: field('string', 'Name of the Service.'),
    namespace: field('string', 'Namespace of the Service.'),
    port: field('integer', 'Port of the Service.'),
  },
  [`${metrics}.NodeMetrics`]: {
    ...envelope('object'),
    ...measured,
    usage: field('map quantity', 'The cpu and memory that everything on the node uses.'),
  },
  [`${metrics}.NodeMetricsList`]: {
    ...envelope('list'),
    items: { ...field(`[]${metrics}.NodeMetrics`, 'The figures of each node.'), required: true },
  },
  [`${metrics}.PodMetrics`]: {
    ...envelope('object'),
    ...measured,
    containers: field(`[]${metrics}.ContainerMetrics`, 'The figures of each container.'),
  },
  [`${metrics}.PodMetricsList`]: {
    ...envelope('list'),
    items: { ...field(`[]${metrics}.PodMetrics`, 'The figures of each pod.'), required: true },
  },
  [`${metrics}.ContainerMetrics`]: {
    name: { ...field('string', 'Name of the container.'), required: true },
    usage: field('map quantity', 'The cpu and memory that it uses.'),
  },
}
