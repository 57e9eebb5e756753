/** Before step 2.13 pods run as somebody, and cannot show it; that is no reason not to run. */
import { expect, it, vi } from 'vitest'
import { createRequestHandler } from '#apiserver/handle-request.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { createContext } from '#apiserver/server.ts'
import { silentLog } from '../contracts/log.ts'
import { NotImplemented } from '../contracts/not-implemented.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'

vi.mock(import('#apiserver/admission/service-account.ts'), async (original) => ({
  ...(await original()),
  withTokenVolume: () => {
    const file = 'labs/02-apiserver/src/admission/service-account.ts'
    throw new NotImplemented('2.13', 'withTokenVolume', 'Bring the token into every container', file)
  },
}))

it('a pod is created with an account and without a token while nobody has written how it gets one', async () => {
  const options = { clock: new VirtualClock(), log: silentLog, serviceClusterIpRange: '10.96.0.0/16' }
  const context = createContext(createSimEtcdStore(), options)
  const tokens = new Map([['admin', { name: 'admin', groups: ['system:masters'] }]])
  const handle = createRequestHandler({ context, kinds: kindRows, tokens, log: silentLog })
  const create = async (path: string, body: unknown) => {
    const contentType = 'application/json'
    const credentials = { bearerToken: 'admin' }
    const answer = await handle({ method: 'POST', path: `/api/v1/${path}`, query: {}, contentType, credentials, body })
    if (answer.kind !== 'object') throw new Error('no object')
    return answer
  }
  await create('namespaces', { metadata: { name: 'shop' } })
  await create('namespaces/shop/serviceaccounts', { metadata: { name: 'default' } })
  const containers = [{ name: 'web', image: 'web:1' }]
  const { code, object } = await create('namespaces/shop/pods', { metadata: { name: 'web' }, spec: { containers } })
  expect([code, object]).toMatchObject([201, { spec: { serviceAccountName: 'default' } }])
  expect(object).not.toHaveProperty('spec.volumes')
})
