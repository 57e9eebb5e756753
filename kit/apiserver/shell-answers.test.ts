/**
 * What upstream's components and people's tools ask of the server besides objects: is it well, is there anything new, what
 * has it been doing; and in which form they get it.
 */
import { request as httpRequest } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

describe('besides objects', () => {
  let server: PlainServer
  beforeAll(async () => {
    server = await startPlainServer()
  })
  afterAll(() => server?.stop())

  it.each(['/healthz', '/livez', '/readyz', '/healthz/ping', '/livez/etcd', '/readyz/informer-sync'])(
    'is well at %s',
    async (path) => {
      const { status, text } = await server.ask(path)
      expect({ status, text }).toEqual({ status: 200, text: 'ok' })
    },
  )

  it('tells check by check how it is', async () => {
    expect((await server.ask('/livez?verbose')).text).toBe('[+]ping ok\n[+]log ok\n[+]etcd ok\nlivez check passed\n')
    const { text } = await server.ask('/readyz?verbose&exclude=etcd&exclude=etcd-readiness&exclude=mood')
    expect(text).toContain('[+]ping ok\n[+]log ok\n[+]etcd excluded: ok\n[+]etcd-readiness excluded: ok\n')
    expect(text).toMatch(/warn: some health checks cannot be excluded: no matches for "mood"\nreadyz check passed\n$/)
    expect((await server.ask('/livez/mood')).status).toBe(404)
  })

  it('is not well when etcd does not answer, but for those who do not mind', async () => {
    const { versionOf } = server.etcd
    server.etcd.versionOf = () => Promise.reject(new Error('gone'))
    try {
      const { status, text } = await server.ask('/livez')
      expect({ status, text }).toEqual({
        status: 500,
        text: '[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\nlivez check failed\n',
      })
      expect((await server.ask('/livez/etcd')).status).toBe(500)
      expect((await server.ask('/livez?exclude=etcd')).text).toBe('ok')
    } finally {
      server.etcd.versionOf = versionOf
    }
  })

  it.each(['/api', '/apis'])('sends what is at %s only to who does not have it', async (path) => {
    const first = await server.ask(path, { headers: { Accept: AGGREGATED } })
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9A-F]{128}"$/)
    expect(first.headers.get('content-type')).toBe(AGGREGATED)
    const again = await server.ask(path, { headers: { Accept: AGGREGATED, 'If-None-Match': etag } })
    expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: '' })
    expect(again.headers.get('etag')).toBe(etag)
  })

  it('counts under the names that dashboards know', async () => {
    await server.ask('/api/v1/namespaces/default/pods/none')
    await server.ask('/api/v1/made-up-resource')
    await server.watch('/api/v1/namespaces?watch=true', 1)
    const { text, headers } = await server.ask('/metrics')
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(text).toContain(
      'apiserver_request_total{verb="GET",group="",version="v1",resource="pods",subresource="",scope="resource",dry_run="",component="apiserver",code="404"} 1',
    )
    for (const series of [
      /^apiserver_request_duration_seconds_bucket\{verb="GET",.*resource="pods",.*le="\+Inf"\} 1$/m,
      /^apiserver_current_inflight_requests\{request_kind="readOnly"\} 1$/m,
      /^apiserver_longrunning_requests\{verb="WATCH",.*resource="namespaces",.*\} [01]$/m,
      /^apiserver_watch_events_total\{group="",version="v1",kind="Namespace"\} [1-9]/m,
      /^apiserver_storage_objects\{resource="clusterroles.rbac.authorization.k8s.io"\} [1-9]/m,
      /^etcd_request_duration_seconds_count\{operation="create",type="namespaces"\} [1-9]/m,
      /^etcd_requests_total\{operation="get",type="pods"\} [1-9]/m,
    ]) {
      expect(text).toMatch(series)
    }
    expect(text).not.toContain('made-up')
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) |\w+(\{.*\})? -?[\d.e+-]+$)/)
  })

  it('writes for people when they ask, or seem to be some', async () => {
    const pretty = '{\n  "kind": "Namespace",\n  "apiVersion": "v1",\n  "metadata": {\n'
    const path = '/api/v1/namespaces/default'
    expect((await server.ask(`${path}?pretty=true`)).text.startsWith(pretty)).toBe(true)
    expect((await server.ask(path, { headers: { 'User-Agent': 'curl/8.0' } })).text.startsWith(pretty)).toBe(true)
    const plain = await server.ask(`${path}?pretty=false`, { headers: { 'User-Agent': 'curl/8.0' } })
    expect(plain.text.startsWith('{"kind":"Namespace"')).toBe(true)
  })

  it('compresses what is long, for those who can read it', async () => {
    const body = { metadata: { name: 'long' }, data: { text: 'long '.repeat(40_000) } }
    await server.ask('/api/v1/namespaces/default/configmaps', { method: 'POST', body })
    const raw = await rawAnswer(`${server.url}/api/v1/namespaces/default/configmaps`, { 'Accept-Encoding': 'gzip' })
    expect(raw.headers['content-encoding']).toBe('gzip')
    expect(JSON.parse(gunzipSync(raw.body).toString()).kind).toBe('ConfigMapList')
    const plain = await rawAnswer(`${server.url}/api/v1/namespaces/default/configmaps`, {})
    expect(plain.headers['content-encoding']).toBeUndefined()
    const short = await rawAnswer(`${server.url}/api/v1/namespaces/default`, { 'Accept-Encoding': 'gzip' })
    expect(short.headers['content-encoding']).toBeUndefined()
  })

  it('answers HEAD without a body, and OPTIONS with a refusal', async () => {
    const head = await server.ask('/api/v1/namespaces/default', { method: 'HEAD' })
    expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' })
    expect((await server.ask('/api/v1/namespaces', { method: 'OPTIONS' })).status).toBe(405)
  })
})

function rawAnswer(url: string, headers: Record<string, string>) {
  return new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    const request = httpRequest(url, { headers: { Authorization: 'Bearer admin', ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }))
    })
    request.on('error', reject)
    request.end()
  })
}
