/** The cloud controller manager over the wire. */
import { expect } from 'vitest'
import type { Service } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { onStage } from './support/stage.ts'

const web = { namespace: 'default', name: 'web' }
const ips = ({ status }: Service) => (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip)

lesson(
  "a Service of type LoadBalancer gets the nodes' addresses, and loses them with the type",
  {
    scenario: 'Two nodes and a Service of type LoadBalancer; then its type becomes ClusterIP.',
    rule: 'The status follows the type and the nodes.',
    source: 'cloud-provider controllers/service/controller.go',
    timeoutMs: 15_000,
  },
  () =>
    onStage('4.9', async ({ server, client, manageCloud, addNode }) => {
      await manageCloud()
      await client.create(resources.services, { metadata: web, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } })
      await addNode('node-1', '10.0.0.1')
      await server.until<Service>(resources.services, 'default/web', (found) => ips(found).join() === '10.0.0.1')
      await addNode('node-2', '10.0.0.2')
      const served = await server.until<Service>(resources.services, 'default/web', (found) => ips(found).length === 2)
      expect(ips(served)).toEqual(['10.0.0.1', '10.0.0.2'])
      await client.patch(resources.services, web, 'application/merge-patch+json', { spec: { type: 'ClusterIP' } })
      await server.until<Service>(resources.services, 'default/web', (found) => ips(found).length === 0)
    }),
)
