/**
 * Watches as upstream's clients start them, in every form: where they begin, what they show, how they end.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { ApiObject } from '../api/objects.ts'
import { type PlainServer, startPlainServer, type WatchLine } from './testing/plain-server.ts'

const WATCH_LIST = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
const PARTIAL = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const TABLE = 'application/json;as=Table;g=meta.k8s.io;v=v1'

describe('watches', () => {
  let server: PlainServer
  let namespace = ''
  let count = 0

  const maps = () => `/api/v1/namespaces/${namespace}/configmaps`
  const create = (name: string, labels = {}) =>
    server.ask(maps(), { method: 'POST', body: { metadata: { name, labels } } })
  const remove = (name: string) => server.ask(`${maps()}/${name}`, { method: 'DELETE' })
  const label = (name: string, labels: object) =>
    server.ask(`${maps()}/${name}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: { metadata: { labels } },
    })
  const newest = async () => (await server.ask(maps())).body.metadata?.resourceVersion ?? ''
  const told = (lines: readonly WatchLine[]) =>
    lines.map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`)

  beforeAll(async () => {
    server = await startPlainServer()
  })
  afterAll(() => server?.stop())
  beforeEach(async () => {
    namespace = `watched-${count++}`
    await server.ask('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: namespace } } })
    await create('old')
  })

  it.each([
    ['no version', 'watch=true'],
    ['version 0', 'watch=1&resourceVersion=0'],
    ['initial events', 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'],
  ])('begin with what is there when they start at %s', async (_, query) => {
    const watched = server.watch(`${maps()}?${query}`, 2)
    await server.watch(`${maps()}?watch=true`, 1)
    await create('new')
    expect(told(await watched)).toEqual(['ADDED old', 'ADDED new'])
  })

  it.each([
    ['asked for', () => WATCH_LIST],
    ['asked for from a version on', (version: string) => `${WATCH_LIST}&resourceVersion=${version}`],
    ['the default', () => 'watch=true&allowWatchBookmarks=true&resourceVersion=0'],
  ])('end what is there with a bookmark, when that is %s', async (_, query) => {
    const version = await newest()
    const [first, mark] = await server.watch(`${maps()}?${query(version)}`, 2)
    expect(first?.object.metadata?.name).toBe('old')
    expect(mark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1' } })
    expect(mark?.object.metadata?.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' })
    expect(Number(mark?.object.metadata?.resourceVersion)).toBeGreaterThanOrEqual(Number(version))
  })

  it.each([
    ['a version', (version: string) => `watch=true&resourceVersion=${version}`],
    ['now', () => 'watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan'],
    [
      'now, said in full',
      () => 'watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0',
    ],
  ])('show only what happens from then on when they start at %s', async (_, query) => {
    const watched = server.watch(`${maps()}?${query(await newest())}`, 2)
    // Whoever starts now must have started before anything happens: another watch that begins later has begun.
    await server.watch(`${maps()}?watch=true`, 1)
    await create('new')
    await remove('new')
    expect(told(await watched)).toEqual(['ADDED new', 'DELETED new'])
  })

  it('show with a selector what enters and leaves it, as created and deleted', async () => {
    const version = await newest()
    await create('inside', { app: 'web' })
    await label('old', { app: 'web' })
    await label('inside', { app: 'db' })
    await label('inside', { app: 'cache' })
    await remove('old')
    const lines = await server.watch(`${maps()}?watch=true&labelSelector=app=web&resourceVersion=${version}`, 4)
    expect(told(lines)).toEqual(['ADDED inside', 'ADDED old', 'DELETED inside', 'DELETED old'])
    expect(lines[2]?.object.metadata?.labels).toEqual({ app: 'web' })
    const versions = lines.map(({ object }) => Number(object.metadata?.resourceVersion))
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
  })

  it('show one object by its name, whoever else there is', async () => {
    const version = await newest()
    await create('other')
    await label('old', { seen: 'yes' })
    const lines = await server.watch(
      `${maps()}?watch=true&fieldSelector=metadata.name=old&resourceVersion=${version}`,
      1,
    )
    expect(told(lines)).toEqual(['MODIFIED old'])
  })

  it('say 410 in an event when what they missed is forgotten', async () => {
    const version = await newest()
    server.etcd.breakWatches()
    const missed = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'missed', namespace } }
    server.etcd.put(`/registry/configmaps/${namespace}/missed`, JSON.stringify(missed))
    await server.etcd.compact(server.etcd.revision)
    await server.watch(`${maps()}?watch=true&fieldSelector=metadata.name=missed`, 1)
    const [line, ...more] = await server.watch(`${maps()}?watch=true&resourceVersion=${version}`)
    expect(more).toEqual([])
    expect(line).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })
    expect(line?.object.message).toMatch(new RegExp(`^too old resource version: ${version} \\(\\d+\\)$`))
  })

  it('say 504 in an event when initial events are wanted from the future', async () => {
    const [line] = await server.watch(`${maps()}?${WATCH_LIST}&resourceVersion=99999999`)
    expect(line).toMatchObject({ type: 'ERROR', object: { code: 504, reason: 'Timeout' } })
  })

  it('end by themselves, with a last bookmark for those who want one', async () => {
    const version = await newest()
    const query = `watch=true&timeoutSeconds=1&resourceVersion=${version}`
    expect(await server.watch(`${maps()}?${query}`)).toEqual([])
    const [last] = await server.watch(`${maps()}?${query}&allowWatchBookmarks=true`)
    expect(last?.type).toBe('BOOKMARK')
    expect(Number(last?.object.metadata?.resourceVersion)).toBeGreaterThanOrEqual(Number(version))
  })

  it('can be had of metadata alone, and lists as well', async () => {
    const [added, mark] = await server.watch(`${maps()}?${WATCH_LIST}`, 2, { Accept: PARTIAL })
    expect(added?.object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' })
    expect(Object.keys(added?.object ?? {}).sort()).toEqual(['apiVersion', 'kind', 'metadata'])
    expect(mark?.object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' })
    const accept = { Accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' }
    const { body } = await server.ask(maps(), { headers: accept })
    expect(body).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' })
    expect((body.items as ApiObject[])[0]).not.toHaveProperty('data')
  })

  it('can be had as tables, which name their columns once', async () => {
    const version = await newest()
    await create('one')
    await create('two')
    const lines = await server.watch(`${maps()}?watch=true&resourceVersion=${version}`, 2, { Accept: TABLE })
    const tables = lines.map(({ object }) => object as unknown as { rows: unknown[]; columnDefinitions: unknown })
    expect(tables.map(({ rows }) => rows.length)).toEqual([1, 1])
    expect(tables[0]?.columnDefinitions).toBeInstanceOf(Array)
    expect(tables[1]?.columnDefinitions).toBeNull()
  })

  it('can be asked for by path, as it was once done', async () => {
    await create('other')
    expect(told(await server.watch(`/api/v1/watch/namespaces/${namespace}/configmaps`, 2))).toEqual([
      'ADDED old',
      'ADDED other',
    ])
    expect(told(await server.watch(`/api/v1/watch/namespaces/${namespace}/configmaps/other`, 1))).toEqual([
      'ADDED other',
    ])
    expect(told(await server.watch(`/api/v1/watch/namespaces/${namespace}`, 1))).toEqual([`ADDED ${namespace}`])
    expect((await server.watch('/apis/rbac.authorization.k8s.io/v1/watch/clusterroles', 1))[0]?.type).toBe('ADDED')
    const path = `/api/v1/watch/namespaces/${namespace}/configmaps/other`
    const { body } = await server.ask(`${path}?fieldSelector=metadata.name=old`)
    expect(body.message).toBe("fieldSelector metadata.name doesn't match requested name")
  })

  it('go over WebSockets, one event a message', async () => {
    const url = `${server.url.replace('http', 'ws')}${maps()}?watch=true`
    const socket = new WebSocket(url, { headers: { Authorization: 'Bearer admin' } })
    const lines: WatchLine[] = []
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('message', (message) => {
        lines.push(JSON.parse(String(message)) as WatchLine)
        if (lines.length === 1) void create('new')
        if (lines.length === 2) resolve()
      })
    })
    socket.close()
    expect(told(lines)).toEqual(['ADDED old', 'ADDED new'])
  })
})
