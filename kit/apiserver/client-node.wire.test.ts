/**
 * The official JavaScript client, unchanged, against our API server.
 */
import { PassThrough } from 'node:stream'
import * as k8s from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

describe('@kubernetes/client-node', () => {
  let server: TestApiServer
  let config: k8s.KubeConfig
  let core: k8s.CoreV1Api
  beforeAll(async () => {
    server = await startTestApiServer()
    config = new k8s.KubeConfig()
    config.loadFromFile(server.kubectl.kubeconfig)
    core = config.makeApiClient(k8s.CoreV1Api)
  }, 60_000)
  afterAll(() => server?.stop())

  const namespace = 'default'
  const configMap = (name: string, data: Record<string, string>) => ({ metadata: { name, labels: { app: 'x' } }, data })

  it('creates, reads, lists in pages, updates, patches and deletes', async () => {
    for (const name of ['a', 'b', 'c'])
      await core.createNamespacedConfigMap({ namespace, body: configMap(name, { n: '1' }) })
    const first = await core.listNamespacedConfigMap({ namespace, labelSelector: 'app=x', limit: 2 })
    const _continue = first.metadata?._continue
    const second = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'app=x',
      limit: 2,
      _continue: _continue!,
    })
    expect([...first.items, ...second.items].map(({ metadata }) => metadata?.name)).toEqual(['a', 'b', 'c'])

    const read = await core.readNamespacedConfigMap({ namespace, name: 'a' })
    await core.replaceNamespacedConfigMap({ namespace, name: 'a', body: { ...read, data: { n: '2' } } })
    const stale = core.replaceNamespacedConfigMap({ namespace, name: 'a', body: { ...read, data: { n: '3' } } })
    await expect(stale).rejects.toMatchObject({ code: 409 })

    const patch = [{ op: 'replace', path: '/data/n', value: '4' }]
    expect((await core.patchNamespacedConfigMap({ namespace, name: 'a', body: patch })).data).toEqual({ n: '4' })
    await core.deleteNamespacedConfigMap({ namespace, name: 'a' })
    await expect(core.readNamespacedConfigMap({ namespace, name: 'a' })).rejects.toMatchObject({ code: 404 })
  })

  it('keeps an informer up to date', async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    const seen: string[] = []
    const informer = k8s.makeInformer(
      config,
      path,
      () => core.listNamespacedConfigMap({ namespace, labelSelector: 'app=i' }),
      'app=i',
    )
    informer.on('add', ({ metadata }) => seen.push(`add ${metadata?.name}`))
    informer.on('update', ({ metadata }) => seen.push(`update ${metadata?.name}`))
    informer.on('delete', ({ metadata }) => seen.push(`delete ${metadata?.name}`))
    await informer.start()
    const body = { metadata: { name: 'watched', labels: { app: 'i' } }, data: { n: '1' } }
    const created = await core.createNamespacedConfigMap({ namespace, body })
    await core.replaceNamespacedConfigMap({ namespace, name: 'watched', body: { ...created, data: { n: '2' } } })
    await core.deleteNamespacedConfigMap({ namespace, name: 'watched' })
    await expect.poll(() => seen).toEqual(['add watched', 'update watched', 'delete watched'])
    await informer.stop()
  })

  it('follows logs and runs commands', async () => {
    await core.createNamespacedPod({
      namespace,
      body: { metadata: { name: 'web' }, spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'i' }] } },
    })
    expect(await core.readNamespacedPodLog({ namespace, name: 'web', tailLines: 1 })).toBe('three\n')

    const logs = textOf(new PassThrough())
    const following = await new k8s.Log(config).log(namespace, 'web', 'main', logs.stream, { follow: true })
    await expect.poll(logs.text).toMatch(/^one\ntwo\nthree\nmore\n/)
    following.abort()

    const output = textOf(new PassThrough())
    const status = await new Promise<k8s.V1Status>((resolve, reject) => {
      const command = ['echo', 'hello', 'there']
      new k8s.Exec(config)
        .exec(namespace, 'web', 'main', command, output.stream, null, null, false, resolve)
        .catch(reject)
    })
    expect([status.status, output.text()]).toEqual(['Success', 'hello there\n'])
  })
})

function textOf(stream: PassThrough) {
  let text = ''
  stream.on('data', (chunk) => {
    text += chunk
  })
  return { stream, text: () => text }
}
