/**
 * Our whole API server without TLS and with its state in memory: for tests that look at what goes over the wire.
 */
import { generateKeyPairSync } from 'node:crypto'
import { startApiServer } from '#apiserver/server.ts'
import type { ApiObject } from '../../api/objects.ts'

import type { UserInfo } from '../../contracts/apiserver.ts'
import { silentLog } from '../../contracts/log.ts'
import { createSimEtcdStore, type SimEtcdStore } from '../../sim/etcd-store.ts'
import { eventually } from '../../testing/eventually.ts'

export interface WireAnswer {
  readonly status: number
  readonly headers: Headers
  /** Parsed where it is JSON. */
  readonly body: ApiObject & { readonly reason?: string; readonly message?: string; readonly code?: number }
  readonly text: string
}

export interface WireRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface PlainServer {
  /** "http://127.0.0.1:40123" */
  readonly url: string
  readonly etcd: SimEtcdStore
  /** As the administrator, unless the headers name another token. */
  ask(path: string, request?: WireRequest): Promise<WireAnswer>
  /** The events of a watch until it ends, or there are so many of them, or the one that is waited for has come. */
  watch(
    path: string,
    enough?: number | ((line: WatchLine) => boolean),
    headers?: Readonly<Record<string, string>>,
  ): Promise<WatchLine[]>
  stop(): Promise<void>
}

export interface WatchLine {
  readonly type: string
  readonly object: ApiObject
}

/** @param users by their token, besides the administrator's, which is "admin" */
export async function startPlainServer(users: ReadonlyMap<string, UserInfo> = new Map()): Promise<PlainServer> {
  const etcd = createSimEtcdStore()
  const server = await startApiServer({
    etcd,
    bindAddresses: ['127.0.0.1'],
    port: 0,
    advertiseAddress: '127.0.0.1',
    serviceClusterIpRange: '10.96.0.0/16',
    tokens: new Map([['admin', { name: 'admin', groups: ['system:masters'] }], ...users]),
    accountTokens: {
      issuer: 'https://kubernetes.default.svc',
      signingKey: generateKeyPairSync('ec', { namedCurve: 'P-256' })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    },
    log: silentLog,
  })
  const url = `http://127.0.0.1:${server.port}`
  const withToken = (headers: WireRequest['headers']) => ({ Authorization: 'Bearer admin', ...headers })

  const ask: PlainServer['ask'] = async (path, { method = 'GET', headers, body } = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: withToken({ ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== ''
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : {}, text }
  }

  const watch: PlainServer['watch'] = async (path, enough = Number.POSITIVE_INFINITY, headers) => {
    const isEnough = (line: WatchLine) => (typeof enough === 'number' ? lines.length >= enough : enough(line))
    const controller = new AbortController()
    const response = await fetch(url + path, { headers: withToken(headers), signal: controller.signal })
    const lines: WatchLine[] = []
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const [last = '', ...whole] = (rest + decoder.decode(chunk, { stream: true })).split('\n').reverse()
      rest = last
      lines.push(...whole.reverse().map((line) => JSON.parse(line) as WatchLine))
      const [newest] = lines.slice(-1)
      if (newest && isEnough(newest)) break
    }
    controller.abort()
    return lines
  }

  await eventually(async () => {
    if ((await ask('/api/v1/namespaces/default')).status !== 200) throw new Error('no namespace appeared')
  })
  return { url, etcd, ask, watch, stop: () => server.stop() }
}
