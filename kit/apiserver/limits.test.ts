/** What is wrong with quotas and limits, in upstream's words, and what limits say about single objects. */
import { describe, expect, it } from 'vitest'
import { checkLimits } from '#apiserver/admission/limit-ranger.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import type { ApiObject, LimitRange, Pod, Stored } from '../api/objects.ts'
import { StatusError } from '../api/status-error.ts'

function rowOf(kind: string) {
  const row = kindRows.find(({ resource }) => resource.kind === kind)
  if (!row) throw new Error(`no kind ${kind}`)
  return row
}
const problems = (kind: string, spec: object) =>
  (rowOf(kind).validate?.({ metadata: { name: 'x' }, spec } as ApiObject) ?? []).map(
    (one) => `${one.field}: ${one.message}`,
  )

describe('a ResourceQuota', () => {
  const of = (spec: object) => problems('ResourceQuota', spec)

  it('limits what is counted, in amounts that make sense', () => {
    const hard = { pods: '3', 'requests.cpu': '500m', 'count/jobs.batch': '1', 'requests.example.com/gpu': '2' }
    expect(
      of({ hard: { ...hard, 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi', 'hugepages-2Mi': '4Mi' } }),
    ).toEqual([])
    expect(of({ hard: { cpus: '1' } })).toEqual([
      'spec.hard[cpus]: Invalid value: "cpus": must be a standard resource type or fully qualified',
      'spec.hard[cpus]: Invalid value: "cpus": must be a standard resource for quota',
    ])
    expect(of({ hard: { pods: '-1', services: '1.5', secrets: 'many' } })).toEqual([
      'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.hard[services]: Invalid value: "1.5": must be an integer',
      expect.stringContaining('spec.hard[secrets]: Invalid value: "many": quantities must match'),
    ])
  })

  it('has scopes that exist, that fit together and what it limits', () => {
    expect(of({ hard: { pods: '1' }, scopes: ['BestEffort', 'Terminating'] })).toEqual([])
    expect(of({ hard: { cpu: '1' }, scopes: ['BestEffort', 'NotBestEffort', 'Old'] })).toEqual(
      ['unsupported scope applied to resource', 'unsupported scope', 'conflicting scopes'].map(
        (why) => `spec.scopes: Invalid value: []core.ResourceQuotaScope{"BestEffort", "NotBestEffort", "Old"}: ${why}`,
      ),
    )
    const selector = (scopeName: string, operator: string, values?: string[]) =>
      of({
        hard: { pods: '1' },
        scopeSelector: { matchExpressions: [{ scopeName, operator, ...(values && { values }) }] },
      })
    expect(selector('PriorityClass', 'In', ['high'])).toEqual([])
    expect(selector('PriorityClass', 'In')[0]).toContain('must be at least one value')
    expect(selector('PriorityClass', 'Exists', ['high'])[0]).toContain(
      'Invalid value: []string{"high"}: must be no value',
    )
    expect(selector('Terminating', 'In', ['x'])[0]).toContain("must be 'Exist' when scope is any of")
    expect(selector('PriorityClass', 'Like')).toEqual([
      'spec.scopeSelector.matchExpressions.operator: Invalid value: "Like": not a valid selector operator',
    ])
  })

  it('keeps its scopes', () => {
    const quota = (...scopes: string[]) =>
      ({ metadata: { name: 'x' }, spec: { scopes } }) as unknown as Stored<ApiObject>
    const { validateUpdate } = rowOf('ResourceQuota')
    expect(validateUpdate?.(quota('BestEffort', 'Terminating'), quota('Terminating', 'BestEffort'))).toEqual([])
    expect(validateUpdate?.(quota('BestEffort'), quota())[0]?.message).toContain('field is immutable')
  })
})

describe('a LimitRange', () => {
  const of = (...limits: object[]) => problems('LimitRange', { limits })

  it('has amounts that can all hold', () => {
    const limit = { type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' }, default: { cpu: '500m' } }
    expect(of(limit, { type: 'Pod', max: { memory: '1Gi' } })).toEqual([])
    expect(
      of({ ...limit, min: { cpu: '2' }, defaultRequest: { cpu: '3' }, maxLimitRequestRatio: { cpu: '500m' } }),
    ).toEqual([
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "3": default request value 3 is greater than default limit value 500m',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 500m',
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
    ])
    expect(of({ ...limit, maxLimitRequestRatio: { cpu: '20' } })).toEqual([
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "20": ratio 20 is greater than max/min = 10.000000',
    ])
  })

  it('says of each sort what can be said of it, once', () => {
    expect(of({ type: 'Pod', default: { cpu: '1' } }, { type: 'Pod' }, { type: 'Disk' })).toEqual([
      "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
      'spec.limits[1].type: Duplicate value: "Pod"',
      'spec.limits[2].type: Invalid value: "Disk": must be a standard limit type or fully qualified',
    ])
    expect(of({ type: 'Container', max: { pods: '1' } }, { type: 'PersistentVolumeClaim', max: {} })).toEqual([
      'spec.limits[0].max[pods]: Invalid value: "pods": must be a standard resource for containers',
      'spec.limits[1].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
    ])
  })
})

describe('LimitRanger', () => {
  const container = (name: string, requests?: object, limits?: object) => ({
    name,
    image: 'i',
    ...(requests && { resources: { requests, ...(limits && { limits }) } }),
  })
  const podOf = (...containers: object[]) =>
    ({ kind: 'Pod', metadata: { name: 'web' }, spec: { containers } }) as unknown as Pod & ApiObject
  const range = (...limits: object[]) => [{ spec: { limits } }] as LimitRange[]

  function refusal(kind: string, draft: ApiObject, ranges: LimitRange[], operation: 'CREATE' | 'UPDATE' = 'CREATE') {
    try {
      checkLimits({ operation, row: rowOf(kind), subresource: '', namespace: 'ns', name: 'web', draft }, ranges)
      return undefined
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      return error.message
    }
  }

  it('fills in what a container does not say, and writes down what', () => {
    const pod = podOf(container('a'), container('b', { cpu: '1' }, { cpu: '2' }))
    const defaults = { type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } }
    expect(refusal('Pod', pod, range(defaults))).toBeUndefined()
    expect(pod.spec?.containers.map(({ resources }) => resources)).toEqual([
      { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '1Gi' } },
      { requests: { cpu: '1' }, limits: { cpu: '2', memory: '1Gi' } },
    ])
    expect(pod.metadata?.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu request for container a; cpu, memory limit for container a; memory limit for container b',
    })
    expect(pod.status?.qosClass).toBe('Burstable')
  })

  it('refuses too little, too much and too wide, all at once', () => {
    const limits = { type: 'Container', min: { cpu: '200m' }, max: { cpu: '1' }, maxLimitRequestRatio: { cpu: '4' } }
    expect(refusal('Pod', podOf(container('a', { cpu: '100m' }, { cpu: '2' })), range(limits))).toBe(
      'pods "web" is forbidden: [minimum cpu usage per Container is 200m, but request is 100m, maximum cpu usage per Container is 1, but limit is 2, cpu max limit to request ratio per Container is 4, but provided ratio is 20.000000]',
    )
    expect(refusal('Pod', podOf(container('a')), range({ type: 'Container', max: { memory: '1Gi' } }))).toBe(
      'pods "web" is forbidden: maximum memory usage per Container is 1Gi.  No limit is specified',
    )
  })

  it('adds up a pod', () => {
    const pod = podOf(container('a', { cpu: '600m' }, { cpu: '1' }), container('b', { cpu: '600m' }, { cpu: '1' }))
    expect(refusal('Pod', pod, range({ type: 'Pod', max: { cpu: '1500m' } }))).toBe(
      'pods "web" is forbidden: maximum cpu usage per Pod is 1500m, but limit is 2',
    )
  })

  it('looks at claims, also when they grow, and at pods only when they are made', () => {
    const claim = (storage: string) => ({ metadata: { name: 'web' }, spec: { resources: { requests: { storage } } } })
    const limits = range({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '5Gi' } })
    expect(refusal('PersistentVolumeClaim', claim('2Gi'), limits)).toBeUndefined()
    expect(refusal('PersistentVolumeClaim', claim('9Gi'), limits, 'UPDATE')).toBe(
      'persistentvolumeclaims "web" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 9Gi',
    )
    const tooBig = podOf(container('a', { cpu: '9' }, { cpu: '9' }))
    expect(refusal('Pod', tooBig, range({ type: 'Container', max: { cpu: '1' } }), 'UPDATE')).toBeUndefined()
  })

  it('leaves amounts that are none to validation', () => {
    expect(
      refusal('Pod', podOf(container('a', { cpu: 'much' })), range({ type: 'Container', max: { cpu: '1' } })),
    ).toBeUndefined()
  })
})
