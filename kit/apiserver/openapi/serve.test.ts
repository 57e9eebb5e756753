import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import type { HttpServer } from '../../contracts/apiserver.ts'
import { startHttpServer } from '../http-server.ts'

describe('OpenAPI over HTTP', () => {
  let server: HttpServer
  beforeAll(async () => {
    server = await startHttpServer({
      handle: async () => ({ kind: 'document' }),
      kinds: kindRows,
      bindAddresses: ['127.0.0.1'],
      port: 0,
    })
  })
  afterAll(() => server?.stop())

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { headers, redirect: 'manual' })
  const addressOf = async (name: string) => {
    const index = (await (await get('/openapi/v3')).json()) as { paths: Record<string, { serverRelativeURL: string }> }
    return index.paths[name]!.serverRelativeURL
  }

  it('says nothing twice to whoever remembers', async () => {
    for (const path of ['/openapi/v2', '/openapi/v3', '/openapi/v3/apis/apps/v1']) {
      const first = await get(path)
      const tag = first.headers.get('etag')!
      expect(tag).toMatch(/^"[0-9A-F]+"$/)
      expect((await get(path, { 'if-none-match': tag })).status).toBe(304)
      expect((await get(path, { 'if-none-match': '"another"' })).status).toBe(200)
    }
  })

  it('lets a document with its hash be kept for ever, and sends an old hash on to the present one', async () => {
    const address = await addressOf('api/v1')
    const fresh = await get(address)
    expect(fresh.headers.get('cache-control')).toBe('public, immutable')
    expect(Date.parse(fresh.headers.get('expires')!)).toBeGreaterThan(Date.now())
    const old = await get('/openapi/v3/api/v1?hash=ABC')
    expect([old.status, old.headers.get('location')]).toEqual([301, address])
  })

  it('has v2 in JSON and in protobuf, and in nothing else', async () => {
    const type = async (accept: string) => {
      const { status, headers } = await get('/openapi/v2', { accept })
      return [status, headers.get('content-type')?.split(';')[0]]
    }
    const protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
    expect(await type('application/json')).toEqual([200, 'application/json'])
    expect(await type('application/com.github.proto-openapi.spec.v2@v1.0+protobuf')).toEqual([200, protobuf])
    expect(await type(`${protobuf}, application/json`)).toEqual([200, protobuf])
    expect((await type('text/html'))[0]).toBe(406)
  })

  it('compresses', async () => {
    const http = await import('node:http')
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      const headers = { 'accept-encoding': 'gzip' }
      const request = http.get({ port: server.port, path: '/openapi/v2', headers }, async (response) => {
        expect(response.headers['content-encoding']).toBe('gzip')
        resolve(Buffer.concat(await response.toArray()))
      })
      request.on('error', reject)
    })
    expect(JSON.parse(gunzipSync(bytes).toString())).toMatchObject({ swagger: '2.0' })
  })
})
