/** Steps 2.14 and 2.15 may be left out, one or both: the server does without them, and says so. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createRequestHandler } from '#apiserver/handle-request.ts'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { createContext } from '#apiserver/server.ts'
import type { ApiObject } from '../api/objects.ts'
import type { RequestHandler } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'

/** Functions that are as in a stub: by name, in the file that says so. */
const { unwritten, asStub } = await vi.hoisted(async () => {
  const { NotImplemented } = await import('../contracts/not-implemented.ts')
  const unwritten = new Set<string>()
  /** @param users functions of the same file that call the stub, which cannot be told to from outside */
  function asStub<M extends object>(
    written: M,
    step: string,
    file: string,
    symbol: keyof M & string,
    users: string[] = [],
  ): M {
    const stubbed = Object.entries(written).map(([name, value]) => {
      if (name !== symbol && !users.includes(name)) return [name, value]
      const call = (...parameters: unknown[]) => {
        if (unwritten.has(symbol)) throw new NotImplemented(step, symbol, 'Write it', `labs/02-apiserver/src/${file}`)
        return (value as (...parameters: unknown[]) => unknown)(...parameters)
      }
      return [name, call]
    })
    return Object.fromEntries(stubbed) as M
  }
  return { unwritten, asStub }
})

vi.mock(import('#apiserver/managed-fields/field-set.ts'), async (original) =>
  asStub(await original(), '2.14', 'managed-fields/field-set.ts', 'combine', ['union', 'difference', 'intersection']),
)
vi.mock(import('#apiserver/managed-fields/compare.ts'), async (original) =>
  asStub(await original(), '2.14', 'managed-fields/compare.ts', 'compareFields'),
)
vi.mock(import('#apiserver/managed-fields/update.ts'), async (original) =>
  asStub(await original(), '2.14', 'managed-fields/update.ts', 'entriesAfterUpdate'),
)
vi.mock(import('#apiserver/managed-fields/fields-of.ts'), async (original) =>
  asStub(await original(), '2.15', 'managed-fields/fields-of.ts', 'fieldsOf'),
)
vi.mock(import('#apiserver/managed-fields/merge.ts'), async (original) =>
  asStub(await original(), '2.15', 'managed-fields/merge.ts', 'mergeApplied'),
)
vi.mock(import('#apiserver/managed-fields/apply.ts'), async (original) => {
  const file = 'managed-fields/apply.ts'
  return asStub(asStub(await original(), '2.15', file, 'appliedObject'), '2.15', file, 'entriesAfterApply')
})

const BOOK = ['combine', 'compareFields', 'entriesAfterUpdate']
const APPLY = ['fieldsOf', 'mergeApplied', 'appliedObject', 'entriesAfterApply']
const MERGE = 'application/merge-patch+json'
const deployments = '/apis/apps/v1/namespaces/kube-system/deployments'
const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
}

describe('a server without', () => {
  let handle: RequestHandler
  let said: string[]
  beforeEach(async () => {
    unwritten.clear()
    said = []
    const log = { ...silentLog, error: (what: string) => said.push(what) }
    const options = { clock: new VirtualClock(), log, serviceClusterIpRange: '10.96.0.0/16' }
    const context = createContext(createSimEtcdStore(), options)
    const tokens = new Map([['admin', { name: 'admin', groups: ['system:masters'] }]])
    handle = createRequestHandler({ context, kinds: kindRows, tokens, log })
  })

  async function send(method: string, path: string, body?: unknown, contentType = 'application/json') {
    const query: Record<string, string[]> = contentType.endsWith('+yaml') ? { fieldManager: ['bob'] } : {}
    const credentials = { bearerToken: 'admin' }
    const answer = await handle({ method, path, query, contentType, userAgent: 'ann/1.0', credentials, body })
    if (answer.kind !== 'object') throw new Error('no object')
    return { code: answer.code, object: answer.object }
  }
  const apply = (body: ApiObject) => send('PATCH', `${deployments}/web`, body, 'application/apply-patch+yaml')
  const managers = ({ metadata }: ApiObject) => metadata?.managedFields?.map(({ manager }) => manager)

  /** Everything that others do to an object: the codes of the answers. */
  async function lifeOfADeployment(): Promise<number[]> {
    const { object, ...created } = await send('POST', deployments, web)
    const scaled = { ...object, spec: { ...web.spec, replicas: 2 } }
    const answers = [
      created,
      await send('PUT', `${deployments}/web`, scaled),
      await send('PATCH', `${deployments}/web`, { metadata: { labels: { app: 'web' } } }, MERGE),
      await send('PATCH', `${deployments}/web/status`, { status: { replicas: 2 } }, MERGE),
      await send('PATCH', `${deployments}/web/scale`, { spec: { replicas: 3 } }, MERGE),
      await send('GET', `${deployments}/web`),
      await send('DELETE', `${deployments}/web`),
    ]
    return answers.map(({ code }) => code)
  }

  it.each([
    ['the book', BOOK],
    ['the book and apply', [...BOOK, ...APPLY]],
    ['sets of fields', ['combine']],
    ['comparisons', ['compareFields']],
    ['apply', APPLY],
  ])('%s: whatever else is done to objects is done, and the log says once what is missing', async (_what, missing) => {
    await send('POST', '/api/v1/namespaces', { metadata: { name: 'kube-system' } })
    for (const symbol of missing) unwritten.add(symbol)
    const fine = [201, 200, 200, 200, 200, 200, 200]
    expect([await lifeOfADeployment(), await lifeOfADeployment()]).toEqual([fine, fine])
    const isBookMissing = missing.some((symbol) => BOOK.includes(symbol))
    expect(said).toEqual(isBookMissing ? ['nobody keeps book about who set which field'] : [])
  })

  it('the book: nobody is in it', async () => {
    for (const symbol of BOOK) unwritten.add(symbol)
    await send('POST', '/api/v1/namespaces', { metadata: { name: 'kube-system' } })
    const { object } = await send('POST', deployments, web)
    expect(managers(object)).toBeUndefined()
  })

  it.each([
    ['apply', APPLY, /fields-of.ts, `fieldsOf` \(step 2.15/],
    ['the book and apply', [...BOOK, ...APPLY], /`fieldsOf` \(step 2.15|`entriesAfterUpdate` \(step 2.14/],
    ['merging', ['mergeApplied', 'appliedObject'], /apply.ts, `appliedObject` \(step 2.15/],
    ['the last of apply', ['entriesAfterApply'], /apply.ts, `entriesAfterApply` \(step 2.15/],
  ])('%s: who applies learns what to write, and nothing is written', async (_what, missing, part) => {
    await send('POST', '/api/v1/namespaces', { metadata: { name: 'kube-system' } })
    for (const symbol of missing) unwritten.add(symbol)
    const labelled = { ...web, metadata: { name: 'web', labels: { mine: 'yes' } } }
    const refusal = { code: 501, object: { reason: 'NotImplemented', message: expect.stringMatching(part) } }
    expect(await apply(labelled)).toMatchObject(refusal)
    expect((await send('GET', `${deployments}/web`)).code, 'it was not created').toBe(404)
    const { object } = await send('POST', deployments, web)
    expect(await apply(labelled)).toMatchObject(refusal)
    expect((await send('GET', `${deployments}/web`)).object, 'it was not changed').toEqual(object)
  })

  it('the book: applies do not take from others what nobody can know to be theirs', async () => {
    await send('POST', '/api/v1/namespaces', { metadata: { name: 'kube-system' } })
    for (const symbol of BOOK) unwritten.add(symbol)
    const { object } = await send('POST', deployments, { ...web, spec: { ...web.spec, replicas: 2 } })
    const { code, object: answer } = await apply({ ...web, spec: { replicas: 7 } })
    expect([code, answer.message]).toEqual([501, expect.stringContaining('(step 2.14')])
    expect((await send('GET', `${deployments}/web`)).object).toEqual(object)
  })
})
