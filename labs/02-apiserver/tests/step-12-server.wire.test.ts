/**
 * The whole server over HTTP, with the client that all components use: on an etcd in memory, and on a real one.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startApiServer } from '#apiserver/server.ts'
import type { ApiObject, Deployment, Pod, Service, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import { createApiClient } from '#kit/client/api-client.ts'
import type { ApiClient, WatchEvent } from '#kit/contracts/api-client.ts'
import type { HttpServer } from '#kit/contracts/apiserver.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { type RealEtcd, startRealEtcd } from '#kit/etcd-api/real-etcd.ts'
import { createSimEtcdStore } from '#kit/sim/etcd-store.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'

const USERS = new Map([
  ['admin', { name: 'admin', groups: ['system:masters'] }],
  ['scheduler', { name: 'system:kube-scheduler', groups: [] }],
  ['node-1', { name: 'system:node:node-1', groups: ['system:nodes'] }],
  ['nobody', { name: 'nobody', groups: [] }],
])

const podOf = (name: string, more: Partial<Pod['spec'] & object> = {}): ApiObject => ({
  metadata: { name, namespace: 'default', labels: { app: name } },
  spec: { containers: [{ name: 'main', image: 'web:1' }], ...more },
})

describe('the server on an etcd in memory', () => {
  serverSuite(async () => ({ etcd: createSimEtcdStore(), stop: async () => {} }))
})

describeWith(['etcd'], 'the server on a real etcd', () => {
  let etcd: RealEtcd | undefined
  serverSuite(async () => {
    etcd = await startRealEtcd()
    return { etcd: { endpoints: [etcd.endpoint] }, stop: () => etcd!.stop() }
  })
})

type Etcd = Parameters<typeof startApiServer>[0]['etcd']

function serverSuite(startEtcd: () => Promise<{ etcd: Etcd; stop(): Promise<void> }>): void {
  let server: HttpServer
  let admin: ApiClient
  const clients: ApiClient[] = []
  let stopEtcd = async () => {}

  const clientOf = (token: string | undefined) => {
    const client = createApiClient({ server: `http://127.0.0.1:${server.port}`, ...(token && { token }) })
    clients.push(client)
    return client
  }

  beforeAll(async () => {
    const { etcd, stop } = await startEtcd()
    stopEtcd = stop
    server = await startApiServer({
      etcd,
      bindAddresses: ['127.0.0.1'],
      port: 0,
      advertiseAddress: '10.244.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      tokens: USERS,
      log: silentLog,
    })
    admin = clientOf('admin')
    await untilReady(admin)
    // A controller's work in a whole cluster.
    await admin.create(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  })

  afterAll(async () => {
    for (const client of clients) client.close()
    await server?.stop()
    await stopEtcd()
  })

  lesson(
    'has its namespaces and the Service kubernetes from the start',
    {
      scenario: 'A new cluster.',
      rule: 'Four namespaces, and the Service by which pods find the API server.',
      source: 'kubernetes pkg/controlplane/controller',
    },
    async () => {
      const { items } = await admin.list(resources.namespaces)
      expect(items.map(({ metadata }) => metadata.name)).toEqual([
        'default',
        'kube-node-lease',
        'kube-public',
        'kube-system',
      ])
      const service = await admin.get<Service>(resources.services, { namespace: 'default', name: 'kubernetes' })
      expect(service.spec?.clusterIP).toBe('10.96.0.1')
    },
  )

  lesson(
    'creates, defaults, updates, patches and deletes',
    {
      scenario: 'The life of a Deployment.',
      rule: 'Every answer is the object as it now is; versions grow; the generation counts wishes.',
      source: 'apiserver pkg/endpoints/handlers',
    },
    async () => {
      const labels = { app: 'life' }
      const sent = {
        metadata: { name: 'life', namespace: 'default' },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a:1' }] } },
        },
      }
      const created = await admin.create<Deployment>(resources.deployments, sent)
      expect(created.spec?.strategy?.rollingUpdate?.maxSurge).toBe('25%')
      expect(created.metadata.generation).toBe(1)
      const ref = { namespace: 'default', name: 'life' }
      const patched = await admin.patch<Deployment>(
        resources.deployments,
        ref,
        'application/strategic-merge-patch+json',
        { spec: { replicas: 3, template: { spec: { containers: [{ name: 'b', image: 'b:1' }] } } } },
      )
      expect(patched.spec?.template.spec?.containers.map(({ name }) => name)).toEqual(['b', 'a'])
      expect([patched.metadata.generation, patched.spec?.replicas]).toEqual([2, 3])
      expect(Number(patched.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion))

      await expect(admin.update(resources.deployments, created)).rejects.toMatchObject({ reason: 'Conflict' })
      const status = { ...patched, spec: { replicas: 99 }, status: { replicas: 1 } }
      const reported = await admin.update<Deployment>(resources.deployments, status as never, 'status')
      expect([reported.spec?.replicas, reported.status?.replicas, reported.metadata.generation]).toEqual([3, 1, 2])
      await admin.delete(resources.deployments, ref)
      await expect(admin.get(resources.deployments, ref)).rejects.toMatchObject({ reason: 'NotFound', code: 404 })
    },
  )

  lesson(
    'says everything that is wrong in one answer',
    {
      scenario: 'A pod with a bad name and no containers.',
      rule: 'A Status with a cause for each field.',
      source: 'apimachinery pkg/api/errors (NewInvalid)',
    },
    async () => {
      const bad = { metadata: { name: 'BAD_NAME', namespace: 'default' }, spec: { containers: [] } }
      const refusal = await admin.create(resources.pods, bad).then(
        () => expect.fail('created'),
        (error) => error,
      )
      expect(refusal).toMatchObject({ code: 422, reason: 'Invalid', details: { name: 'BAD_NAME', kind: 'Pod' } })
      expect(refusal.details.causes.map(({ field }: { field: string }) => field)).toEqual([
        'metadata.name',
        'spec.containers',
      ])
    },
  )

  lesson(
    'lets a watch see every change after a list, exactly once',
    {
      scenario:
        'List, then create, change and delete a pod, and only then watch from the list’s version with a selector.',
      rule: 'Nothing is lost between list and watch.',
      source: 'KEP-365, apiserver pkg/storage/cacher',
      timeoutMs: 20_000,
    },
    async () => {
      const { resourceVersion } = await admin.list(resources.pods)
      await admin.create(resources.pods, podOf('seen'))
      await admin.create(resources.pods, podOf('unseen'))
      await admin.patch(resources.pods, { namespace: 'default', name: 'seen' }, 'application/merge-patch+json', {
        metadata: { annotations: { a: 'b' } },
      })
      await admin.delete(resources.pods, { namespace: 'default', name: 'seen' })
      const events = await collect(
        (signal) => admin.watch(resources.pods, { resourceVersion, labelSelector: 'app=seen' }, signal),
        3,
      )
      expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
        ['ADDED', 'seen'],
        ['MODIFIED', 'seen'],
        ['DELETED', 'seen'],
      ])
    },
  )

  lesson(
    'lists in pages of one revision',
    {
      scenario: 'Seven config maps, listed three at a time, while an eighth is created.',
      rule: 'All pages show the same moment; the number of those that remain is told.',
      source: 'apiserver pkg/storage/continue.go',
    },
    async () => {
      for (let i = 0; i < 7; i++) {
        await admin.create(resources.configMaps, { metadata: { name: `page-${i}`, namespace: 'kube-public' } })
      }
      const names: string[] = []
      let token = ''
      const remaining: unknown[] = []
      do {
        const query = `limit=3${token && `&continue=${token}`}`
        const page = (await admin.raw('GET', `/api/v1/namespaces/kube-public/configmaps?${query}`)) as {
          metadata: { continue?: string; remainingItemCount?: number }
          items: Stored<ApiObject>[]
        }
        names.push(...page.items.map(({ metadata }) => metadata.name))
        remaining.push(page.metadata.remainingItemCount)
        if (!token)
          await admin.create(resources.configMaps, { metadata: { name: 'page-3a', namespace: 'kube-public' } })
        token = page.metadata.continue ?? ''
      } while (token)
      expect(names).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'page-6'])
      expect(remaining).toEqual([4, 1, undefined])
    },
  )

  lesson(
    'gives each Service an address of its own, and takes it back',
    {
      scenario: 'Ten Services at once; one asks for an address that is taken; it is deleted, and another asks again.',
      rule: 'No address twice; an address that was given back can be had.',
      source: 'kubernetes pkg/registry/core/service/ipallocator',
    },
    async () => {
      const service = (name: string, spec: object = {}) =>
        admin.create<Service>(resources.services, {
          metadata: { name, namespace: 'default' },
          spec: { ports: [{ port: 80 }], ...spec },
        })
      const made = await Promise.all(Array.from({ length: 10 }, (_, i) => service(`s-${i}`, { type: 'NodePort' })))
      const addresses = made.map(({ spec }) => spec?.clusterIP ?? '')
      expect(new Set(addresses).size).toBe(10)
      expect(new Set(made.map(({ spec }) => spec?.ports?.[0]?.nodePort)).size).toBe(10)
      await expect(service('again', { clusterIP: addresses[0] })).rejects.toMatchObject({ reason: 'Invalid' })
      await admin.delete(resources.services, { namespace: 'default', name: 's-0' })
      expect((await service('again', { clusterIP: addresses[0] })).spec?.clusterIP).toBe(addresses[0])
    },
  )

  lesson(
    'ends a pod in two acts',
    {
      scenario: 'A pod is bound to node-1 and deleted; its kubelet confirms.',
      rule: 'Binding once; deletion on record first; gone when the kubelet says so.',
      source: 'kubernetes pkg/registry/core/pod',
    },
    async () => {
      const ref = { namespace: 'default', name: 'ends' }
      await admin.create(resources.pods, podOf('ends'))
      const scheduler = clientOf('scheduler')
      const binding = { metadata: { name: 'ends' }, target: { kind: 'Node', name: 'node-1' } }
      await scheduler.create(resources.pods, binding as never, { ...ref, subresource: 'binding' })
      await expect(
        scheduler.create(resources.pods, binding as never, { ...ref, subresource: 'binding' }),
      ).rejects.toMatchObject({ reason: 'Conflict' })
      await admin.delete(resources.pods, ref)
      expect((await admin.get<Pod>(resources.pods, ref)).metadata.deletionGracePeriodSeconds).toBe(30)
      await clientOf('node-1').delete(resources.pods, ref, { gracePeriodSeconds: 0 })
      await expect(admin.get(resources.pods, ref)).rejects.toMatchObject({ reason: 'NotFound' })
    },
  )

  lesson(
    'shows one Event in two groups',
    {
      scenario: 'An event is written to events.k8s.io and read from the core group, by field.',
      rule: 'One storage, two names.',
      source: 'kubernetes pkg/registry/core/event',
    },
    async () => {
      await admin.create(resources.events, {
        metadata: { name: 'e1', namespace: 'default' },
        regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
        reason: 'Tried',
        note: 'It was tried.',
        type: 'Normal',
        reportingController: 'tester',
        reportingInstance: 't-1',
        action: 'Try',
        eventTime: '2026-01-01T00:00:00.000000Z',
      })
      const { items } = await admin.list<ApiObject>(resources.coreEvents, {
        namespace: 'default',
        fieldSelector: 'involvedObject.name=web,reason=Tried',
      })
      expect(items).toMatchObject([{ kind: 'Event', apiVersion: 'v1', message: 'It was tried.' }])
      expect(await admin.get(resources.events, { namespace: 'default', name: 'e1' })).toMatchObject({
        apiVersion: 'events.k8s.io/v1',
        note: 'It was tried.',
      })
    },
  )

  lesson(
    'asks who is there',
    {
      scenario: 'Anonymous, a known user without roles, and the scheduler ask for namespaces, version and secrets.',
      rule: 'Anonymous requests see health and version only; others what their roles allow.',
      source: 'kubernetes bootstrappolicy/policy.go',
    },
    async () => {
      const anonymous = clientOf(undefined)
      await expect(anonymous.raw('GET', '/version')).resolves.toMatchObject({ major: '1' })
      await expect(anonymous.list(resources.namespaces)).rejects.toMatchObject({
        code: 403,
        message:
          'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope',
      })
      await expect(clientOf('nobody').list(resources.pods, { namespace: 'default' })).rejects.toMatchObject({
        code: 403,
      })
      await expect(clientOf('wrong').raw('GET', '/version')).rejects.toMatchObject({ code: 401 })
      await expect(clientOf('scheduler').list(resources.pods)).resolves.toBeDefined()
      await expect(clientOf('scheduler').list(resources.secrets)).rejects.toSatisfy((error) =>
        hasReason(error, 'Forbidden'),
      )
    },
  )
}

/** The first `count` events of a watch. */
async function collect<T>(
  watch: (signal: AbortSignal) => AsyncIterable<WatchEvent<T>>,
  count: number,
): Promise<WatchEvent<T>[]> {
  const controller = new AbortController()
  const events: WatchEvent<T>[] = []
  for await (const event of watch(controller.signal)) {
    if (event.type !== 'BOOKMARK') events.push(event)
    if (events.length === count) break
  }
  controller.abort()
  return events
}

/** Until the server has made what every cluster has; a stub answers with its error at once. */
async function untilReady(client: ApiClient): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await client.get(resources.endpointSlices, { namespace: 'default', name: 'kubernetes' })
      return
    } catch (error) {
      if (hasReason(error, 'NotImplemented')) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
