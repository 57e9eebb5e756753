/**
 * Kubelets and a scheduler played by a few lines: each pod without node is bound to the next node that takes pods, runs and
 * is ready at once, and is gone as soon as it is deleted.
 */
import type { Node, Pod, Stored } from '../../api/objects.ts'
import { resources } from '../../api/resources.ts'
import { startListWatch } from '../../client/list-watch.ts'
import type { ApiClient } from '../../contracts/api-client.ts'

export function playKubelets(client: ApiClient, nodes: readonly string[]): { stop(): void } {
  let turn = 0
  async function nextNode(): Promise<string> {
    for (;;) {
      turn += 1
      const name = nodes[turn % nodes.length]!
      const node = await client.get<Node>(resources.nodes, { name })
      if (!node.spec?.unschedulable) return name
    }
  }
  async function act({ metadata, spec, status }: Stored<Pod>): Promise<void> {
    const ref = { namespace: metadata.namespace, name: metadata.name }
    if (metadata.deletionTimestamp) await client.delete(resources.pods, ref, { gracePeriodSeconds: 0 })
    else if (!spec?.nodeName) {
      const target = { kind: 'Node', name: await nextNode() }
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: ref.name }, target }
      await client.create(resources.pods, binding, { ...ref, subresource: 'binding' })
    } else if (status?.phase === 'Pending') {
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }]
      const patch = { status: { phase: 'Running', conditions } }
      await client.patch(
        resources.pods,
        { ...ref, subresource: 'status' },
        'application/strategic-merge-patch+json',
        patch,
      )
    }
  }
  // Refused: somebody else was faster, and the next event tells.
  const handle = (pod: Stored<Pod>) => void act(pod).catch(() => {})
  return startListWatch<Pod>({ client, resource: resources.pods, handlers: { added: handle, updated: handle } })
}
