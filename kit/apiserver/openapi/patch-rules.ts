/**
 * What a strategic merge patch does with a field, as far as it is anything else than replacing it: by schema, in the words that OpenAPI has for it
 * (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`).
 *
 * Source: the tags `patchStrategy` and `patchMergeKey` of k8s.io/api 1.32.
 */
export interface PatchRule {
  /** "merge", "retainKeys", "merge,retainKeys", "replace" */
  readonly strategy: string
  /** The field that tells items of a list apart; "" when it is no list of objects. */
  readonly mergeKey: string
}

const admission = 'io.k8s.api.admissionregistration.v1'
const apps = 'io.k8s.api.apps.v1'
const core = 'io.k8s.api.core.v1'
const flowcontrol = 'io.k8s.api.flowcontrol.v1'
const policy = 'io.k8s.api.policy.v1'

const conditions = 'conditions merge type'
const container =
  'env merge name; ports merge containerPort; volumeDevices merge devicePath; volumeMounts merge mountPath'

const texts: Readonly<Record<string, string>> = {
  [`${admission}.MutatingWebhook`]: 'matchConditions merge name',
  [`${admission}.MutatingWebhookConfiguration`]: 'webhooks merge name',
  [`${admission}.ValidatingAdmissionPolicySpec`]: 'matchConditions merge name; variables merge name',
  [`${admission}.ValidatingWebhook`]: 'matchConditions merge name',
  [`${admission}.ValidatingWebhookConfiguration`]: 'webhooks merge name',
  [`${apps}.DaemonSetStatus`]: conditions,
  [`${apps}.DeploymentSpec`]: 'strategy retainKeys',
  [`${apps}.DeploymentStatus`]: conditions,
  [`${apps}.ReplicaSetStatus`]: conditions,
  [`${apps}.StatefulSetStatus`]: conditions,
  'io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus': conditions,
  'io.k8s.api.batch.v1.JobStatus': conditions,
  [`${core}.Container`]: container,
  [`${core}.ContainerStatus`]: 'allocatedResourcesStatus merge name; volumeMounts merge mountPath',
  [`${core}.EphemeralContainer`]: container,
  [`${core}.NamespaceStatus`]: conditions,
  [`${core}.NodeSpec`]: 'podCIDRs merge',
  [`${core}.NodeStatus`]: `addresses merge type; ${conditions}`,
  [`${core}.PersistentVolumeClaimStatus`]: conditions,
  [`${core}.PodSpec`]:
    'containers merge name; ephemeralContainers merge name; hostAliases merge ip; imagePullSecrets merge name; initContainers merge name; resourceClaims merge,retainKeys name; schedulingGates merge name; topologySpreadConstraints merge topologyKey; volumes merge,retainKeys name',
  [`${core}.PodStatus`]: `${conditions}; hostIPs merge ip; podIPs merge ip; resourceClaimStatuses merge,retainKeys name`,
  [`${core}.ReplicationControllerStatus`]: conditions,
  [`${core}.ServiceAccount`]: 'secrets merge name',
  [`${core}.ServiceSpec`]: 'ports merge port',
  [`${core}.ServiceStatus`]: conditions,
  [`${flowcontrol}.FlowSchemaStatus`]: conditions,
  [`${flowcontrol}.PriorityLevelConfigurationStatus`]: conditions,
  [`${policy}.PodDisruptionBudgetSpec`]: 'selector replace',
  [`${policy}.PodDisruptionBudgetStatus`]: conditions,
  'io.k8s.api.storage.v1.CSINodeSpec': 'drivers merge name',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps': 'x-kubernetes-validations merge rule',
  'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': 'finalizers merge; ownerReferences merge uid',
  'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceStatus': conditions,
}

/** The rules of a schema's fields, by field. */
export function patchRulesOf(schemaName: string): ReadonlyMap<string, PatchRule> {
  const text = Object.hasOwn(texts, schemaName) ? texts[schemaName]! : ''
  const rules = text.split('; ').map((rule) => rule.split(' '))
  return new Map(rules.map(([field = '', strategy = '', mergeKey = '']) => [field, { strategy, mergeKey }]))
}
