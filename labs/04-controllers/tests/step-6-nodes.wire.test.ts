/** A node dies while the controllers run. */
import { expect } from 'vitest'
import type { Node, Pod, ReplicaSet } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { onStage } from './support/stage.ts'

const quick = { nodeMonitorGracePeriodMs: 2_000, nodeMonitorPeriodMs: 50 }
const toleration = {
  key: 'node.kubernetes.io/unreachable',
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 0,
}
const replicaSet = (replicas: number): ReplicaSet => ({
  metadata: { namespace: 'default', name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'main', image: 'i' }], tolerations: [toleration] },
    },
  },
})
const ready = ({ status }: Pod) => status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
const isUnknown = (node: Node) =>
  node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown')
const taints = (node: Node) => (node.spec?.taints ?? []).map(({ key, effect }) => `${key} ${effect}`)

lesson(
  'the pods of a dead node are replaced on one that lives',
  {
    scenario: 'Two nodes; the one with the pods stops sending heartbeats; the grace period is two seconds.',
    rule: 'Ready Unknown, pods not ready, NoSchedule, NoExecute, then the pods are deleted and replaced.',
    source: 'recording node-failure-kubelet-killed',
    timeoutMs: 30_000,
  },
  () =>
    onStage('4.6', async ({ server, client, manage, addNode, runPods }) => {
      const dying = await addNode('node-1')
      await addNode('node-2')
      await manage(quick)
      const kubelets = runPods('node-1')
      await client.create(resources.replicaSets, replicaSet(2))
      await server.untilList<Pod>(resources.pods, (all) => all.filter(ready).length === 2)
      kubelets.stop()
      dying.die()
      runPods('node-2')
      await server.until<Node>(
        resources.nodes,
        'node-1',
        (node) => isUnknown(node) === true && taints(node).length === 2,
      )
      const all = await server.untilList<Pod>(
        resources.pods,
        (pods) => pods.filter((pod) => pod.spec?.nodeName === 'node-2' && ready(pod)).length === 2,
      )
      const lost = all.filter(({ spec }) => spec?.nodeName === 'node-1')
      expect(lost, 'nobody is there to stop them, so they stay, marked').toHaveLength(2)
      for (const { metadata, status } of lost) {
        expect(metadata?.deletionTimestamp).toBeDefined()
        expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('False')
        expect(status?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason).toBe(
          'DeletionByTaintManager',
        )
      }
    }),
)

lesson(
  'when all nodes fall silent, no pod is evicted',
  {
    scenario: 'Both nodes stop sending heartbeats at the same time.',
    rule: 'Nodes become Unknown and get NoSchedule, and nothing more.',
    source: 'kubernetes node_lifecycle_controller.go: handleDisruption',
    timeoutMs: 30_000,
  },
  () =>
    onStage('4.6', async ({ server, client, manage, addNode, runPods, quiet }) => {
      const nodes = [await addNode('node-1'), await addNode('node-2')]
      await manage(quick)
      runPods('node-1', 'node-2')
      await client.create(resources.replicaSets, replicaSet(2))
      await server.untilList<Pod>(resources.pods, (all) => all.filter(ready).length === 2)
      for (const node of nodes) node.die()
      await server.untilList<Node>(resources.nodes, (all) =>
        all.every((node) => isUnknown(node) && taints(node).join() === 'node.kubernetes.io/unreachable NoSchedule'),
      )
      await quiet(300)
      const pods = (await client.list<Pod>(resources.pods)).items
      expect(pods.map(({ metadata }) => metadata.deletionTimestamp)).toEqual([undefined, undefined])
    }),
)
