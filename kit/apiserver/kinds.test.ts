/** What is particular about kinds that no step is about: defaults, versions, keys. */
import { describe, expect, it } from 'vitest'
import { autoscalerFromStorage, autoscalerToStorage } from '#apiserver/kinds/autoscaler.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { onlyConditions } from '#apiserver/subresources/status.ts'
import type { ApiObject, Stored } from '../api/objects.ts'

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } }

function rowOf(kind: string, version = 'v1') {
  const row = kindRows.find(({ resource }) => resource.kind === kind && resource.version === version)
  if (!row) throw new Error(`no kind ${kind}`)
  return row
}

/** A new object as it is stored, but for its metadata. */
function created(kind: string, object: ApiObject, version?: string): ApiObject {
  const row = rowOf(kind, version)
  const draft: ApiObject = { kind, ...structuredClone(object), metadata: { name: 'x', uid: 'u', ...object.metadata } }
  row.prepareForCreate?.(draft)
  row.applyDefaults?.(draft)
  return draft
}

describe('what is inside of another object', () => {
  it('has metadata of its own, which says that it was never created', () => {
    const never = { creationTimestamp: null }
    const spec = (object: ApiObject) => object.spec as Record<string, object>
    expect(spec(created('Deployment', { spec: { template } })).template).toMatchObject({
      metadata: { ...never, labels: { app: 'a' } },
    })
    const { jobTemplate } = spec(created('CronJob', { spec: { jobTemplate: { spec: { template: { spec: {} } } } } }))
    expect(jobTemplate).toMatchObject({ metadata: never, spec: { template: { metadata: never } } })
    const claims = [{ metadata: { name: 'd' }, spec: {} }]
    expect(spec(created('StatefulSet', { spec: { template, volumeClaimTemplates: claims } }))).toMatchObject({
      volumeClaimTemplates: [{ metadata: { ...never, name: 'd' } }],
    })
  })
})

describe('a new object', () => {
  it.each<[kind: string, sent: ApiObject, stored: object, version?: string]>([
    [
      'DaemonSet',
      { spec: { template } },
      {
        revisionHistoryLimit: 10,
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      },
    ],
    ['DaemonSet', { spec: { updateStrategy: { type: 'OnDelete' } } }, { updateStrategy: { type: 'OnDelete' } }],
    [
      'StatefulSet',
      { spec: { template } },
      {
        replicas: 1,
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      },
    ],
    [
      'Job',
      { spec: { template } },
      { parallelism: 1, completions: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false },
    ],
    ['Job', { spec: { backoffLimitPerIndex: 1 } }, { backoffLimit: 2 ** 31 - 1 }],
    [
      'CronJob',
      { spec: { schedule: '* * * * *' } },
      { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
    ],
    [
      'PersistentVolume',
      { spec: { capacity: { storage: '1024Mi' } } },
      { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem', capacity: { storage: '1Gi' } },
    ],
    ['PersistentVolumeClaim', { spec: {} }, { volumeMode: 'Filesystem' }],
    [
      'LimitRange',
      { spec: { limits: [{ type: 'Container', max: { cpu: '1' }, min: { memory: '1Mi' } }] } },
      { limits: [{ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '1', memory: '1Mi' } }] },
    ],
    [
      'HorizontalPodAutoscaler',
      { spec: {} },
      { minReplicas: 1, metrics: [{ resource: { name: 'cpu', target: { averageUtilization: 80 } } }] },
      'v2',
    ],
    [
      'HorizontalPodAutoscaler',
      { spec: { behavior: {} } },
      { behavior: { scaleUp: { stabilizationWindowSeconds: 0 }, scaleDown: { selectPolicy: 'Max' } } },
      'v2',
    ],
    ['IngressClass', { spec: { parameters: { kind: 'K', name: 'n' } } }, { parameters: { scope: 'Cluster' } }],
    [
      'NetworkPolicy',
      { spec: { egress: [{ ports: [{ port: 53 }] }] } },
      { policyTypes: ['Ingress', 'Egress'], egress: [{ ports: [{ protocol: 'TCP' }] }] },
    ],
    [
      'CSIDriver',
      {},
      { attachRequired: true, fsGroupPolicy: 'ReadWriteOnceWithFSType', volumeLifecycleModes: ['Persistent'] },
    ],
    [
      'CustomResourceDefinition',
      { spec: { names: { kind: 'Foo' } } },
      { conversion: { strategy: 'None' }, names: { singular: 'foo', listKind: 'FooList' } },
    ],
    [
      'ValidatingAdmissionPolicy',
      { spec: { matchConstraints: { resourceRules: [{}] } } },
      { failurePolicy: 'Fail', matchConstraints: { matchPolicy: 'Equivalent', resourceRules: [{ scope: '*' }] } },
    ],
    ['FlowSchema', { spec: {} }, { matchingPrecedence: 1000 }],
    [
      'PriorityLevelConfiguration',
      { spec: { limited: { limitResponse: { queuing: {} } } } },
      {
        limited: {
          nominalConcurrencyShares: 30,
          limitResponse: { queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
        },
      },
    ],
  ])('%s %j says what its creator left out (kubernetes pkg/apis/*/v1/defaults.go)', (kind, sent, stored, version) => {
    expect(created(kind, sent, version).spec).toMatchObject(stored)
  })

  it('has its defaults outside of the spec, where it has no spec', () => {
    expect(created('StorageClass', {})).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' })
    expect(created('PriorityClass', {})).toMatchObject({ preemptionPolicy: 'PreemptLowerPriority' })
    const webhooks = [{ rules: [{}], clientConfig: { service: { name: 's', namespace: 'n' } } }]
    const webhook = {
      failurePolicy: 'Fail',
      timeoutSeconds: 10,
      rules: [{ scope: '*' }],
      clientConfig: { service: { port: 443 } },
    }
    expect(created('ValidatingWebhookConfiguration', { webhooks })).toMatchObject({ webhooks: [webhook] })
    expect(created('MutatingWebhookConfiguration', { webhooks })).toMatchObject({
      webhooks: [{ ...webhook, reinvocationPolicy: 'Never' }],
    })
  })

  it.each(kindRows)('$resource.kind of $resource.group/$resource.version bears its defaults twice', (row) => {
    const draft: ApiObject = { kind: row.resource.kind, metadata: { name: 'x', uid: 'u' }, spec: {} }
    row.prepareForCreate?.(draft)
    row.applyDefaults?.(draft)
    const once = structuredClone(draft)
    row.applyDefaults?.(draft)
    expect(draft).toEqual(once)
    expect(() => row.validate?.({ kind: row.resource.kind })).not.toThrow()
  })
})

describe('a Job', () => {
  it('selects its pods by its own uid (kubernetes pkg/registry/batch/job/strategy.go generateSelector)', () => {
    const { spec } = created('Job', { spec: { template } }) as { spec: { selector: object; template: typeof template } }
    expect(spec.selector).toEqual({ matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } })
    expect(spec.template.metadata.labels).toEqual({
      app: 'a',
      'batch.kubernetes.io/controller-uid': 'u',
      'batch.kubernetes.io/job-name': 'x',
      'controller-uid': 'u',
      'job-name': 'x',
    })
  })
})

describe('a DaemonSet', () => {
  it('counts its templates (kubernetes pkg/registry/apps/daemonset/strategy.go)', () => {
    const row = rowOf('DaemonSet')
    const old = created('DaemonSet', { spec: { template } }) as unknown as Stored<ApiObject>
    const generationOf = (draft: ApiObject) => {
      row.prepareForUpdate?.(draft, old)
      return draft.metadata?.annotations?.['deprecated.daemonset.template.generation']
    }
    expect(old.metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '1' })
    expect(generationOf({ metadata: {}, spec: { template, minReadySeconds: 5 } })).toBe('1')
    expect(generationOf({ metadata: {}, spec: { template: { ...template, metadata: { labels: { b: 'c' } } } } })).toBe(
      '2',
    )
  })
})

describe('autoscaling/v1', () => {
  const metadata = { name: 'x', annotations: { a: 'b' } }
  const scaleTargetRef = { kind: 'Deployment', name: 'web' }

  it('calls the processor’s load by another name (kubernetes pkg/apis/autoscaling/v1/conversion.go)', () => {
    const sent = { metadata, spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 70 } }
    const stored = autoscalerToStorage({ apiVersion: 'autoscaling/v1', ...sent })
    expect(stored).toEqual({
      apiVersion: 'autoscaling/v2',
      metadata,
      spec: {
        scaleTargetRef,
        maxReplicas: 3,
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
        ],
      },
    })
    expect(autoscalerFromStorage(stored)).toMatchObject({ apiVersion: 'autoscaling/v1', ...sent })
  })

  it('keeps what it has no words for', () => {
    const memory = {
      type: 'Resource',
      resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
    }
    const conditions = [{ type: 'AbleToScale', status: 'True' }]
    const stored = {
      apiVersion: 'autoscaling/v2',
      metadata,
      spec: { scaleTargetRef, maxReplicas: 3, metrics: [memory], behavior: { scaleUp: { selectPolicy: 'Max' } } },
      status: { currentReplicas: 2, desiredReplicas: 2, currentMetrics: null, conditions },
    }
    const shown = autoscalerFromStorage(stored)
    expect(shown.spec).toEqual({ scaleTargetRef, maxReplicas: 3 })
    expect(autoscalerToStorage(shown)).toEqual(stored)
  })

  it.each(['{', '[]', '7', '{"metrics":{},"behavior":[]}', '{"metrics":[null,7]}'])(
    'takes an annotation that users wrote for nothing: %s',
    (text) => {
      const annotations = { 'autoscaling.alpha.kubernetes.io/rest': text }
      expect(autoscalerToStorage({ metadata: { annotations }, spec: { scaleTargetRef, maxReplicas: 1 } })).toEqual({
        apiVersion: 'autoscaling/v2',
        metadata: {},
        spec: { scaleTargetRef, maxReplicas: 1 },
      })
    },
  )

  it('shows metrics that say too little', () => {
    const metrics = [{ type: 'Resource', resource: { name: 'cpu' } }]
    expect(autoscalerFromStorage({ metadata, spec: { scaleTargetRef, maxReplicas: 1, metrics } }).spec).toEqual({
      scaleTargetRef,
      maxReplicas: 1,
    })
  })
})

describe('an approval', () => {
  it('changes the conditions of a certificate request, nothing else', () => {
    const old = {
      metadata: { name: 'x' },
      spec: { request: 'a' },
      status: { certificate: 'c' },
    } as unknown as Stored<ApiObject>
    const conditions = [{ type: 'Approved', status: 'True' }]
    const draft = { spec: { request: 'b' }, status: { certificate: 'd', conditions } }
    expect(onlyConditions(draft, old)).toEqual({ ...old, status: { certificate: 'c', conditions } })
  })
})

describe('keys below /registry', () => {
  it('are upstream’s (kubernetes pkg/kubeapiserver/default_storage_factory_builder.go)', () => {
    const unlikePlural = kindRows
      .filter(({ resource, storagePrefix, virtual }) => !virtual && storagePrefix !== resource.plural)
      .map(({ resource, storagePrefix }) => [resource.plural, storagePrefix])
    expect(Object.fromEntries(unlikePlural)).toEqual({
      apiservices: 'apiregistration.k8s.io/apiservices',
      customresourcedefinitions: 'apiextensions.k8s.io/customresourcedefinitions',
      endpoints: 'services/endpoints',
      ingresses: 'ingress',
      nodes: 'minions',
      replicationcontrollers: 'controllers',
      services: 'services/specs',
    })
  })

  it('belong to one thing each: rows share a prefix only as versions of the same', () => {
    const owners = new Map<string, Set<string>>()
    for (const { resource, storagePrefix, virtual } of kindRows) {
      if (virtual) continue
      owners.set(storagePrefix, (owners.get(storagePrefix) ?? new Set()).add(resource.kind))
    }
    for (const [prefix, kinds] of owners) expect([prefix, kinds.size]).toEqual([prefix, 1])
  })
})
