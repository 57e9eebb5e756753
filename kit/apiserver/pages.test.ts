/**
 * Long lists in pages, as clients meet them: one version from the first page to the last, and what becomes of that when
 * etcd forgets it.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiObject } from '../api/objects.ts'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'

interface Page {
  readonly names: string[]
  readonly resourceVersion: string
  readonly continue?: string
  readonly remainingItemCount?: number
}

describe('pages', () => {
  let server: PlainServer
  const names = ['a', 'b', 'c', 'd', 'e']
  const path = (namespace: string, name = '') => `/api/v1/namespaces/${namespace}/configmaps${name && `/${name}`}`

  const create = (namespace: string, name: string) =>
    server.ask(path(namespace), { method: 'POST', body: { metadata: { name, labels: { odd: String(name < 'c') } } } })

  async function page(query: string, namespace = 'paged'): Promise<Page> {
    const { status, body } = await server.ask(`${path(namespace)}?${query}`)
    expect(status, body.message).toBe(200)
    const metadata = body.metadata as unknown as Omit<Page, 'names'>
    return { ...metadata, names: (body.items as ApiObject[]).map((item) => item.metadata?.name ?? '') }
  }

  beforeAll(async () => {
    server = await startPlainServer()
    for (const namespace of ['paged', 'paged-too', 'before']) {
      await server.ask('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: namespace } } })
    }
    for (const name of names) await create('paged', name)
    await create('paged-too', 'neighbour')
    await create('before', 'neighbour')
  })
  afterAll(() => server?.stop())

  it('show one version, whatever happens between them', async () => {
    const first = await page('limit=2')
    expect(first).toMatchObject({ names: ['a', 'b'], remainingItemCount: 3 })
    await create('paged', 'bb')
    await server.ask(path('paged', 'e'), { method: 'DELETE' })
    const second = await page(`limit=2&continue=${first.continue}`)
    expect(second).toMatchObject({ names: ['c', 'd'], remainingItemCount: 1, resourceVersion: first.resourceVersion })
    const third = await page(`limit=2&continue=${second.continue}`)
    expect(third).toMatchObject({ names: ['e'], resourceVersion: first.resourceVersion })
    expect(third).not.toHaveProperty('continue')
    expect(third).not.toHaveProperty('remainingItemCount')
    await server.ask(path('paged', 'bb'), { method: 'DELETE' })
    await create('paged', 'e')
  })

  it('do not tell how many are left when a selector would have to be asked', async () => {
    const first = await page('limit=1&labelSelector=odd=false')
    expect(first).not.toHaveProperty('remainingItemCount')
    expect(first.names).toEqual(['c'])
    const rest = await page(`limit=9&labelSelector=odd=false&continue=${first.continue}`)
    expect(rest.names).toEqual(['d', 'e'])
  })

  it('of any version are not cut', async () => {
    expect((await page('limit=2&resourceVersion=0')).names).toEqual(names)
  })

  it('of a given version show just that version', async () => {
    const { resourceVersion } = await page('')
    await create('paged', 'f')
    expect((await page(`limit=9&resourceVersion=${resourceVersion}`)).names).toEqual(names)
    expect((await page(`resourceVersionMatch=Exact&resourceVersion=${resourceVersion}`)).names).toEqual(names)
    const newer = await page(`resourceVersionMatch=NotOlderThan&limit=9&resourceVersion=${resourceVersion}`)
    expect(newer.names).toEqual([...names, 'f'])
    await server.ask(path('paged', 'f'), { method: 'DELETE' })
  })

  it('lead no further than the namespace that was asked about', async () => {
    const { continue: token } = await page('limit=1', 'before')
    expect(token).toBeUndefined()
    const first = await page('limit=1')
    expect((await page(`continue=${first.continue}`, 'before')).names).toEqual(
      ['kube-root-ca.crt', 'neighbour'].slice(1),
    )
    expect((await page(`continue=${first.continue}`)).names).toEqual(['b', 'c', 'd', 'e'])
  })

  it('that etcd has forgotten can be gone on with, at the price of one version', async () => {
    const first = await page('limit=2')
    const { resourceVersion } = await page('')
    await create('paged', 'dd')
    await server.etcd.compact(server.etcd.revision)

    const forgotten = await server.ask(`${path('paged')}?limit=2&continue=${first.continue}`)
    expect(forgotten.body).toMatchObject({ code: 410, reason: 'Expired', status: 'Failure' })
    expect(forgotten.body.message).toMatch(/or use the continue token in this response to retrieve the remainder/)
    const { continue: token } = forgotten.body.metadata as { continue?: string }
    const rest = await page(`continue=${token}`)
    expect(rest.names).toEqual(['c', 'd', 'dd', 'e'])
    expect(Number(rest.resourceVersion)).toBeGreaterThan(Number(first.resourceVersion))

    const exact = await server.ask(`${path('paged')}?resourceVersionMatch=Exact&resourceVersion=${resourceVersion}`)
    expect(exact.body).toMatchObject({ code: 410, message: 'The resourceVersion for the provided list is too old.' })
  })
})
