/**
 * Bad requests, compared answer by answer with what a real API server said to them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseTokenFile } from '#apiserver/auth/authenticate.ts'
import { startApiServer } from '#apiserver/server.ts'
import type { HttpServer } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { hasRecordings, recording } from './testing/upstream.ts'

interface Recorded {
  readonly request: string
  readonly answer: { readonly httpStatus?: number; readonly text?: string; readonly message?: string } | string
}

const recorded = hasRecordings ? Object.entries(recording<Record<string, Recorded>>('error-shapes.json')) : []
const refusals = recorded.flatMap(([name, { request, answer }]) =>
  typeof answer === 'object' && answer.httpStatus ? [{ name, request, answer }] : [],
)

describe.skipIf(!hasRecordings)('bad requests', () => {
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
  })
  afterAll(() => server?.stop())

  it.each(refusals)('$name: $request', async ({ request, answer }) => {
    const [method = '', path = ''] = request.split(' ')
    const headers = { Authorization: 'Bearer secret' }
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers })
    const text = await response.text()
    const { httpStatus, text: theirText, ...theirs } = answer
    expect(response.status).toBe(httpStatus)
    if (theirText !== undefined) expect(text).toBe(theirText)
    else expect(comparable(JSON.parse(text))).toEqual(comparable(theirs))
  })
})

/** How far a server has counted, and how its language words a JSON error, is not what is compared. */
function comparable(status: { message?: string }): object {
  const message = status.message?.replace(/current: \d+/, 'current: 0').replace(/(continue key is not valid): .*/, '$1')
  return { ...status, message }
}
