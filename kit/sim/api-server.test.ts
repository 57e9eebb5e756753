import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Namespace, Pod, Stored } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { StatusError } from '../api/status-error.ts'
import { startListWatch } from '../client/list-watch.ts'
import type { ListWatch } from '../contracts/list-watch.ts'
import { type SimApiServer, startSimApiServer } from './api-server.ts'

let server: SimApiServer
let listWatch: ListWatch<Pod> | undefined

beforeEach(async () => {
  server = await startSimApiServer()
})
afterEach(async () => {
  listWatch?.stop()
  await server.stop()
})

const pod = (name: string, spec: object = {}): Pod => ({
  metadata: { name, namespace: 'default' },
  spec: { containers: [], ...spec },
})

describe('the simulated API server and the client', () => {
  it('creates, reads, updates and refuses a stale update', async () => {
    const client = server.client()
    const created = await client.create<Pod>(resources.pods, pod('a'))
    expect(created.metadata.uid).toMatch(/-/)
    await client.update<Pod>(resources.pods, {
      ...created,
      metadata: { ...created.metadata, labels: { x: 'y' } },
    } as Pod)
    await expect(client.update(resources.pods, created)).rejects.toMatchObject({ reason: 'Conflict', code: 409 })
    expect((await client.get<Pod>(resources.pods, { namespace: 'default', name: 'a' })).metadata.labels).toEqual({
      x: 'y',
    })
  })

  it('generates names, and says NotFound and AlreadyExists', async () => {
    const client = server.client()
    const created = await client.create<Pod>(resources.pods, {
      metadata: { generateName: 'web-', namespace: 'default' },
    })
    expect(created.metadata.name).toMatch(/^web-.{5}$/)
    await expect(client.get(resources.pods, { namespace: 'default', name: 'nope' })).rejects.toMatchObject({
      reason: 'NotFound',
    })
    await expect(client.create(resources.pods, pod(created.metadata.name))).rejects.toMatchObject({
      reason: 'AlreadyExists',
    })
  })

  it('keeps status apart from the object, and merges conditions in a strategic patch', async () => {
    const client = server.client()
    await client.create(resources.pods, pod('a'))
    const ref = { namespace: 'default', name: 'a', subresource: 'status' }
    for (const type of ['Ready', 'Initialized']) {
      await client.patch(resources.pods, ref, 'application/strategic-merge-patch+json', {
        status: { conditions: [{ type, status: 'True' }] },
      })
    }
    const read = await client.get<Pod>(resources.pods, { namespace: 'default', name: 'a' })
    expect(read.status?.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Initialized'])
    expect(read.metadata.generation).toBe(1)
  })

  it('binds a pod once', async () => {
    const client = server.client()
    await client.create(resources.pods, pod('a'))
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'a' },
      target: { kind: 'Node', name: 'node-1' },
    }
    const ref = { namespace: 'default', name: 'a', subresource: 'binding' }
    await client.create(resources.pods, binding, ref)
    await expect(client.create(resources.pods, binding, ref)).rejects.toMatchObject({ reason: 'Conflict' })
    expect((await client.get<Pod>(resources.pods, { namespace: 'default', name: 'a' })).spec?.nodeName).toBe('node-1')
  })

  it('lets a running pod go only when its grace period is confirmed as over', async () => {
    const client = server.client()
    await client.create(resources.pods, pod('a', { nodeName: 'node-1' }))
    const ref = { namespace: 'default', name: 'a' }
    await client.delete(resources.pods, ref)
    expect((await client.get<Pod>(resources.pods, ref)).metadata.deletionGracePeriodSeconds).toBe(30)
    await client.delete(resources.pods, ref, { gracePeriodSeconds: 0 })
    await expect(client.get(resources.pods, ref)).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('keeps a deleted object until its finalizers are gone, and a namespace until it is finalized', async () => {
    const client = server.client()
    const created = await client.create<Namespace>(resources.namespaces, { metadata: { name: 'n' } })
    await client.delete(resources.namespaces, { name: 'n' })
    const terminating = await client.get<Namespace>(resources.namespaces, { name: 'n' })
    expect(terminating.status?.phase).toBe('Terminating')
    await client.update(resources.namespaces, { ...terminating, spec: { finalizers: [] } }, 'finalize')
    await expect(client.get(resources.namespaces, { name: created.metadata.name })).rejects.toMatchObject({
      reason: 'NotFound',
    })
  })

  it('shows a watcher objects that start and stop matching its selector', async () => {
    const client = server.client()
    const seen: string[] = []
    listWatch = startListWatch<Pod>({
      client,
      resource: resources.pods,
      fieldSelector: 'spec.nodeName=node-1',
      handlers: {
        added: (one) => seen.push(`+${one.metadata.name}`),
        deleted: (one) => seen.push(`-${one.metadata.name}`),
      },
    })
    await listWatch.synced
    await client.create(resources.pods, pod('a'))
    await client.create(resources.pods, pod('b', { nodeName: 'node-1' }))
    await client.delete(resources.pods, { namespace: 'default', name: 'b' }, { gracePeriodSeconds: 0 })
    await eventually(() => seen.length === 2)
    expect(seen).toEqual(['+b', '-b'])
  })

  it('resumes a list-watch after lost connections, and lists again after Expired, missing nothing', async () => {
    const client = server.client()
    listWatch = startListWatch<Pod>({ client, resource: resources.pods })
    await listWatch.synced
    await client.create(resources.pods, pod('a'))
    await eventually(() => names(listWatch) === 'a')
    server.dropConnections()
    const other = server.client()
    await other.create(resources.pods, pod('b'))
    await other.delete(resources.pods, { namespace: 'default', name: 'a' })
    server.store.compact()
    await eventually(() => names(listWatch) === 'b')
  })

  it('answers with the fault that a test asked for, once', async () => {
    const client = server.client()
    server.failNext(new StatusError(503, 'ServiceUnavailable', 'down'), ({ method }) => method === 'POST')
    await expect(client.create(resources.pods, pod('a'))).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
    await client.create(resources.pods, pod('a'))
    expect(server.writes).toHaveLength(2)
  })
})

function names(list: ListWatch<Pod> | undefined): string {
  return (list?.list() ?? []).map((one: Stored<Pod>) => one.metadata.name).join()
}

/** Waits for a condition that only real sockets can bring about; Vitest's own time-out bounds it. */
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
