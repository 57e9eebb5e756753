/** For how long kubelets may keep what they have read (kubernetes pkg/controller/ttl). */
import { expect, it } from 'vitest'
import { createInformers } from '#controllers/informers.ts'
import { sizeOf, startTtlController } from '#controllers/nodes/ttl.ts'
import type { Node } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { systemClock } from '../contracts/clock.ts'
import { silentLog } from '../contracts/log.ts'
import { startSimApiServer } from '../sim/api-server.ts'

it('a cluster is of another size only when it has clearly left the one before', () => {
  const sizes = [0]
  for (const nodes of [100, 101, 95, 90, 89, 501, 20_000, 1]) sizes.push(sizeOf(nodes, sizes.at(-1) ?? 0))
  expect(sizes).toEqual([0, 0, 1, 1, 1, 0, 2, 4, 0])
})

it('every node is told, and told again', async () => {
  const server = await startSimApiServer()
  const client = server.client()
  const context = { client, clock: systemClock, log: silentLog }
  const informers = createInformers(context)
  const controller = startTtlController({ ...context, informers })
  const isTold = ({ metadata }: Node) => metadata?.annotations?.['node.alpha.kubernetes.io/ttl'] === '0'
  try {
    await client.create(resources.nodes, { metadata: { name: 'node-1', annotations: { a: 'b' } } })
    expect((await server.until<Node>(resources.nodes, 'node-1', isTold)).metadata?.annotations).toHaveProperty('a')
    const other = { metadata: { annotations: { 'node.alpha.kubernetes.io/ttl': '7' } } }
    await client.patch(resources.nodes, { name: 'node-1' }, 'application/merge-patch+json', other)
    await server.until<Node>(resources.nodes, 'node-1', isTold)
  } finally {
    await controller.stop()
    informers.stop()
    server.stop()
  }
})
