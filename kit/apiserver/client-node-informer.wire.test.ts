/**
 * More of the official JavaScript client: patches of each type, the client that knows no kinds, watches, and informers that must begin anew.
 */
import * as k8s from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

const namespace = 'default'

describe('@kubernetes/client-node', () => {
  const store = createSimEtcdStore()
  let server: TestApiServer
  let config: k8s.KubeConfig
  let core: k8s.CoreV1Api
  beforeAll(async () => {
    // Something has happened before, and is forgotten.
    const past = [1, 2, 3].map((time) => store.put('/earlier', `${time}`))
    await store.compact(past.at(-1)!)
    server = await startTestApiServer(store)
    config = new k8s.KubeConfig()
    config.loadFromFile(server.kubectl.kubeconfig)
    core = config.makeApiClient(k8s.CoreV1Api)
  }, 60_000)
  afterAll(() => server?.stop())

  const createConfigMap = (name: string, labels: Record<string, string>, data: Record<string, string> = {}) =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels }, data } })

  it('patches in each of the ways', async () => {
    const apps = config.makeApiClient(k8s.AppsV1Api)
    const labels = { app: 'web' }
    const spec = { containers: [{ name: 'a', image: 'a:1' }] }
    await apps.createNamespacedDeployment({
      namespace,
      body: {
        metadata: { name: 'web' },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      },
    })
    const patch = (type: k8s.PatchStrategy, body: object) =>
      apps.patchNamespacedDeployment(
        { namespace, name: 'web', body, fieldManager: 'test' },
        k8s.setHeaderOptions('Content-Type', type),
      )
    const replicas = [{ op: 'replace', path: '/spec/replicas', value: 2 }]
    expect((await patch(k8s.PatchStrategy.JsonPatch, replicas)).spec?.replicas).toBe(2)
    expect((await patch(k8s.PatchStrategy.MergePatch, { spec: { replicas: 3 } })).spec?.replicas).toBe(3)
    const sidecar = { spec: { template: { spec: { containers: [{ name: 'b', image: 'b:1' }] } } } }
    const merged = await patch(k8s.PatchStrategy.StrategicMergePatch, sidecar)
    expect(merged.spec?.template.spec?.containers.map(({ name }) => name).sort()).toEqual(['a', 'b'])
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'web' })
    expect([scale.spec?.replicas, scale.status?.selector]).toEqual([3, 'app=web'])
  })

  it('knows an object by its apiVersion and kind alone', async () => {
    const objects = k8s.KubernetesObjectApi.makeApiClient(config)
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'any', namespace }, stringData: { a: 'b' } }
    await objects.create(secret)
    expect(await objects.read(secret)).toMatchObject({ type: 'Opaque', data: { a: 'Yg==' } })
    expect((await objects.list('v1', 'Secret', namespace)).items).toHaveLength(1)
    expect(await objects.delete(secret)).toMatchObject({ status: 'Success' })
    await expect(objects.read(secret)).rejects.toMatchObject({ code: 404 })
  })

  it('tells in a Status why something is refused', async () => {
    const body = { metadata: { name: 'BAD_NAME' } }
    const refused = await core
      .createNamespacedConfigMap({ namespace, body })
      .catch((error) => error as k8s.ApiException<string>)
    if (!(refused instanceof k8s.ApiException)) throw new Error('it was not refused')
    expect(refused.code).toBe(422)
    expect(JSON.parse(refused.body)).toMatchObject({ kind: 'Status', reason: 'Invalid', details: { name: 'BAD_NAME' } })
  })

  it('watches from where a list ends, and goes on from where a watch has ended', async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    const labelSelector = 'app=watch'
    const watchFrom = (resourceVersion: string | undefined, seen: string[], until: number) =>
      new Promise<string | undefined>((resolve, reject) => {
        let newest: string | undefined
        const watching = new k8s.Watch(config).watch(
          path,
          { labelSelector, resourceVersion, allowWatchBookmarks: true },
          async (type, { metadata }: k8s.V1ConfigMap) => {
            if (type === 'BOOKMARK') return
            seen.push(`${type} ${metadata?.name}`)
            newest = metadata?.resourceVersion
            if (seen.length === until) (await watching).abort()
          },
          (error: Error | null) => (error && error.name !== 'AbortError' ? reject(error) : resolve(newest)),
        )
      })
    const seen: string[] = []
    const { metadata } = await core.listNamespacedConfigMap({ namespace, labelSelector })
    const first = watchFrom(metadata?.resourceVersion, seen, 2)
    await createConfigMap('one', { app: 'watch' })
    await createConfigMap('two', { app: 'watch' })
    const newest = await first
    await core.deleteNamespacedConfigMap({ namespace, name: 'one' })
    await watchFrom(newest, seen, 3)
    expect(seen).toEqual(['ADDED one', 'ADDED two', 'DELETED one'])
  })

  it('begins an informer anew when what it knows is too old to go on from', async () => {
    await createConfigMap('gone', { app: 'inform' })
    const stale = await core.listNamespacedConfigMap({ namespace, labelSelector: 'app=inform' })
    await core.deleteNamespacedConfigMap({ namespace, name: 'gone' })
    await createConfigMap('here', { app: 'inform' })

    let lists = 0
    const listFn = async () => {
      lists++
      if (lists > 1) return core.listNamespacedConfigMap({ namespace, labelSelector: 'app=inform' })
      return { ...stale, metadata: { ...stale.metadata, resourceVersion: '1' } }
    }
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    const informer = k8s.makeInformer(config, path, listFn, 'app=inform')
    const seen: string[] = []
    informer.on('add', ({ metadata }) => seen.push(`add ${metadata?.name}`))
    informer.on('delete', ({ metadata }) => seen.push(`delete ${metadata?.name}`))
    await informer.start()
    await expect.poll(() => seen).toEqual(['add gone', 'delete gone', 'add here'])
    expect(lists).toBe(2)
    await createConfigMap('later', { app: 'inform' })
    await expect.poll(() => seen.at(-1)).toBe('add later')
    expect(informer.list().map(({ metadata }) => metadata?.name)).toEqual(['here', 'later'])
    await informer.stop()
  })
})
