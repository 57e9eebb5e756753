import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import type { ApiObject } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { createAuthority } from '../cluster/pki.ts'
import type { ApiRequest, ApiResponse, HttpServer, HttpServerOptions, KindRow } from '../contracts/apiserver.ts'
import { createLog } from '../contracts/log.ts'
import { NotImplemented } from '../contracts/not-implemented.ts'
import { startHttpServer } from './http-server.ts'

const podRow: KindRow = { resource: resources.pods, verbs: ['get', 'list'], subresources: [], storagePrefix: 'pods' }
const pod = (name: string): ApiObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } })
const success: ApiResponse = { kind: 'object', code: 200, object: pod('web'), row: podRow }

const servers: HttpServer[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

/** A server whose core is the function given. */
async function start(
  handle: (request: ApiRequest) => ApiResponse | Promise<ApiResponse>,
  options: Partial<HttpServerOptions> = {},
): Promise<HttpServer> {
  const server = await startHttpServer({
    handle: async (request) => handle(request),
    kinds: [podRow],
    bindAddresses: ['127.0.0.1'],
    port: 0,
    ...options,
  })
  servers.push(server)
  return server
}

const url = (server: HttpServer, path = '/api/v1/namespaces/default/pods/web') =>
  `http://127.0.0.1:${server.port}${path}`

async function statusOf(response: Response) {
  const { kind, code, reason, message } = (await response.json()) as Record<string, unknown>
  return { httpStatus: response.status, kind, code, reason, message }
}

describe('requests', () => {
  it('reach the core as plain data', async () => {
    const seen: ApiRequest[] = []
    const server = await start((request) => {
      seen.push(request)
      return success
    })
    await fetch(url(server, '/api/v1/pods/a%2Fb/exec?command=sh&command=-c&tty=true'), {
      method: 'POST',
      headers: {
        Authorization: 'Bearer secret',
        'Content-Type': 'application/json; charset=utf-8',
        'User-Agent': 'me',
      },
      body: '{"kind":"Pod"}',
    })
    expect(seen).toMatchObject([
      {
        method: 'POST',
        path: '/api/v1/pods/a%2Fb/exec',
        query: { command: ['sh', '-c'], tty: ['true'] },
        contentType: 'application/json',
        userAgent: 'me',
        credentials: { bearerToken: 'secret' },
        body: { kind: 'Pod' },
      },
    ])
  })

  it('may have YAML bodies, or JSON bodies that do not say so', async () => {
    const bodies: unknown[] = []
    const server = await start((request) => {
      bodies.push(request.body)
      return success
    })
    await fetch(url(server), { method: 'POST', body: 'kind: Pod\n', headers: { 'Content-Type': 'application/yaml' } })
    await fetch(url(server), { method: 'PUT', body: Buffer.from('{"kind":"Pod"}') })
    expect(bodies).toEqual([{ kind: 'Pod' }, { kind: 'Pod' }])
  })

  it('cannot smuggle a prototype in', async () => {
    const bodies: unknown[] = []
    const server = await start((request) => {
      bodies.push(request.body)
      return success
    })
    await fetch(url(server), {
      method: 'POST',
      body: Buffer.from('{"a":{"__proto__":{"admin":true}},"b":{"\\u005f_proto__":1}}'),
    })
    expect(JSON.stringify(bodies)).toBe('[{"a":{},"b":{}}]')
  })

  it.each([
    ['no JSON', '{"kind"', {}, 400, 'BadRequest'],
    ['no YAML', 'a: b: c', { 'Content-Type': 'application/yaml' }, 400, 'BadRequest'],
    ['no protobuf', 'k8s', { 'Content-Type': 'application/vnd.kubernetes.protobuf' }, 400, 'BadRequest'],
    ['nested too deep', `${'['.repeat(5000)}${']'.repeat(5000)}`, {}, 400, 'BadRequest'],
    ['of an unknown type', 'x', { 'Content-Type': 'text/plain' }, 415, 'UnsupportedMediaType'],
    ['too large', `"${'x'.repeat(3 * 1024 * 1024)}"`, {}, 413, 'RequestEntityTooLarge'],
  ])('are refused with a Status when the body is %s', async (_, body, headers, code, reason) => {
    const server = await start(() => success)
    const type: Record<string, string> = { 'Content-Type': 'application/json', ...headers }
    const response = await fetch(url(server), { method: 'POST', body, headers: type })
    expect(await statusOf(response)).toMatchObject({ httpStatus: code, kind: 'Status', code, reason })
  })

  it('that are not HTTP are answered with 400, and the server goes on', async () => {
    const server = await start(() => success)
    const socket = connect(server.port, '127.0.0.1')
    socket.write('what is this\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 /)
    expect((await fetch(url(server))).status).toBe(200)
  })

  it('that take too long end with 504', async () => {
    const server = await start(() => new Promise(() => {}))
    const response = await fetch(url(server, '/api/v1/pods?timeout=1s'))
    expect(await statusOf(response)).toMatchObject({ httpStatus: 504, reason: 'Timeout' })
  })
})

describe('answers', () => {
  it('are 406 when the client accepts nothing that there is, before anything is done', async () => {
    let asked = 0
    const server = await start(() => {
      asked++
      return success
    })
    const response = await fetch(url(server), { headers: { Accept: 'application/vnd.kubernetes.protobuf' } })
    expect(await statusOf(response)).toMatchObject({ httpStatus: 406, reason: 'NotAcceptable' })
    expect(asked).toBe(0)
  })

  it('are Tables, metadata or YAML on request', async () => {
    const server = await start(() => success)
    const get = async (accept: string) => (await fetch(url(server), { headers: { Accept: accept } })).text()
    const table = JSON.parse(await get('application/json;as=Table;v=v1;g=meta.k8s.io,application/json'))
    expect(table).toMatchObject({
      kind: 'Table',
      rows: [
        {
          cells: [
            'web',
            '0/0',
            '',
            '0',
            '<unknown>',
            expect.anything(),
            expect.anything(),
            expect.anything(),
            expect.anything(),
          ],
        },
      ],
    })
    const metadata = JSON.parse(await get('application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'))
    expect(metadata).toEqual({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: pod('web').metadata,
    })
    expect(await get('application/yaml')).toContain('kind: Pod\n')
    // Typed clients ask for protobuf first and are content with JSON.
    expect(JSON.parse(await get('application/vnd.kubernetes.protobuf,application/json'))).toEqual(pod('web'))
  })

  it('are compressed when they are large and the client agrees', async () => {
    const items = Array.from({ length: 3000 }, (_, index) => pod(`web-${index}`))
    const list = { apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: '7' }, items }
    const server = await start(() => ({ kind: 'object', code: 200, object: list, row: podRow }))
    const raw = httpRequest(url(server), { headers: { 'Accept-Encoding': 'gzip' } }).end()
    const [response] = await once(raw, 'response')
    expect(response.headers['content-encoding']).toBe('gzip')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    // Items do not say again what kind they are.
    const sent = { ...list, items: items.map(({ metadata }) => ({ metadata })) }
    expect(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString())).toEqual(sent)
    const plain = await fetch(url(server), { headers: { 'Accept-Encoding': 'identity' } })
    expect(await plain.json()).toEqual(sent)
  })

  it('carry warnings as headers', async () => {
    const server = await start(() => ({ ...success, warnings: ['unknown field "spec.x"', 'é'] }) as ApiResponse)
    const response = await fetch(url(server))
    expect(response.headers.get('warning')).toBe('299 - "unknown field \\"spec.x\\"", 299 - "?"')
  })

  it('to a failure inside the core are a 500 without a stack, to a stub a 501 that names the step', async () => {
    const lines: string[] = []
    const log = createLog('test', (line) => lines.push(line))
    const failing = await start(
      () => {
        throw new TypeError('boom')
      },
      { log },
    )
    const response = await fetch(url(failing))
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({
      code: 500,
      reason: 'InternalError',
      message: 'Internal error occurred: boom',
    })
    expect(text).not.toContain('http-server')
    expect(lines).toEqual([expect.stringMatching(/error test GET .*: boom$/)])

    const stub = await start(() => {
      throw new NotImplemented('2.1', 'parseRequestInfo', 'Read the path', 'labs/02-apiserver/src/request-info.ts')
    })
    const status = await statusOf(await fetch(url(stub)))
    expect(status).toMatchObject({
      httpStatus: 501,
      message: expect.stringContaining('labs/02-apiserver/src/request-info.ts'),
    })
  })
})

describe('watches', () => {
  const added = (name: string) => ({ type: 'ADDED' as const, object: pod(name) })

  it('deliver each event as a line as soon as it happens, and tell the core when the client goes', async () => {
    let stopped = 0
    let next: (() => void) | undefined
    const server = await start(() => ({
      kind: 'watch',
      row: podRow,
      events: (async function* () {
        yield added('one')
        await new Promise<void>((resolve) => {
          next = resolve
        })
        yield added('two')
        await new Promise<void>((resolve) => {
          next = resolve
        })
      })(),
      stop() {
        stopped++
        next?.()
      },
    }))
    const client = new AbortController()
    const response = await fetch(url(server, '/api/v1/pods?watch=true'), { signal: client.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader.read()).value).toBe(`${JSON.stringify(added('one'))}\n`)
    next?.()
    expect((await reader.read()).value).toBe(`${JSON.stringify(added('two'))}\n`)
    client.abort()
    await expect.poll(() => stopped).toBeGreaterThan(0)
  })

  it('as Tables name the columns once', async () => {
    const server = await start(() => ({
      kind: 'watch',
      row: podRow,
      events: (async function* () {
        yield added('one')
        yield added('two')
        yield { type: 'ERROR' as const, object: { kind: 'Status', code: 410 } }
      })(),
      stop() {},
    }))
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
    const text = await (await fetch(url(server), { headers: { Accept: accept } })).text()
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.map(({ object }) => object.columnDefinitions?.length ?? object.columnDefinitions)).toEqual([
      9,
      null,
      undefined,
    ])
    expect(events[2]).toEqual({ type: 'ERROR', object: { kind: 'Status', code: 410 } })
  })

  it('cut off a client that does not read, and hold up nobody for it', async () => {
    let produced = 0
    let stopped = false
    const big = { kind: 'Pod', padding: 'x'.repeat(256 * 1024) }
    const server = await start(
      () => ({
        kind: 'watch',
        row: podRow,
        events: (async function* () {
          while (!stopped) {
            produced++
            yield { type: 'MODIFIED' as const, object: { ...big } }
          }
        })(),
        stop() {
          stopped = true
        },
      }),
      { stalledWatchMs: 100 },
    )
    const socket = connect(server.port, '127.0.0.1')
    socket.pause()
    socket.on('error', () => {})
    socket.write('GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => stopped, { timeout: 10_000 }).toBe(true)
    // Only what fits into the buffers between was ever asked for.
    expect(produced).toBeLessThan(100)
    socket.destroy()
  })

  it('end when the server stops', async () => {
    let end: (() => void) | undefined
    const server = await start(() => ({
      kind: 'watch',
      row: podRow,
      events: (async function* () {
        yield added('one')
        await new Promise<void>((resolve) => {
          end = resolve
        })
      })(),
      stop: () => end?.(),
    }))
    const response = await fetch(url(server))
    const text = response.text()
    await expect.poll(() => end).toBeDefined()
    await server.stop()
    expect(await text).toBe(`${JSON.stringify(added('one'))}\n`)
  })
})

describe('documents', () => {
  it.each([
    ['/healthz', 200, 'ok'],
    ['/livez', 200, 'ok'],
    [
      '/readyz?verbose',
      200,
      '[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n[+]poststarthook/rbac/bootstrap-roles ok\n[+]shutdown ok\nreadyz check passed\n',
    ],
    ['/readyz/ping', 200, 'ok'],
    ['/nosuch', 404, '404 page not found\n'],
    ['/apis/nosuch/v1', 404, '404 page not found\n'],
  ])('GET %s', async (path, code, text) => {
    const server = await start(() => ({ kind: 'document' }))
    const response = await fetch(url(server, path))
    expect([response.status, await response.text()]).toEqual([code, text])
  })

  it('of discovery come with exactly the content type that was asked for', async () => {
    const server = await start(() => ({ kind: 'document' }))
    const type = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
    const aggregated = await fetch(url(server, '/api'), { headers: { Accept: `${type},application/json` } })
    expect(aggregated.headers.get('content-type')).toBe(type)
    expect(await aggregated.json()).toMatchObject({
      kind: 'APIGroupDiscoveryList',
      items: [{ versions: [{ version: 'v1' }] }],
    })
    expect(await (await fetch(url(server, '/api'))).json()).toMatchObject({ kind: 'APIVersions', versions: ['v1'] })
  })

  it('of OpenAPI need not be fetched again', async () => {
    const server = await start(() => ({ kind: 'document' }))
    const index = await fetch(url(server, '/openapi/v3'))
    const { paths } = (await index.json()) as { paths: Record<string, { serverRelativeURL: string }> }
    const again = await fetch(url(server, '/openapi/v3'), { headers: { 'If-None-Match': index.headers.get('etag')! } })
    expect(again.status).toBe(304)
    const document = await fetch(url(server, paths['api/v1']!.serverRelativeURL))
    expect([document.status, document.headers.get('cache-control')]).toEqual([200, 'public, immutable'])
  })

  it('say when the server is not ready', async () => {
    const server = await start(() => ({ kind: 'document' }), { ready: () => false })
    expect((await fetch(url(server, '/readyz'))).status).toBe(500)
    expect((await fetch(url(server, '/livez'))).status).toBe(200)
  })
})

describe('addresses', () => {
  it('share one port', async () => {
    const server = await start(() => success, { bindAddresses: ['127.0.0.1', '127.0.0.2'] })
    for (const address of ['127.0.0.1', '127.0.0.2']) {
      expect((await fetch(`http://${address}:${server.port}/`)).status).toBe(200)
    }
  })

  it('that cannot be had leave nothing listening', async () => {
    const server = await start(() => success)
    const addresses = ['127.0.0.2', '127.0.0.1']
    await expect(start(() => success, { bindAddresses: addresses, port: server.port })).rejects.toThrow('EADDRINUSE')
    await expect(fetch(`http://127.0.0.2:${server.port}/`)).rejects.toThrow()
  })
})

describe('TLS', () => {
  it('passes on a certificate of the cluster, and refuses one of a stranger', async () => {
    const authority = await createAuthority('cluster')
    const stranger = await createAuthority('stranger')
    const serving = await authority.issue({ commonName: 'kube-apiserver', usages: ['server'], ips: ['127.0.0.1'] })
    const seen: ApiRequest['credentials'][] = []
    const tls = { certificate: serving.cert, privateKey: serving.key, clientCertificateAuthority: authority.cert }
    const server = await start(
      (request) => {
        seen.push(request.credentials)
        return success
      },
      { tls },
    )
    const get = async (client?: { cert: string; key: string }) => {
      const request = httpsRequest(`https://127.0.0.1:${server.port}/`, { ca: authority.cert, agent: false, ...client })
      const [response] = await once(request.end(), 'response')
      response.resume()
      return response.statusCode
    }
    const me = { commonName: 'me', organizations: ['system:masters', 'staff'], usages: ['client'] } as const
    expect(await get(await authority.issue(me))).toBe(200)
    expect(await get()).toBe(200)
    expect(await get(await stranger.issue(me))).toBe(401)
    const fingerprint = expect.stringMatching(/^[0-9a-f]{64}$/)
    expect(seen).toEqual([
      { certificate: { commonName: 'me', organizations: ['system:masters', 'staff'], fingerprint } },
      {},
    ])
  })
})
