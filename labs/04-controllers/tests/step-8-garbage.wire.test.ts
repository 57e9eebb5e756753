/** Deletions and their consequences, over the wire. */
import { expect } from 'vitest'
import type { Deployment, EndpointSlice, Namespace, Pod, ReplicaSet } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { onStage } from './support/stage.ts'

const web = { namespace: 'shop', name: 'web' }
const create = (client: ApiClient) =>
  client.create(resources.deployments, {
    metadata: web,
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'i' }] } },
    },
  })
const running = (count: number) => (pods: readonly Pod[]) => pods.filter(({ status }) => status?.podIP).length === count

lesson(
  'deleting a Deployment takes its ReplicaSet and pods along',
  {
    scenario: 'A Deployment with 2 running pods is deleted in the background.',
    rule: 'Nothing that it owned is left.',
    source: 'recording gc-deployment-background',
    timeoutMs: 15_000,
  },
  () =>
    onStage('4.8', async ({ server, client, manage, runPods }) => {
      await manage()
      runPods('node-1')
      await create(client)
      await server.untilList<Pod>(resources.pods, running(2))
      await client.delete(resources.deployments, web, { propagationPolicy: 'Background' })
      await server.untilList(resources.replicaSets, (all) => all.length === 0)
      await server.untilList(resources.pods, (all) => all.length === 0)
    }),
)

lesson(
  'in the foreground, the Deployment goes last',
  {
    scenario: 'The same with propagationPolicy Foreground.',
    rule: 'As long as the Deployment can be seen, something of it may be left; when it is gone, nothing is.',
    source: 'recording gc-deployment-foreground',
    timeoutMs: 15_000,
  },
  () =>
    onStage('4.8', async ({ server, client, manage, runPods }) => {
      await manage()
      runPods('node-1')
      await create(client)
      await server.untilList<Pod>(resources.pods, running(2))
      await client.delete(resources.deployments, web, { propagationPolicy: 'Foreground' })
      await server.untilList(resources.deployments, (all) => all.length === 0)
      expect((await client.list(resources.replicaSets)).items).toEqual([])
      expect((await client.list(resources.pods)).items).toEqual([])
    }),
)

lesson(
  'orphaned, the ReplicaSet lives on and keeps its pods',
  {
    scenario: 'The same with propagationPolicy Orphan.',
    rule: 'The dependents forget their owner and stay.',
    source: 'recording gc-deployment-orphan',
    timeoutMs: 15_000,
  },
  () =>
    onStage('4.8', async ({ server, client, manage, runPods, quiet }) => {
      await manage()
      runPods('node-1')
      await create(client)
      await server.untilList<Pod>(resources.pods, running(2))
      await client.delete(resources.deployments, web, { propagationPolicy: 'Orphan' })
      await server.untilList(resources.deployments, (all) => all.length === 0)
      await quiet()
      const sets = (await client.list<ReplicaSet>(resources.replicaSets)).items
      expect(sets.map(({ metadata }) => metadata.ownerReferences ?? [])).toEqual([[]])
      expect((await client.list(resources.pods)).items).toHaveLength(2)
    }),
)

lesson(
  'a deleted namespace is emptied and then gone',
  {
    scenario:
      'A namespace with a Deployment, a Service and a ConfigMap is deleted. Its ServiceAccount had come by itself.',
    rule: 'Everything inside goes, then the namespace; the neighbours stay.',
    source: 'recording namespace-deleted-with-contents',
    timeoutMs: 20_000,
  },
  () =>
    onStage('4.8', async ({ server, client, manage, runPods }) => {
      await manage()
      runPods('node-1')
      for (const name of ['shop', 'neighbour'])
        await client.create<Namespace>(resources.namespaces, { metadata: { name } })
      await server.untilList(resources.serviceAccounts, (all) => all.length === 2)
      await client.create(resources.configMaps, { metadata: { namespace: 'shop', name: 'settings' } })
      await client.create(resources.configMaps, { metadata: { namespace: 'neighbour', name: 'settings' } })
      await client.create(resources.services, {
        metadata: web,
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
      })
      await create(client)
      await server.untilList<Pod>(resources.pods, running(2))
      await client.delete(resources.namespaces, { name: 'shop' })
      await server.untilList<Namespace>(resources.namespaces, (all) =>
        all.every(({ metadata }) => metadata?.name !== 'shop'),
      )
      for (const resource of [
        resources.pods,
        resources.deployments,
        resources.replicaSets,
        resources.services,
        resources.endpoints,
      ]) {
        expect((await client.list(resource, { namespace: 'shop' })).items, resource.plural).toEqual([])
      }
      expect((await client.list(resources.configMaps)).items).toHaveLength(1)
      expect((await client.list(resources.serviceAccounts)).items).toHaveLength(1)
    }),
)

lesson(
  'a stable cluster costs no write, not even when the controllers are restarted',
  {
    scenario: 'A Deployment, a Service and their pods are stable. The controllers are stopped and started again.',
    rule: 'In a stable world a controller decides nothing.',
    source: 'recording kcm-restart-with-stable-objects: 0 writes',
    timeoutMs: 20_000,
  },
  () =>
    onStage('4.8', async ({ server, client, manage, runPods, quiet }) => {
      const manager = await manage()
      runPods('node-1')
      await client.create(resources.namespaces, { metadata: { name: 'shop' } })
      const ports = [{ port: 80, targetPort: 8080, protocol: 'TCP' }]
      await client.create(resources.services, { metadata: web, spec: { selector: { app: 'web' }, ports } })
      await create(client)
      await server.untilList<Pod>(resources.pods, running(2))
      const isComplete = ({ status }: Deployment) => status?.conditions?.[1]?.reason === 'NewReplicaSetAvailable'
      await server.until<Deployment>(resources.deployments, 'shop/web', isComplete)
      const allReady = ({ endpoints }: EndpointSlice) =>
        endpoints.filter(({ conditions }) => conditions?.ready).length === 2
      await server.untilList<EndpointSlice>(
        resources.endpointSlices,
        ([slice]) => slice !== undefined && allReady(slice),
      )
      await quiet(300)
      await manager.stop()
      const before = server.writes.length
      await manage()
      await quiet(400)
      expect(server.writes.slice(before).map(({ method, path }) => `${method} ${path}`)).toEqual([])
    }),
)
