/**
 * What kubectl created on a real API server, created on ours: the same defaults, and the same refusals word for word.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseTokenFile } from '#apiserver/auth/authenticate.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { startApiServer } from '#apiserver/server.ts'
import type { ApiObject, Pod, Service } from '../api/objects.ts'
import type { HttpServer } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { eventually } from '../testing/eventually.ts'
import { decodeProtobuf } from './protobuf/envelope.ts'
import { hasRecordings, recordedLines } from './testing/upstream.ts'

type Body = ApiObject & { readonly message?: string; readonly protobufBase64?: string }

interface Exchange {
  readonly method: string
  readonly url: string
  readonly contentType?: string
  readonly request?: Body
  readonly status: number
  readonly response?: Body
}

interface Transcript {
  readonly command: string
  readonly http: readonly Exchange[]
}

const creations = (hasRecordings ? recordedLines<Transcript>('kubectl-transcripts.jsonl') : [])
  .flatMap(({ command, http }) => http.map((exchange) => ({ command, ...exchange })))
  .filter(isComparable)

/** Of kinds that we store, where the answer does not hang on what was there before, or on who asks. */
function isComparable({ method, url, request, response }: Exchange): boolean {
  const served = kindRows.some(
    ({ resource, verbs }) => verbs.includes('list') && new RegExp(`/${resource.plural}(\\?|$)`).test(url),
  )
  const dependsOnState = /already exists|failed quota/.test(response?.message ?? '')
  return method === 'POST' && request !== undefined && served && !dependsOnState
}

/** Recorded in protobuf, or in JSON. */
function decoded(body: Exchange['response']): ApiObject {
  const { protobufBase64 } = body ?? {}
  return protobufBase64 ? decodeProtobuf(Buffer.from(protobufBase64, 'base64')) : (body ?? {})
}

describe.skipIf(!hasRecordings)('creations', () => {
  let server: HttpServer
  beforeAll(async () => {
    server = await startApiServer({
      etcd: createSimEtcdStore(),
      bindAddresses: ['127.0.0.1'],
      port: 0,
      advertiseAddress: '127.0.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      tokens: parseTokenFile('secret,admin,1,"system:masters"'),
      log: silentLog,
    })
    await untilThere(server.port, '/api/v1/namespaces/default')
    await post('/api/v1/namespaces/default/serviceaccounts', 'application/json', '{"metadata":{"name":"default"}}')
  })
  afterAll(() => server?.stop())

  it('are there to be compared', () => expect(creations.length).toBeGreaterThan(30))

  const post = (url: string, contentType: string, body: string | Buffer) =>
    fetch(`http://127.0.0.1:${server.port}${url}`, {
      method: 'POST',
      headers: { Authorization: 'Bearer secret', 'Content-Type': contentType },
      body,
    })

  it.each(creations)('$command ($url)', async ({ url, contentType = '', request, status, response: theirs }) => {
    const { protobufBase64 } = request ?? {}
    const body = protobufBase64 ? Buffer.from(protobufBase64, 'base64') : JSON.stringify(request)
    const response = await post(url, contentType, body)
    const ours = (await response.json()) as ApiObject
    expect(response.status).toBe(status)
    expect(comparable(ours)).toEqual(comparable(decoded(theirs)))
  })
})

/** Without what differs from run to run. */
function comparable(object: ApiObject): object {
  // Its uid is also in the labels of a Job.
  const text = JSON.stringify(object).replaceAll(object.metadata?.uid || 'no uid', 'a uid')
  const copy = JSON.parse(text, (_key, value) => (value === null ? undefined : value)) as ApiObject
  for (const field of ['uid', 'resourceVersion', 'creationTimestamp'])
    Reflect.deleteProperty(copy.metadata ?? {}, field)
  for (const entry of copy.metadata?.managedFields ?? []) Reflect.deleteProperty(entry, 'time')
  if (copy.kind === 'Pod') withoutRandomNames(copy as Pod)
  if (copy.kind === 'Service') withoutAddresses(copy as Service)
  return copy
}

/** The token volume has five random characters; and where the recording was made, it has a certificate more. */
function withoutRandomNames({ spec }: Pod): void {
  const named = [...(spec?.volumes ?? []), ...(spec?.containers ?? []).flatMap(({ volumeMounts = [] }) => volumeMounts)]
  for (const one of named) one.name = one.name.replace(/^(kube-api-access-).{5}$/, '$1xxxxx')
  for (const { projected } of spec?.volumes ?? []) {
    if (projected)
      projected.sources = projected.sources?.filter(({ configMap }) => !configMap?.name?.includes('openshift'))
  }
}

/** That there is an address counts, not which. */
function withoutAddresses({ spec }: Service): void {
  if (!spec) return
  if (spec.clusterIP) spec.clusterIP = 'an address'
  spec.clusterIPs = spec.clusterIPs?.map(() => 'an address')
  for (const port of spec.ports ?? []) if (port.nodePort) port.nodePort = 30_000
}

function untilThere(port: number, path: string): Promise<void> {
  return eventually(async () => {
    const { ok } = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { Authorization: 'Bearer secret' } })
    if (!ok) throw new Error(`${path} did not appear`)
  })
}
