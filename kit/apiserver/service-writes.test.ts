/** Which addresses are free again when a Service is gone, by whatever way it went (kubernetes pkg/registry/core/service/storage). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'

const SERVICES = '/api/v1/namespaces/default/services'
const IP = '10.96.7.7'

let server: PlainServer
beforeAll(async () => {
  server = await startPlainServer()
})
afterAll(() => server.stop())

function create(name: string, finalizers: readonly string[] = []) {
  const metadata = { name, finalizers }
  return server.ask(SERVICES, {
    method: 'POST',
    body: { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: IP, ports: [{ port: 80 }] } },
  })
}

describe('the address of a Service', () => {
  it('is taken while the Service is there', async () => {
    expect((await create('first')).status).toBe(201)
    const refused = await create('second')
    expect(refused.status).toBe(422)
    expect(refused.body.message).toContain('provided IP is already allocated')
  })

  it('is free again when it is deleted', async () => {
    await server.ask(`${SERVICES}/first`, { method: 'DELETE' })
    expect((await create('third', ['example.com/hold'])).status).toBe(201)
  })

  it('is free again when the last finalizer lets it go', async () => {
    await server.ask(`${SERVICES}/third`, { method: 'DELETE' })
    expect((await create('fourth')).status).toBe(422)
    const headers = { 'Content-Type': 'application/merge-patch+json' }
    const body = { metadata: { finalizers: null } }
    expect((await server.ask(`${SERVICES}/third`, { method: 'PATCH', headers, body })).status).toBe(200)
    expect((await create('fourth')).status).toBe(201)
  })
})
