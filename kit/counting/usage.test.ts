/** What single objects use of quotas (kubernetes pkg/quota/v1/evaluator/core), and the arithmetic of amounts. */
import { describe, expect, it } from 'vitest'
import type { ApiObject, ResourceQuota } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { addAmounts, namesAbove, printAmounts, sameAmounts, subtractAmounts } from './amounts.ts'
import { podAmounts } from './pod-amounts.ts'
import { isCountedAs, isInScopes, totalUsage, usageOf, whatMustBeSaid } from './usage.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const container = (name: string, requests = {}, limits = {}, more = {}) => ({
  name,
  image: 'i',
  resources: { requests, limits },
  ...more,
})
const quota = (spec: ResourceQuota['spec']): ResourceQuota => ({ spec })

describe('amounts', () => {
  it('are exact, and keep how they were written', () => {
    expect(addAmounts({ cpu: '100m', memory: '1Gi' }, { cpu: '0.2', pods: '1' })).toEqual({
      cpu: '300m',
      memory: '1Gi',
      pods: '1',
    })
    expect(subtractAmounts({ memory: '1Gi' }, { memory: '512Mi', cpu: '1' })).toEqual({ memory: '512Mi', cpu: '-1' })
    expect(sameAmounts({ cpu: '1', memory: '1Gi' }, { memory: '1024Mi', cpu: '1000m' })).toBe(true)
    expect(sameAmounts({ cpu: '1' }, { cpu: '1', memory: '0' })).toBe(false)
    expect(namesAbove({ cpu: '2', pods: '3' }, { cpu: '1500m' })).toEqual(['cpu'])
    expect(printAmounts({ 'requests.cpu': '0.1', pods: '1' })).toBe('pods=1,requests.cpu=100m')
  })
})

describe('a pod', () => {
  it('uses what its containers ask for, and at least what any init container does', () => {
    const spec = {
      containers: [container('a', { cpu: '1' }, { cpu: '2' }), container('b', { cpu: '500m' })],
      initContainers: [
        container('sidecar', { cpu: '100m' }, {}, { restartPolicy: 'Always' }),
        container('setup', { cpu: '3' }),
      ],
      overhead: { cpu: '10m', memory: '1Mi' },
    }
    expect(podAmounts(spec, 'requests')).toEqual({ cpu: '3110m', memory: '1Mi' })
    expect(podAmounts(spec, 'limits')).toEqual({ cpu: '2010m' })
  })

  it('uses only its place in the store when it has finished, or should have ended', () => {
    const spec = { containers: [container('a', { cpu: '1', 'example.com/gpu': '2' }, { memory: '1Gi' })] }
    const usage = (pod: ApiObject) => usageOf(resources.pods, pod, NOW_MS)
    const alive = {
      'count/pods': '1',
      pods: '1',
      cpu: '1',
      'requests.cpu': '1',
      'limits.memory': '1Gi',
      'requests.example.com/gpu': '2',
    }
    expect(usage({ spec })).toEqual(alive)
    expect(usage({ spec, status: { phase: 'Failed' } })).toEqual({ 'count/pods': '1' })
    const ending = { deletionTimestamp: '2025-12-31T23:59:50Z', deletionGracePeriodSeconds: 5 }
    expect(usage({ spec, metadata: ending })).toEqual({ 'count/pods': '1' })
    expect(usage({ spec, metadata: { ...ending, deletionGracePeriodSeconds: 30 } })).toEqual(alive)
  })

  it('must say for each container what is counted of cpu and memory', () => {
    const spec = { containers: [container('b', { cpu: '1' }), container('a')], initContainers: [container('c')] }
    const missing = (...names: string[]) => whatMustBeSaid(resources.pods, { spec }, names)
    expect(missing('requests.cpu', 'limits.memory', 'pods')).toBe(
      'must specify limits.memory for: a,b,c; requests.cpu for: a,c',
    )
    expect(missing('pods', 'requests.ephemeral-storage')).toBeUndefined()
  })

  it('is in the scopes that fit it, and nothing else is in any', () => {
    const pod = { spec: { activeDeadlineSeconds: 5, priorityClassName: 'high' }, status: { qosClass: 'BestEffort' } }
    const isIn = (spec: ResourceQuota['spec'], object: ApiObject = pod) =>
      isInScopes(quota(spec), resources.pods, object)
    const byClass = (operator: string, ...values: string[]) => ({
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] },
    })
    expect([
      isIn({}),
      isIn({ scopes: ['Terminating', 'BestEffort'] }),
      isIn({ scopes: ['Terminating', 'NotBestEffort'] }),
      isIn(byClass('In', 'high', 'low')),
      isIn(byClass('NotIn', 'high')),
      isIn(byClass('Exists')),
      isIn(byClass('Exists'), { spec: {} }),
      isInScopes(quota({ scopes: ['Terminating'] }), resources.configMaps, {}),
    ]).toEqual([true, true, false, true, false, true, false, false])
  })
})

describe('other kinds', () => {
  it('count for what they take', () => {
    const usage = (type: string, more = {}) =>
      usageOf(
        resources.services,
        { spec: { type, ports: [{ port: 80 }, { port: 81, nodePort: 30_000 }], ...more } },
        NOW_MS,
      )
    expect(usage('ClusterIP')).toMatchObject({
      services: '1',
      'services.nodeports': '0',
      'services.loadbalancers': '0',
    })
    expect(usage('NodePort')).toMatchObject({ 'services.nodeports': '2' })
    expect(usage('LoadBalancer')).toMatchObject({ 'services.nodeports': '2', 'services.loadbalancers': '1' })
    expect(usage('LoadBalancer', { allocateLoadBalancerNodePorts: false })).toMatchObject({ 'services.nodeports': '1' })
    const claim = { spec: { storageClassName: 'fast', resources: { requests: { storage: '1Gi' } } } }
    expect(usageOf(resources.persistentVolumeClaims, claim, NOW_MS)).toEqual({
      'count/persistentvolumeclaims': '1',
      persistentvolumeclaims: '1',
      'requests.storage': '1Gi',
      'fast.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
      'fast.storageclass.storage.k8s.io/requests.storage': '1Gi',
    })
    expect(usageOf(resources.deployments, {}, NOW_MS)).toEqual({ 'count/deployments.apps': '1' })
    expect(isCountedAs(resources.configMaps, 'configmaps')).toBe(true)
    expect(isCountedAs(resources.deployments, 'deployments')).toBe(false)
  })

  it('add up to what a quota says is used, with zeros for what nobody uses', () => {
    const objects: [(typeof resources)[keyof typeof resources], ApiObject][] = [
      [resources.configMaps, {}],
      [resources.configMaps, {}],
      [resources.pods, { spec: { containers: [] } }],
    ]
    const hard = { configmaps: '5', pods: '3', services: '1', 'requests.cpu': '1' }
    expect(totalUsage(quota({ hard }), objects, NOW_MS)).toEqual({
      configmaps: '2',
      pods: '1',
      services: '0',
      'requests.cpu': '0',
    })
  })
})
