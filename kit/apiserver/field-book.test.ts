/** The book about fields, on the whole core: what becomes of it in all the ways in which an object can be written. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createRequestHandler } from '#apiserver/handle-request.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { createContext } from '#apiserver/server.ts'
import type { ApiObject } from '../api/objects.ts'
import type { RequestHandler } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'

const APPLY = 'application/apply-patch+yaml'
const MERGE = 'application/merge-patch+json'
const maps = '/api/v1/namespaces/kube-system/configmaps'
const settings = `${maps}/settings`
const head = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } }

describe('the book', () => {
  let handle: RequestHandler
  let clock: VirtualClock
  let who: string
  beforeEach(async () => {
    clock = new VirtualClock()
    const context = createContext(createSimEtcdStore(), {
      clock,
      log: silentLog,
      serviceClusterIpRange: '10.96.0.0/16',
    })
    const tokens = new Map([
      ['admin', { name: 'admin', groups: ['system:masters'] }],
      ['dev', { name: 'dev', groups: [] }],
    ])
    who = 'admin'
    handle = createRequestHandler({ context, kinds: kindRows, tokens, log: silentLog })
    await send('POST', '/api/v1/namespaces', { metadata: { name: 'kube-system' } })
  })

  /** As the manager that the query names, or else "ann". */
  async function send(method: string, url: string, body?: unknown, contentType = 'application/json') {
    const [path = '', search = ''] = url.split('?')
    const parameters = new URLSearchParams(search)
    const query = Object.fromEntries([...parameters.keys()].map((key) => [key, parameters.getAll(key)]))
    const credentials = { bearerToken: who }
    const answer = await handle({ method, path, query, contentType, userAgent: 'ann/1.0', credentials, body })
    if (answer.kind !== 'object') throw new Error('no object')
    return { code: answer.code, object: answer.object }
  }
  const written = async (...request: Parameters<typeof send>) => (await send(...request)).object
  const refusal = async (...request: Parameters<typeof send>) => {
    const { code, object } = await send(...request)
    return `${code} ${object.message}`
  }
  const owners = ({ metadata }: ApiObject) =>
    Object.fromEntries((metadata?.managedFields ?? []).map(({ manager, fieldsV1 }) => [manager, fieldsV1]))

  it('is not touched by writes that change nothing, whatever their form', async () => {
    const created = await written('POST', maps, { ...head, data: { a: '1' } })
    clock.advance(5_000)
    const untouched = created.metadata?.resourceVersion
    const same = [
      await written('PUT', settings, structuredClone(created)),
      await written('PUT', `${settings}?fieldManager=bob`, { ...head, data: { a: '1' } }),
      await written('PATCH', `${settings}?fieldManager=bob`, { data: { a: '1' } }, MERGE),
    ]
    expect(same.map(({ metadata }) => metadata?.resourceVersion)).toEqual(same.map(() => untouched))
    const applied = await written('PATCH', `${settings}?fieldManager=bob`, { ...head, data: { a: '1' } }, APPLY)
    expect(applied.metadata?.resourceVersion, 'a new owner is something to write down').not.toBe(untouched)
    clock.advance(5_000)
    const again = await written('PATCH', `${settings}?fieldManager=bob`, { ...head, data: { a: '1' } }, APPLY)
    expect(again.metadata).toEqual(applied.metadata)
  })

  it('can be edited by users, and begins with theirs at a creation', async () => {
    const entry = {
      manager: 'bob',
      operation: 'Update',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} } },
    }
    const created = await written('POST', maps, {
      ...head,
      metadata: { name: 'settings', managedFields: [{ ...entry, fieldsV1: { 'f:immutable': {} } }] },
      data: { a: '1' },
    })
    expect(owners(created)).toEqual({ bob: { 'f:immutable': {} }, ann: { 'f:data': { '.': {}, 'f:a': {} } } })
    const edited = await written('PATCH', settings, { metadata: { managedFields: [entry] } }, MERGE)
    expect(owners(edited)).toEqual({ bob: entry.fieldsV1 })
  })

  it.each([
    ['an operation that is none', { operation: 'Take' }],
    ['another type of fields', { fieldsType: 'FieldsV2' }],
    ['no version', { apiVersion: '' }],
    ['fields that are no set', { fieldsV1: { spec: {} } }],
    ['keys that are no keys', { fieldsV1: { 'f:data': { 'k:{': {} } } }],
    ['values that are no values', { fieldsV1: { 'f:data': { 'v:': {} } } }],
  ])('stays as it was when what is sent makes no sense: %s', async (_what, wrong) => {
    const created = await written('POST', maps, { ...head, data: { a: '1' } })
    const entry = {
      manager: 'x',
      operation: 'Update',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: {},
      ...wrong,
    }
    const patched = await written('PATCH', settings, { metadata: { managedFields: [entry] } }, MERGE)
    expect(owners(patched)).toEqual(owners(created))
  })

  it('ends when users say so, and begins again with the first apply', async () => {
    await written('POST', maps, { ...head, data: { a: '1' } })
    const ended = await written('PATCH', settings, { metadata: { managedFields: [{}] } }, MERGE)
    expect(ended.metadata).not.toHaveProperty('managedFields')
    expect((await written('PATCH', settings, { data: { b: '1' } }, MERGE)).metadata).not.toHaveProperty('managedFields')
    const conflict = await refusal('PATCH', `${settings}?fieldManager=bob`, { ...head, data: { a: '2' } }, APPLY)
    expect(conflict).toBe('409 Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a')
    const forced = await written(
      'PATCH',
      `${settings}?fieldManager=bob&force=true`,
      { ...head, data: { a: '2' } },
      APPLY,
    )
    expect(owners(forced)).toEqual({
      bob: { 'f:data': { 'f:a': {} } },
      'before-first-apply': { 'f:data': { '.': {}, 'f:b': {} } },
    })
  })

  it('is read in the version in which it was written', async () => {
    const path = (version: string) => `/apis/autoscaling/${version}/namespaces/kube-system/horizontalpodautoscalers`
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
    const spec = { scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 50 }
    await written('POST', path('v1'), { metadata: { name: 'web' }, spec })
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
    ]
    const changed = await written('PATCH', `${path('v2')}/web?fieldManager=bob`, { spec: { metrics } }, MERGE)
    expect(changed.metadata?.managedFields).toMatchObject([
      {
        manager: 'ann',
        apiVersion: 'autoscaling/v1',
        fieldsV1: { 'f:spec': { 'f:maxReplicas': {}, 'f:minReplicas': {}, 'f:scaleTargetRef': {} } },
      },
      { manager: 'bob', apiVersion: 'autoscaling/v2', fieldsV1: { 'f:spec': { 'f:metrics': {} } } },
    ])
    expect(owners(changed).ann).not.toHaveProperty('f:spec.f:targetCPUUtilizationPercentage')
  })

  it('lets the controller of aggregated roles apply and withdraw their rules', async () => {
    const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles'
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'agg' } }
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { agg: '1' } }] }
    await written('POST', roles, { ...role, aggregationRule })
    const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]
    const url = `${roles}/agg?fieldManager=clusterrole-aggregation-controller&force=true`
    const gathered = await written('PATCH', url, { ...role, rules }, APPLY)
    expect(gathered).toMatchObject({ aggregationRule, rules })
    expect(owners(gathered)['clusterrole-aggregation-controller']).toEqual({ 'f:rules': {} })
    const withdrawn = await written('PATCH', url, role, APPLY)
    expect([withdrawn.aggregationRule, withdrawn.rules ?? []]).toEqual([aggregationRule, []])
  })

  it('creates only for those who may create, not for those who may patch', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    const rules = [{ verbs: ['patch'], apiGroups: [''], resources: ['configmaps'] }]
    await written('POST', `${rbac}/clusterroles`, { metadata: { name: 'patcher' }, rules })
    await written('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: 'patcher' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'patcher' },
      subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'dev' }],
    })
    who = 'dev'
    const url = `${settings}?fieldManager=dev`
    await expect
      .poll(() => refusal('PATCH', url, head, APPLY))
      .toBe(
        '403 configmaps "settings" is forbidden: User "dev" cannot create resource "configmaps" in API group "" in the namespace "kube-system"',
      )
    who = 'admin'
    await written('POST', maps, head)
    who = 'dev'
    expect(await written('PATCH', url, { ...head, data: { a: '1' } }, APPLY)).toMatchObject({ data: { a: '1' } })
  })

  it('refuses what is no apply', async () => {
    const apply = (query: string, body: object) => refusal('PATCH', `${settings}?${query}`, body, APPLY)
    expect(await apply('', head)).toBe(
      '422 PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    )
    expect(await apply('fieldManager=bob', { ...head, kind: 'Pod' })).toBe('400 invalid object type: /v1, Kind=Pod')
    expect(await apply('fieldManager=bob', { ...head, metadata: { managedFields: [{}] } })).toBe(
      '400 metadata.managedFields must be nil',
    )
    expect(await apply('fieldManager=bob', { ...head, metadata: { name: 'settings', uid: 'u' } })).toBe(
      '409 Operation cannot be fulfilled on configmaps "settings": uid mismatch: the provided object specified uid u, and no existing object was found',
    )
    const finalizers = ['a/b', 'a/b']
    expect(await apply('fieldManager=bob', { ...head, metadata: { name: 'settings', finalizers } })).toBe(
      '500 failed to create typed patch object (/settings; /v1, Kind=ConfigMap): .metadata.finalizers: duplicate entries for key [="a/b"]',
    )
    await written('POST', maps, head)
    expect(
      await apply('fieldManager=bob', { ...head, metadata: { name: 'settings', resourceVersion: '1' } }),
    ).toContain('409 Operation cannot be fulfilled on configmaps "settings": the object has been modified')
    expect(await refusal('PATCH', `${settings}?force=true`, {}, MERGE)).toBe(
      '422 PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    )
  })
})
