/** Deletions as requests: options in body and query, dry runs, preconditions, collections (apiserver pkg/endpoints/handlers/delete.go). */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type InMemoryHandler, startHandler } from './testing/handler-in-memory.ts'

let handler: InMemoryHandler
beforeEach(async () => {
  handler = await startHandler()
  await handler.send('POST', 'v1/namespaces', { metadata: { name: 'shop' } })
})
afterEach(() => handler.stop())

const maps = 'v1/namespaces/shop/configmaps'
const pods = 'v1/namespaces/shop/pods'

async function createMaps(...names: string[]): Promise<void> {
  for (const name of names) await handler.send('POST', maps, { metadata: { name, labels: { name } } })
}
const createPod = (name: string) =>
  handler.send('POST', pods, { metadata: { name }, spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] } })
const namesIn = async (path: string) => {
  const { object } = await handler.send('GET', path)
  return (object.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)
}

it('takes options from the body, or else from the query', async () => {
  await createMaps('a', 'b', 'c')
  const finalizersOf = async (path: string, body?: object) =>
    (await handler.send('DELETE', `${maps}/${path}`, body)).object.metadata?.finalizers
  expect(await finalizersOf('a?propagationPolicy=Foreground')).toEqual(['foregroundDeletion'])
  expect(await finalizersOf('b?propagationPolicy=Foreground', { propagationPolicy: 'Orphan' })).toEqual(['orphan'])
  expect(await finalizersOf('c?orphanDependents=true')).toEqual(['orphan'])
})

it('understands how one said it before there were policies', async () => {
  await createMaps('a', 'b')
  const controllers = 'v1/namespaces/shop/replicationcontrollers'
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  await handler.send('POST', controllers, { metadata: { name: 'rc' }, spec: { replicas: 0, template } })
  expect((await handler.send('DELETE', `${maps}/a`, { orphanDependents: true })).object.metadata?.finalizers).toEqual([
    'orphan',
  ])
  const gone = await handler.send('DELETE', `${controllers}/rc`, { orphanDependents: false })
  expect(gone).toMatchObject({ code: 200, object: { status: 'Success' } })
  await handler.send('PATCH', `${maps}/b`, { metadata: { finalizers: ['x.org/mine'] } })
  expect((await handler.send('DELETE', `${maps}/b`, { orphanDependents: false })).code).toBe(202)
})

it('refuses options that make no sense', async () => {
  await createMaps('a')
  const refusal = async (options: object) => {
    const { code, object } = await handler.send('DELETE', `${maps}/a`, options)
    return [code, object.message]
  }
  const invalid = 'DeleteOptions.meta.k8s.io "" is invalid: '
  expect(await refusal({ orphanDependents: true, propagationPolicy: 'Orphan' })).toEqual([
    422,
    `${invalid}propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set`,
  ])
  expect(await refusal({ propagationPolicy: 'Sideways' })).toEqual([
    422,
    `${invalid}propagationPolicy: Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"`,
  ])
  expect(await refusal({ dryRun: ['Some'] })).toEqual([
    422,
    `${invalid}dryRun: Unsupported value: []string{"Some"}: supported values: "All"`,
  ])
  expect((await refusal({ gracePeriodSeconds: 'soon' }))[0]).toBe(400)
  const notOptions = [400, 'decoded object cannot be converted to DeleteOptions']
  expect(await refusal({ kind: 'Pod', metadata: { name: 'a' } })).toEqual(notOptions)
  expect(await refusal([1])).toEqual(notOptions)
  expect(await namesIn(maps)).toEqual(['a'])
})

it('deletes only the one that is meant', async () => {
  await createMaps('a')
  const { uid, resourceVersion } = (await handler.send('GET', `${maps}/a`)).object.metadata ?? {}
  const message = async (preconditions: object) =>
    (await handler.send('DELETE', `${maps}/a`, { preconditions })).object.message
  expect(await message({ uid: 'other' })).toBe(
    `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
  )
  expect(await message({ uid, resourceVersion: '1' })).toBe(
    `Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
  )
  expect(await message({ uid, resourceVersion })).toBeUndefined()
  expect(await namesIn(maps)).toEqual([])
})

it('shows what a deletion would do, and does not do it', async () => {
  await createPod('web')
  const shown = await handler.send('DELETE', `${pods}/web?dryRun=All`, { gracePeriodSeconds: 7 })
  expect(shown.object.metadata).toMatchObject({ name: 'web', deletionGracePeriodSeconds: 7 })
  expect((await handler.send('GET', `${pods}/web`)).object.metadata).not.toHaveProperty('deletionTimestamp')
})

it('deletes what a selector finds, a page, or nothing in a dry run', async () => {
  await createMaps('a', 'b', 'c', 'd')
  await handler.send('DELETE', `${maps}?dryRun=All`)
  expect(await namesIn(maps)).toEqual(['a', 'b', 'c', 'd'])
  await handler.send('DELETE', `${maps}?labelSelector=name%3Dc`)
  expect(await namesIn(maps)).toEqual(['a', 'b', 'd'])
  const { object } = await handler.send('DELETE', `${maps}?limit=2`)
  expect(object.items).toHaveLength(2)
  expect(await namesIn(maps)).toEqual(['d'])
  await handler.send('DELETE', maps, { propagationPolicy: 'Foreground' })
  expect((await handler.send('GET', `${maps}/d`)).object.metadata?.finalizers).toEqual(['foregroundDeletion'])
})

it('lets a namespace go when its finalizers are taken away', async () => {
  const gone = await handler.send('DELETE', 'v1/namespaces/shop')
  expect(gone.object).toMatchObject({ status: { phase: 'Terminating' } })
  const { object } = await handler.send('GET', 'v1/namespaces/shop')
  expect(object.metadata).not.toHaveProperty('deletionGracePeriodSeconds')
  await handler.send('PUT', 'v1/namespaces/shop/finalize', { ...object, spec: { finalizers: [] } })
  expect((await handler.send('GET', 'v1/namespaces/shop')).code).toBe(404)
})

it('evicts a pod that no budget is about, in whatever version one asks', async () => {
  await createPod('web')
  const evict = (name: string, more = {}) =>
    handler.send('POST', `${pods}/web/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name },
      ...more,
    })
  expect((await evict('other')).object.message).toBe('name in URL does not match name in Eviction object')
  expect(await evict('web', { deleteOptions: { dryRun: ['All'] } })).toMatchObject({ code: 201 })
  expect((await handler.send('GET', `${pods}/web`)).object.metadata).not.toHaveProperty('deletionTimestamp')
  await handler.send('PATCH', `${pods}/web/status`, { status: { phase: 'Running' } })
  const older = { apiVersion: 'policy/v1beta1', deleteOptions: { gracePeriodSeconds: 3 } }
  expect(await evict('web', older)).toMatchObject({ code: 201, object: { status: 'Success' } })
  const { object } = await handler.send('GET', `${pods}/web`)
  expect(object.metadata).toMatchObject({ deletionGracePeriodSeconds: 3 })
  expect(object.status).toMatchObject({
    conditions: [
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
      },
    ],
  })
  expect((await evict('web')).code).toBe(201)
})
