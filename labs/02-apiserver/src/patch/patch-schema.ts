/**
 * Which lists a strategic merge patch merges item by item, and by which field it tells the items apart. Everything that
 * is not here is merged as RFC 7386 says: lists are replaced as a whole.
 *
 * Source: the tags `patchStrategy` and `patchMergeKey` of k8s.io/api, published in OpenAPI as `x-kubernetes-patch-…`.
 */
export interface PatchSchema {
  /** Only fields with a rule, or with rules further inside. */
  readonly fields: Readonly<Record<string, FieldPatchRule>>
}

export interface FieldPatchRule {
  /** The list is merged: items are the same if they agree in this field ("" for a list of plain values). */
  readonly mergeKey?: string
  /** Rules inside the object, or inside each item of the list. */
  readonly of?: PatchSchema
}

const conditions: FieldPatchRule = { mergeKey: 'type' }

const metadata: FieldPatchRule = {
  of: { fields: { finalizers: { mergeKey: '' }, ownerReferences: { mergeKey: 'uid' } } },
}

const container: PatchSchema = {
  fields: {
    env: { mergeKey: 'name' },
    ports: { mergeKey: 'containerPort' },
    volumeDevices: { mergeKey: 'devicePath' },
    volumeMounts: { mergeKey: 'mountPath' },
  },
}

const podSpec: PatchSchema = {
  fields: {
    containers: { mergeKey: 'name', of: container },
    ephemeralContainers: { mergeKey: 'name', of: container },
    hostAliases: { mergeKey: 'ip' },
    imagePullSecrets: { mergeKey: 'name' },
    initContainers: { mergeKey: 'name', of: container },
    resourceClaims: { mergeKey: 'name' },
    schedulingGates: { mergeKey: 'name' },
    topologySpreadConstraints: { mergeKey: 'topologyKey' },
    volumes: { mergeKey: 'name' },
  },
}

const template: FieldPatchRule = { of: { fields: { metadata, spec: { of: podSpec } } } }

const workload: PatchSchema = {
  fields: { metadata, spec: { of: { fields: { template } } }, status: { of: { fields: { conditions } } } },
}

const withConditions: PatchSchema = { fields: { metadata, status: { of: { fields: { conditions } } } } }

const webhooks: PatchSchema = {
  fields: {
    metadata,
    webhooks: { mergeKey: 'name', of: { fields: { matchConditions: { mergeKey: 'name' } } } },
  },
}

/** By kind; kinds that are not here have only metadata's rules. */
const schemas: Readonly<Record<string, PatchSchema>> = {
  Pod: {
    fields: {
      metadata,
      spec: { of: podSpec },
      status: {
        of: {
          fields: {
            conditions,
            hostIPs: { mergeKey: 'ip' },
            podIPs: { mergeKey: 'ip' },
            resourceClaimStatuses: { mergeKey: 'name' },
          },
        },
      },
    },
  },
  Node: {
    fields: {
      metadata,
      spec: { of: { fields: { podCIDRs: { mergeKey: '' } } } },
      status: { of: { fields: { addresses: { mergeKey: 'type' }, conditions } } },
    },
  },
  Service: {
    fields: {
      metadata,
      spec: { of: { fields: { ports: { mergeKey: 'port' } } } },
      status: { of: { fields: { conditions } } },
    },
  },
  Namespace: { fields: { metadata, status: { of: { fields: { conditions } } } } },
  ServiceAccount: { fields: { metadata, secrets: { mergeKey: 'name' } } },
  Deployment: workload,
  ReplicaSet: workload,
  ReplicationController: workload,
  DaemonSet: workload,
  StatefulSet: workload,
  Job: workload,
  CronJob: {
    fields: {
      metadata,
      spec: {
        of: { fields: { jobTemplate: { of: { fields: { metadata, spec: { of: { fields: { template } } } } } } } },
      },
    },
  },
  PodTemplate: { fields: { metadata, template } },
  PersistentVolumeClaim: withConditions,
  HorizontalPodAutoscaler: withConditions,
  PodDisruptionBudget: withConditions,
  APIService: withConditions,
  FlowSchema: withConditions,
  PriorityLevelConfiguration: withConditions,
  CSINode: { fields: { metadata, spec: { of: { fields: { drivers: { mergeKey: 'name' } } } } } },
  MutatingWebhookConfiguration: webhooks,
  ValidatingWebhookConfiguration: webhooks,
  ValidatingAdmissionPolicy: {
    fields: {
      metadata,
      spec: { of: { fields: { matchConditions: { mergeKey: 'name' }, variables: { mergeKey: 'name' } } } },
    },
  },
}

const metadataOnly: PatchSchema = { fields: { metadata } }

export function patchSchemaOf(kind: string): PatchSchema {
  return schemas[kind] ?? metadataOnly
}
