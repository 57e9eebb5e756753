/** Deployments over the wire: controllers, simulated API server, play-acting kubelets. */
import { describe, expect } from 'vitest'
import type { Deployment, Pod, ReplicaSet } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { onStage } from './support/stage.ts'

const web = { namespace: 'default', name: 'web' }
const spec = (replicas: number, image = 'web:1') => ({
  replicas,
  selector: { matchLabels: { app: 'web' } },
  template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
})
const create = (client: ApiClient, replicas: number) =>
  client.create<Deployment>(resources.deployments, { metadata: web, spec: spec(replicas) })
const setImage = (client: ApiClient, image: string) =>
  client.patch(resources.deployments, web, 'application/strategic-merge-patch+json', {
    spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
  })
const isComplete = (replicas: number, image: string) => (found: Deployment) =>
  found.spec?.template.spec?.containers[0]?.image === image &&
  found.status?.observedGeneration === found.metadata?.generation &&
  found.status?.updatedReplicas === replicas &&
  found.status?.replicas === replicas &&
  found.status?.availableReplicas === replicas

describe('a Deployment over the wire', () => {
  lesson(
    'becomes a ReplicaSet, and that becomes pods',
    {
      scenario: 'A Deployment with 3 replicas is created while the controllers run.',
      rule: 'A Deployment makes a ReplicaSet, the ReplicaSet makes the pods, each owned by the one above.',
      source: 'recording deployment-create-4',
      timeoutMs: 10_000,
    },
    () =>
      onStage('4.5', async ({ server, client, manage }) => {
        await manage()
        await create(client, 3)
        const pods = await server.untilList<Pod>(resources.pods, (all) => all.length === 3)
        const [replicaSet] = (await client.list<ReplicaSet>(resources.replicaSets)).items
        expect(replicaSet?.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]+$/)
        expect(replicaSet?.metadata.ownerReferences?.[0]?.name).toBe('web')
        for (const pod of pods) {
          expect(pod.metadata?.ownerReferences?.[0]?.uid).toBe(replicaSet?.metadata.uid)
          expect(pod.metadata?.name?.startsWith(`${replicaSet?.metadata.name}-`)).toBe(true)
        }
      }),
  )

  lesson(
    'says so in Events and conditions that kubectl shows',
    {
      scenario: 'A Deployment with 2 replicas is created and its pods become ready.',
      rule: 'The Events and conditions carry the words that upstream uses.',
      source: 'recording deployment-create-4',
      timeoutMs: 10_000,
    },
    () =>
      onStage('4.5', async ({ server, client, manage, runPods }) => {
        await manage()
        runPods('node-1')
        await create(client, 2)
        const done = await server.until<Deployment>(resources.deployments, 'default/web', isComplete(2, 'web:1'))
        await server.untilList(resources.coreEvents, (all) => all.length === 3)
        const [replicaSet] = (await client.list<ReplicaSet>(resources.replicaSets)).items
        const name = replicaSet?.metadata.name
        const conditions = Object.fromEntries((done.status?.conditions ?? []).map((one) => [one.type, one]))
        expect(conditions.Available).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' })
        expect(conditions.Progressing).toMatchObject({
          status: 'True',
          reason: 'NewReplicaSetAvailable',
          message: `ReplicaSet "${name}" has successfully progressed.`,
        })
        const events = (await client.list<{ message: string }>(resources.coreEvents)).items.map(
          ({ message }) => message,
        )
        expect(events).toContain(`Scaled up replica set ${name} from 0 to 2`)
        expect(events.filter((message) => message.startsWith('Created pod: '))).toHaveLength(2)
      }),
  )

  lesson(
    'is updated without ever having fewer pods than promised',
    {
      scenario: 'A Deployment of 4 (25 % surge, 25 % unavailable) gets a new image; kubelets run the pods.',
      rule: 'All the time at least 3 pods are ready and the ReplicaSets ask for at most 5.',
      source: 'recording deployment-rolling-update-default-4',
      timeoutMs: 20_000,
    },
    () =>
      onStage('4.5', async ({ server, client, manage, runPods }) => {
        await manage()
        runPods('node-1', 'node-2')
        await create(client, 4)
        await server.until<Deployment>(resources.deployments, 'default/web', isComplete(4, 'web:1'))

        let fewestReady = Number.POSITIVE_INFINITY
        let mostAsked = 0
        const watch = server.store.subscribe(() => {
          const pods = server.store.list('pods') as unknown as Pod[]
          const ready = pods.filter(
            ({ metadata, status }) =>
              !metadata?.deletionTimestamp &&
              status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
          )
          const sets = server.store.list('replicasets.apps') as unknown as ReplicaSet[]
          fewestReady = Math.min(fewestReady, ready.length)
          mostAsked = Math.max(
            mostAsked,
            sets.reduce((sum, { spec }) => sum + (spec?.replicas ?? 0), 0),
          )
        })
        await setImage(client, 'web:2')
        await server.until<Deployment>(resources.deployments, 'default/web', isComplete(4, 'web:2'))
        watch()
        expect(fewestReady, 'ready pods at the worst moment').toBeGreaterThanOrEqual(3)
        expect(mostAsked, 'pods asked for at the most').toBeLessThanOrEqual(5)
        const images = (await client.list<Pod>(resources.pods)).items.map((pod) => pod.spec?.containers[0]?.image)
        expect(new Set(images)).toEqual(new Set(['web:2']))
      }),
  )

  lesson(
    'goes back to the ReplicaSet that it had',
    {
      scenario:
        'After an update from web:1 to web:2 the template is set back to web:1, which is what `kubectl rollout undo` does.',
      rule: 'The old ReplicaSet is scaled up again; it becomes revision 3 and remembers that it was revision 1.',
      source: 'recording deployment-rollback-undo',
      timeoutMs: 20_000,
    },
    () =>
      onStage('4.5', async ({ server, client, manage, runPods }) => {
        await manage()
        runPods('node-1')
        await create(client, 2)
        await server.until<Deployment>(resources.deployments, 'default/web', isComplete(2, 'web:1'))
        const [first] = (await client.list<ReplicaSet>(resources.replicaSets)).items
        await setImage(client, 'web:2')
        await server.until<Deployment>(resources.deployments, 'default/web', isComplete(2, 'web:2'))
        await setImage(client, 'web:1')
        await server.until<Deployment>(resources.deployments, 'default/web', isComplete(2, 'web:1'))
        await server.until<ReplicaSet>(resources.replicaSets, `default/${first?.metadata.name}`, ({ metadata }) =>
          Boolean(metadata?.annotations?.['deployment.kubernetes.io/revision-history']),
        )
        const sets = (await client.list<ReplicaSet>(resources.replicaSets)).items
        expect(sets).toHaveLength(2)
        const again = sets.find(({ metadata }) => metadata.uid === first?.metadata.uid)
        expect(again?.spec?.replicas).toBe(2)
        expect(again?.metadata.annotations).toMatchObject({
          'deployment.kubernetes.io/revision': '3',
          'deployment.kubernetes.io/revision-history': '1',
        })
      }),
  )

  lesson(
    'survives conflicts and a broken connection',
    {
      scenario: 'The server refuses the first status write with a Conflict and then breaks all connections, twice.',
      rule: 'A failed look is repeated; a lost watch is resumed; nothing is created twice.',
      source: 'client-go: workqueue and reflector',
      timeoutMs: 20_000,
    },
    () =>
      onStage('4.5', async ({ server, client, manage, runPods, quiet }) => {
        await manage()
        runPods('node-1')
        const conflict = new StatusError(409, 'Conflict', 'the object has been modified')
        server.failNext(conflict, ({ method, path }) => method === 'PUT' && path.endsWith('/deployments/web/status'))
        await create(client, 3)
        await server.untilList(resources.pods, (all) => all.length > 0)
        server.dropConnections()
        await server.untilList(resources.pods, (all) => all.length === 3)
        server.dropConnections()
        await server.until<Deployment>(resources.deployments, 'default/web', isComplete(3, 'web:1'))
        await quiet()
        expect((await client.list(resources.pods)).items).toHaveLength(3)
        expect((await client.list(resources.replicaSets)).items).toHaveLength(1)
      }),
  )
})
