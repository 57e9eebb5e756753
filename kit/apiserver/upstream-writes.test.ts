/**
 * What kubectl wrote to objects of a real API server, written to the same objects on ours: the same answer, and the same
 * fields in the same hands.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseTokenFile } from '#apiserver/auth/authenticate.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { startApiServer } from '#apiserver/server.ts'
import { storageKey } from '#apiserver/storage/keys.ts'
import { ObjectStore } from '#apiserver/storage/object-store.ts'
import type { ApiObject } from '../api/objects.ts'
import type { HttpServer } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { hasRecordings, recordedLines } from './testing/upstream.ts'

interface Exchange {
  readonly method: string
  readonly url: string
  readonly contentType?: string
  /** `text` where it was no JSON. */
  readonly request?: ApiObject & { readonly text?: string }
  readonly status: number
  readonly response?: ApiObject
}

interface Transcript {
  readonly command: string
  readonly http: readonly Exchange[]
}

interface Write extends Exchange {
  readonly command: string
  /** The object as it was before, if it was there. */
  readonly before: ApiObject | undefined
}

/** Writes to one object whose state before is known, from an answer about it in the same command or the one before. */
function writesOf(transcripts: readonly Transcript[]): Write[] {
  const lastSeen = new Map<string, ApiObject>()
  return transcripts.flatMap(({ command, http }) =>
    http.flatMap((exchange) => {
      const path = exchange.url.split('?')[0]!.replace(/\/(status|scale)$/, '')
      const before = lastSeen.get(path)
      const { response } = exchange
      if (response?.metadata?.managedFields && !exchange.url.includes('dryRun')) lastSeen.set(path, response)
      const isApply = exchange.contentType === 'application/apply-patch+yaml'
      const isWrite = exchange.method === 'PATCH' || exchange.method === 'PUT'
      const isComparable = exchange.status >= 400 || response?.metadata?.managedFields !== undefined
      return isWrite && isComparable && (before || isApply) ? [{ ...exchange, command, before }] : []
    }),
  )
}

const writes = writesOf(hasRecordings ? recordedLines<Transcript>('kubectl-transcripts.jsonl') : [])

describe.skipIf(!hasRecordings)('writes', () => {
  let server: HttpServer
  const etcd = createSimEtcdStore()
  const objects = new ObjectStore(etcd)
  beforeAll(async () => {
    server = await startApiServer({
      etcd,
      bindAddresses: ['127.0.0.1'],
      port: 0,
      advertiseAddress: '127.0.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      tokens: parseTokenFile('secret,admin,1,"system:masters"'),
      log: silentLog,
    })
  })
  afterAll(() => server?.stop())

  it('are there to be compared', () => expect(writes.length).toBeGreaterThan(25))

  it.each(writes)('$command ($method $url)', async (write) => {
    const { before, method, url, contentType = 'application/json', request, status, response: theirs } = write
    const key = keyOf(url)
    await objects.guaranteedUpdate(key, async () => ({ remove: true })).catch(() => undefined)
    const stored = before && (await objects.create(key, before))
    const version = (object?: ApiObject) => `"resourceVersion":"${object?.metadata?.resourceVersion}"`
    const body = (request?.text ?? JSON.stringify(request)).replace(version(before), version(stored))
    const response = await fetch(`http://127.0.0.1:${server.port}${url}`, {
      method,
      headers: { Authorization: 'Bearer secret', 'Content-Type': contentType, 'User-Agent': 'kubectl/v1.32.0' },
      body,
    })
    const ours = (await response.json()) as ApiObject
    expect(response.status, JSON.stringify(ours)).toBe(status)
    expect(entriesOf(ours)).toEqual(entriesOf(theirs ?? {}))
    if (status >= 400) expect(ours).toEqual(theirs)
  })
})

function keyOf(url: string): string {
  const [, group, version, namespace, plural, name] =
    /^\/(?:api|apis\/([^/]+))\/([^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)\/([^/?]+)/.exec(url) ?? []
  const row = kindRows.find(
    ({ resource }) =>
      resource.group === (group ?? '') && resource.version === version && resource.plural === (plural ?? 'namespaces'),
  )
  if (!row) throw new Error(`what is ${url}?`)
  return storageKey(row, namespace, name ?? '')
}

/**
 * The users' entries (controllers may have written between the two looks); of the times only whether there is one, since
 * the recording was made within a few seconds.
 */
function entriesOf({ metadata }: ApiObject) {
  return metadata?.managedFields
    ?.filter(({ manager }) => manager !== 'kube-controller-manager')
    .map(({ time, ...entry }) => ({ ...entry, hasTime: time !== undefined }))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
