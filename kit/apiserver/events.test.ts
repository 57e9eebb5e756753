/**
 * Events as upstream's components write and read them, in both groups; and leases as kubelets and leaders keep them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UserInfo } from '../contracts/apiserver.ts'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'

const CORE = '/api/v1/namespaces/default/events'
const NEWER = '/apis/events.k8s.io/v1/namespaces/default/events'
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
const STRATEGIC = { 'Content-Type': 'application/strategic-merge-patch+json' }

const pod = { kind: 'Pod', apiVersion: 'v1', namespace: 'default', name: 'web', uid: 'u-1' }
/** As kube-scheduler sends it. */
const scheduled = {
  metadata: { name: 'web.1', namespace: 'default' },
  eventTime: '2026-01-01T00:00:00.000001Z',
  reportingController: 'default-scheduler',
  reportingInstance: 'default-scheduler-node-1',
  action: 'Binding',
  reason: 'Scheduled',
  regarding: pod,
  note: 'Successfully assigned default/web to node-1',
  type: 'Normal',
}
/** As a kubelet sends it. */
const pulled = {
  metadata: { name: 'web.2', namespace: 'default' },
  involvedObject: { ...pod, fieldPath: 'spec.containers{web}' },
  reason: 'Pulled',
  message: 'Container image "web" already present on machine',
  source: { component: 'kubelet', host: 'node-1' },
  firstTimestamp: '2026-01-01T00:00:00Z',
  lastTimestamp: '2026-01-01T00:00:00Z',
  count: 1,
  type: 'Normal',
}

const kubelet: UserInfo = { name: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] }
const asKubelet = { Authorization: 'Bearer kubelet' }

let server: PlainServer
beforeAll(async () => {
  server = await startPlainServer(new Map([['kubelet', kubelet]]))
})
afterAll(() => server?.stop())

const post = (path: string, body: object, headers = {}) => server.ask(path, { method: 'POST', body, headers })

describe('events', () => {
  it('of one group are there in the other, word for word', async () => {
    expect((await post(NEWER, scheduled)).status).toBe(201)
    expect((await post(CORE, pulled)).status).toBe(201)
    const core = (await server.ask(`${CORE}/web.1`)).body
    expect(core).toMatchObject({
      apiVersion: 'v1',
      involvedObject: pod,
      message: scheduled.note,
      reportingComponent: 'default-scheduler',
      eventTime: scheduled.eventTime,
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
    })
    const newer = (await server.ask(`${NEWER}/web.2`)).body
    expect(newer).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      regarding: pulled.involvedObject,
      note: pulled.message,
      deprecatedSource: pulled.source,
      deprecatedCount: 1,
      deprecatedFirstTimestamp: pulled.firstTimestamp,
      eventTime: null,
    })
  })

  it('go on as a series by patches: a count here, an observed time there', async () => {
    const series = { count: 2, lastObservedTime: '2026-01-01T00:06:00.000000Z' }
    const newer = await server.ask(`${NEWER}/web.1`, { method: 'PATCH', body: { series }, headers: STRATEGIC })
    expect({ status: newer.status, series: newer.body.series }).toEqual({ status: 200, series })
    expect((await server.ask(`${CORE}/web.1`)).body.series).toEqual(series)

    const again = { count: 2, lastTimestamp: '2026-01-01T00:01:00Z', message: pulled.message }
    const core = await server.ask(`${CORE}/web.2`, { method: 'PATCH', body: again, headers: STRATEGIC })
    expect(core.body).toMatchObject({ ...again, firstTimestamp: pulled.firstTimestamp })
  })

  it('of the newer group keep saying what they said', async () => {
    const body = { reason: 'Other' }
    const { status, body: said } = await server.ask(`${NEWER}/web.1`, { method: 'PATCH', body, headers: STRATEGIC })
    expect(status).toBe(422)
    expect(said.message).toContain('reason: Invalid value: "Other": field is immutable')
  })

  it('of the newer group are refused when a reader could not make sense of them', async () => {
    const { body } = await post(NEWER, { metadata: { name: 'bare' }, regarding: pod })
    expect(body.code).toBe(422)
    const { causes = [] } = body.details as { causes?: { field: string; message: string }[] }
    expect(causes.map(({ field, message }) => `${field}: ${message}`)).toEqual([
      'eventTime: Required value',
      'reportingController: Required value',
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
      'type: Invalid value: "": has invalid value: ',
    ])
  })

  it('are in the namespace of what they are about', async () => {
    const elsewhere = { ...pulled, metadata: { name: 'lost' }, involvedObject: { ...pod, namespace: 'kube-system' } }
    const { body } = await post(CORE, elsewhere)
    expect(body.message).toContain(
      'involvedObject.namespace: Invalid value: "kube-system": does not match event.namespace',
    )
  })

  it('are found by what they are about, in the words of either group', async () => {
    const found = async (path: string) => {
      const { body } = await server.ask(path)
      return (body.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)
    }
    expect(await found(`${CORE}?fieldSelector=involvedObject.name=web,reason=Pulled`)).toEqual(['web.2'])
    expect(await found(`${CORE}?fieldSelector=source=kubelet`)).toEqual(['web.2'])
    expect(await found(`${NEWER}?fieldSelector=regarding.uid=u-1,reportingController=default-scheduler`)).toEqual([
      'web.1',
    ])
  })

  it('vanish after an hour, by a lease of etcd, and every patch begins the hour again', async () => {
    const kept = server.etcd.transactions.filter(({ compare }) => compare.key === '/registry/events/default/web.1')
    expect(kept.length).toBeGreaterThan(1)
    for (const { success } of kept) expect(success).toMatchObject({ put: { lease: expect.any(String) } })
  })
})

describe('leases', () => {
  const spec = { holderIdentity: 'node-1', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z' }

  it('of nodes are made and renewed by their kubelets', async () => {
    const created = await post(LEASES, { metadata: { name: 'node-1' }, spec }, asKubelet)
    expect(created.status, created.body.message).toBe(201)
    const renewed = { ...created.body, spec: { ...spec, renewTime: '2026-01-01T00:00:10.000000Z' } }
    const first = await server.ask(`${LEASES}/node-1`, { method: 'PUT', body: renewed, headers: asKubelet })
    expect({ status: first.status, spec: first.body.spec }).toEqual({ status: 200, spec: renewed.spec })
    const late = await server.ask(`${LEASES}/node-1`, { method: 'PUT', body: renewed, headers: asKubelet })
    expect(late.status, 'a renewal that is based on an older one').toBe(409)
  })

  it('are not overwritten by who has not read them', async () => {
    const blind = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata: { name: 'node-1' }, spec }
    const { status, body } = await server.ask(`${LEASES}/node-1`, { method: 'PUT', body: blind })
    expect({ status, message: body.message }).toEqual({
      status: 422,
      message:
        'Lease.coordination.k8s.io "node-1" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
    })
  })

  it('can be made by a PUT, and have no status', async () => {
    const body = { metadata: { name: 'leader' }, spec }
    expect((await server.ask(`${LEASES}/leader`, { method: 'PUT', body })).status).toBe(201)
    expect((await server.ask(`${LEASES}/leader/status`, { method: 'PUT', body })).status).toBe(404)
  })
})
