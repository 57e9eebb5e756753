/** What the core group keeps for clients of the first years, asked of the whole request handler. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ApiObject } from '../api/objects.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { type InMemoryHandler, startHandler } from './testing/handler-in-memory.ts'

let server: InMemoryHandler
let isEtcdWell: boolean
beforeEach(async () => {
  isEtcdWell = true
  const store = createSimEtcdStore()
  const versionOf = store.versionOf.bind(store)
  store.versionOf = (key) => (isEtcdWell ? versionOf(key) : Promise.reject(new Error('etcdserver: no leader')))
  server = await startHandler(store)
})
afterEach(() => server.stop())

describe('bindings (kubernetes LegacyBindingREST)', () => {
  const path = 'v1/namespaces/default/bindings'
  const binding = { metadata: { name: 'web' }, target: { kind: 'Node', name: 'node-1' } }

  beforeEach(async () => {
    await server.send('POST', 'v1/namespaces', { metadata: { name: 'default' } })
    await server.send('POST', 'v1/namespaces/default/pods', {
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    })
  })

  it('bind the pod that they name, once', async () => {
    expect(await server.send('POST', path, binding)).toMatchObject({ code: 201, object: { status: 'Success' } })
    const { object } = await server.send('GET', 'v1/namespaces/default/pods/web')
    expect(object.spec).toMatchObject({ nodeName: 'node-1' })
    expect(await server.send('POST', path, binding)).toMatchObject({
      code: 409,
      object: { message: expect.stringContaining('pod web is already assigned to node "node-1"') },
    })
  })

  it.each([
    ['POST', path, { target: binding.target }, 400],
    ['POST', path, undefined, 400],
    ['POST', path, { ...binding, metadata: { name: 'nobody' } }, 404],
    ['POST', 'v1/bindings', binding, 405],
    ['GET', path, undefined, 405],
    ['GET', `${path}/web`, undefined, 405],
  ])('%s %s %j is no binding', async (method, url, body, code) => {
    expect((await server.send(method, url, body)).code).toBe(code)
  })
})

describe('componentstatuses', () => {
  const path = 'v1/componentstatuses'
  const healthOf = ({ metadata, ...rest }: ApiObject) => {
    const [{ status, message }] = rest.conditions as [{ status: string; message: string }]
    return [metadata?.name, status, message]
  }
  const renewed = (secondsAgo: number) => ({
    holderIdentity: 'one',
    leaseDurationSeconds: 15,
    renewTime: new Date(Date.now() - secondsAgo * 1000).toISOString().replace('Z', '000Z'),
  })

  async function lease(name: string, spec: object): Promise<void> {
    await server.send('POST', 'coordination.k8s.io/v1/namespaces/kube-system/leases', { metadata: { name }, spec })
    await server.seen(`coordination.k8s.io/v1/namespaces/kube-system/leases/${name}`, () => true)
  }

  it('say of those who lead whether they renew their claim, and of etcd whether it answers', async () => {
    await server.send('POST', 'v1/namespaces', { metadata: { name: 'kube-system' } })
    await lease('kube-scheduler', renewed(2))
    await lease('kube-controller-manager', renewed(60))
    const { code, object } = await server.send('GET', path)
    expect([code, object.kind]).toEqual([200, 'ComponentStatusList'])
    expect((object.items as ApiObject[]).map(healthOf)).toEqual([
      ['scheduler', 'True', 'ok'],
      [
        'controller-manager',
        'False',
        expect.stringMatching(/^the lease kube-system\/kube-controller-manager was last/),
      ],
      ['etcd-0', 'True', 'ok'],
    ])
  })

  it('say why they do not know', async () => {
    isEtcdWell = false
    const { object } = await server.send('GET', `${path}/scheduler`)
    expect(healthOf(object)).toEqual([
      'scheduler',
      'Unknown',
      'nobody has ever taken the lease kube-system/kube-scheduler',
    ])
    expect(healthOf((await server.send('GET', `${path}/etcd-0`)).object)).toEqual([
      'etcd-0',
      'False',
      'etcd does not answer',
    ])
  })

  it.each([
    ['GET', `${path}/nobody`, 404],
    ['GET', `${path}?watch=true`, 405],
    ['DELETE', `${path}/etcd-0`, 405],
    ['POST', path, 405],
  ])('%s %s cannot be answered', async (method, url, code) => {
    expect((await server.send(method, url)).code).toBe(code)
  })

  it('can be selected', async () => {
    const { object } = await server.send('GET', `${path}?fieldSelector=metadata.name%3Detcd-0`)
    expect((object.items as ApiObject[]).map(({ metadata }) => metadata?.name)).toEqual(['etcd-0'])
  })
})
