/**
 * For how long a kubelet may keep the Secrets and ConfigMaps that it has read: the annotation `node.alpha.kubernetes.io/ttl`,
 * in seconds. Given.
 *
 * The more nodes ask, the less often each should. Where one size of cluster ends and the next begins they overlap, so that a cluster
 * that grows and shrinks by a node is not rewritten each time.
 * Source: kubernetes `pkg/controller/ttl/ttl_controller.go`.
 */
import { type Controller, type ControllerContext, createController } from '../controller.ts'

const TTL = 'node.alpha.kubernetes.io/ttl'

/** Up to how many nodes, how many seconds; and below how many nodes the size before it is enough again. */
const SIZES = [
  { seconds: 0, from: 0, upTo: 100 },
  { seconds: 15, from: 90, upTo: 500 },
  { seconds: 30, from: 450, upTo: 1_000 },
  { seconds: 60, from: 900, upTo: 2_000 },
  { seconds: 300, from: 1_800, upTo: Number.POSITIVE_INFINITY },
] as const

/** Exported for tests: the size (an index into `SIZES`) of a cluster with so many nodes that was of the size `before`. */
export function sizeOf(nodes: number, before: number): number {
  let size = before
  while (nodes > SIZES[size]!.upTo) size += 1
  while (nodes < SIZES[size]!.from) size -= 1
  return size
}

export function startTtlController(context: ControllerContext): Controller {
  const nodes = context.informers.of('nodes')
  let size = 0

  const controller = createController(context, 'ttl-controller', [nodes], async (name, executor) => {
    const node = nodes.get(name)
    const seconds = String(SIZES[size]!.seconds)
    if (!node || node.metadata.annotations?.[TTL] === seconds) return undefined
    const patch = { metadata: { annotations: { [TTL]: seconds } } }
    await executor.perform([{ do: 'patch', resource: 'nodes', name, type: 'application/merge-patch+json', patch }])
    return undefined
  })
  nodes.subscribe(({ type, object }) => {
    const before = size
    size = sizeOf(nodes.list().length, before)
    const concerned = size === before ? [object] : nodes.list()
    if (type !== 'deleted' || size !== before) {
      for (const { metadata } of concerned) controller.loop.enqueue(metadata.name)
    }
  })
  return controller
}
