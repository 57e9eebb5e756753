/**
 * What kube-scheduler and kube-controller-manager 1.32 do besides what was recorded of them: they elect a leader, make
 * themselves accounts and tokens, bind pods and say why they could not, with no more rights than upstream gives them.
 *
 * Source: kubernetes `pkg/scheduler`, `cmd/kube-controller-manager/app`, client-go `tools/leaderelection`.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlainServer, startPlainServer, type WireRequest } from './testing/plain-server.ts'

const SCHEDULER = 'system:kube-scheduler'
const MANAGER = 'system:kube-controller-manager'
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases'
const STRATEGIC = 'application/strategic-merge-patch+json'

let server: PlainServer
beforeAll(async () => {
  const user = (name: string) => [name, { name, groups: ['system:authenticated'] }] as const
  server = await startPlainServer(new Map([user(SCHEDULER), user(MANAGER)]))
  const create = (path: string, body: object) => server.ask(path, { method: 'POST', body })
  await create('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
  await create('/api/v1/nodes', { metadata: { name: 'node-1' } })
  for (const name of ['fits', 'waits', 'yields']) {
    const spec = { containers: [{ name: 'c', image: 'i' }] }
    const { status, body } = await create('/api/v1/namespaces/default/pods', { metadata: { name }, spec })
    expect(status, body.message).toBe(201)
  }
})
afterAll(() => server?.stop())

/** One request of a component; answers with the code, and the words when it was refused. */
async function as(component: string, method: string, path: string, body?: object, contentType = 'application/json') {
  const headers = { Authorization: `Bearer ${component}`, ...(body && { 'Content-Type': contentType }) }
  const request: WireRequest = { method, headers, ...(body && { body }) }
  const answer = await server.ask(path, request)
  return { ...answer, said: answer.status < 400 ? answer.status : `${answer.status} ${answer.body.message}` }
}

describe.each([
  [SCHEDULER, 'kube-scheduler'],
  [MANAGER, 'kube-controller-manager'],
])('%s', (component, lease) => {
  it('becomes the leader, and stays it by renewing what it has read', async () => {
    const spec = {
      holderIdentity: `${lease}_1`,
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    }
    expect((await as(component, 'GET', `${LEASES}/${lease}`)).status).toBe(404)
    const made = await as(component, 'POST', LEASES, { metadata: { name: lease, namespace: 'kube-system' }, spec })
    expect(made.said).toBe(201)
    const renewed = { ...made.body, spec: { ...spec, renewTime: '2026-01-01T00:00:02.000000Z' } }
    expect((await as(component, 'PUT', `${LEASES}/${lease}`, renewed)).said).toBe(200)
    const rival = { ...made.body, spec: { ...spec, holderIdentity: `${lease}_2` } }
    expect((await as(component, 'PUT', `${LEASES}/${lease}`, rival)).status, 'a rival that read before').toBe(409)
  })
})

describe('kube-scheduler', () => {
  const pods = '/api/v1/namespaces/default/pods'

  it('binds a pod, once', async () => {
    const binding = {
      kind: 'Binding',
      apiVersion: 'v1',
      metadata: { name: 'fits', namespace: 'default', uid: (await server.ask(`${pods}/fits`)).body.metadata?.uid },
      target: { kind: 'Node', name: 'node-1' },
    }
    expect((await as(SCHEDULER, 'POST', `${pods}/fits/binding`, binding)).said).toBe(201)
    const again = await as(SCHEDULER, 'POST', `${pods}/fits/binding`, binding)
    expect(again.said).toBe(
      '409 Operation cannot be fulfilled on pods/binding "fits": pod fits is already assigned to node "node-1"',
    )
    const { spec, status } = (await server.ask(`${pods}/fits`)).body as unknown as {
      spec: { nodeName: string }
      status: { conditions: object[] }
    }
    expect(spec.nodeName).toBe('node-1')
    expect(status.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }])
  })

  it('refuses to bind another pod of that name', async () => {
    const metadata = { name: 'waits', namespace: 'default', uid: 'another' }
    const { said } = await as(SCHEDULER, 'POST', `${pods}/waits/binding`, { metadata, target: { name: 'node-1' } })
    expect(said).toMatch(/^409 .*the UID in the precondition \(another\) does not match the UID in record/)
  })

  it('says why a pod waits, whom it would have to make room for it, and that somebody had to go', async () => {
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/1 nodes are available: 1 Insufficient cpu.',
    }
    const status = {
      '$setElementOrder/conditions': [{ type: 'PodScheduled' }],
      conditions: [{ ...condition, lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:00Z' }],
      nominatedNodeName: 'node-1',
    }
    const waiting = await as(SCHEDULER, 'PATCH', `${pods}/waits/status`, { status }, STRATEGIC)
    expect(waiting.said).toBe(200)
    expect(waiting.body.status).toMatchObject({ conditions: [condition], nominatedNodeName: 'node-1' })

    const target = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message: 'preempted' }
    const disrupted = { conditions: [{ ...target, lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:00Z' }] }
    expect((await as(SCHEDULER, 'PATCH', `${pods}/yields/status`, { status: disrupted }, STRATEGIC)).said).toBe(200)
    expect((await as(SCHEDULER, 'DELETE', `${pods}/yields`)).said).toBe(200)
  })

  it('may do no more than that', async () => {
    expect((await as(SCHEDULER, 'POST', pods, { metadata: { name: 'own' } })).status).toBe(403)
    expect((await as(SCHEDULER, 'GET', '/api/v1/secrets')).status).toBe(403)
  })
})

describe('kube-controller-manager', () => {
  it('makes its controllers accounts, and asks for tokens with which each works', async () => {
    const accounts = '/api/v1/namespaces/kube-system/serviceaccounts'
    const metadata = { name: 'replicaset-controller', namespace: 'kube-system' }
    expect((await as(MANAGER, 'POST', accounts, { metadata })).said).toBe(201)
    const spec = { expirationSeconds: 3600, audiences: null }
    const body = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: {}, spec }
    const answer = await as(MANAGER, 'POST', `${accounts}/replicaset-controller/token`, body)
    expect(answer.said).toBe(201)
    const { token } = answer.body.status as { token: string }
    expect((await as(token, 'GET', '/apis/apps/v1/replicasets')).said).toBe(200)
    expect((await as(token, 'GET', '/api/v1/secrets')).status).toBe(403)
  })

  it('asks who a token is, and what somebody may do', async () => {
    const review = { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec: { token: MANAGER } }
    const who = await as(MANAGER, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', review)
    expect(who.body.status).toMatchObject({ authenticated: true, user: { username: MANAGER } })
    const access = {
      kind: 'SubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      spec: { user: SCHEDULER, resourceAttributes: { verb: 'list', resource: 'nodes' } },
    }
    const may = await as(MANAGER, 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', access)
    expect(may.body.status).toMatchObject({ allowed: true })
  })
})
