/** The shells around `reconcileNode` and `reconcileEviction`. */
import type { Node, Pod, Stored } from '#kit/api/objects.ts'
import { objectKey } from '#kit/api/objects.ts'
import type { Timer } from '#kit/contracts/clock.ts'
import { type Controller, type ControllerContext, createController } from '../controller.ts'
import { type Heartbeat, nodeCondition } from './heartbeat.ts'
import { reconcileEviction, reconcileNode } from './reconcile.ts'

/** A node that joined so long ago needs no Event about it: this process has just been restarted. */
const NEWS_MS = 60_000

export interface NodeLifecycleOptions {
  readonly graceMs: number
  readonly periodMs: number
}

export function startNodeLifecycleController(context: ControllerContext, options: NodeLifecycleOptions): Controller {
  const { informers, clock } = context
  const nodes = informers.of('nodes')
  const leases = informers.of('leases')
  const pods = informers.of('pods')
  const heartbeats = new Map<string, Heartbeat>()

  const controller = createController(context, 'node-controller', [nodes, leases, pods], async (name, executor) => {
    const node = nodes.get(name)
    if (!node) {
      heartbeats.delete(name)
      return undefined
    }
    const { actions, heartbeat } = reconcileNode({
      node,
      lease: leases.get(`kube-node-lease/${name}`),
      pods: pods.byIndex('byNode', name),
      heartbeat: heartbeats.get(name),
      noneReady: !nodes.list().some((one) => nodeCondition(one, 'Ready')?.status === 'True'),
      nowMs: clock.now(),
      graceMs: options.graceMs,
    })
    heartbeats.set(name, heartbeat)
    await executor.perform(actions)
    return undefined
  })
  const enqueueAll = () => {
    for (const node of nodes.list()) controller.loop.enqueue(objectKey(node))
  }

  /** Silence makes no event, so each node is looked at in turn. */
  let timer: Timer | undefined
  const tick = () => {
    enqueueAll()
    timer = clock.setTimer(options.periodMs, tick)
  }
  tick()

  const say = (node: Stored<Node>, reason: string, message: string) =>
    void controller.executor.perform([{ do: 'note', note: { about: node, type: 'Normal', reason, message } }])
  nodes.subscribe(({ type, object: node }) => {
    const { name, creationTimestamp } = node.metadata
    if (type === 'deleted') say(node, 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`)
    if (type === 'added' && clock.now() - Date.parse(creationTimestamp) < NEWS_MS) {
      say(node, 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`)
    }
    // Whether none is ready concerns all of them.
    enqueueAll()
  })
  pods.subscribe(({ object: { spec } }) => {
    if (!spec?.nodeName) return
    const node = nodes.get(spec.nodeName)
    if (node && nodeCondition(node, 'Ready')?.status === 'Unknown') controller.loop.enqueue(spec.nodeName)
  })
  return {
    name: 'nodelifecycle',
    async stop() {
      timer?.cancel()
      await controller.stop()
    },
  }
}

export function startTaintEvictionController(context: ControllerContext): Controller {
  const nodes = context.informers.of('nodes')
  const pods = context.informers.of('pods')
  /** Pod → the taints it was seen under, and when first. */
  const seen = new Map<string, { taints: string; sinceMs: number }>()

  const controller = createController(context, 'taint-eviction-controller', [nodes, pods], async (key, executor) => {
    const pod = pods.get(key)
    const node = pod && nodes.get(pod.spec?.nodeName ?? '')
    const taints = JSON.stringify((node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute'))
    if (!pod || taints === '[]') {
      seen.delete(key)
      return undefined
    }
    const nowMs = context.clock.now()
    const before = seen.get(key)
    const since = before?.taints === taints ? before : { taints, sinceMs: nowMs }
    seen.set(key, since)
    const { actions, requeueAfterMs } = reconcileEviction({ pod, node, seenMs: since.sinceMs, nowMs })
    await executor.perform(actions)
    return requeueAfterMs
  })

  nodes.subscribe(({ object, ...delta }) => {
    const previous = 'previous' in delta ? delta.previous : undefined
    if (!hasNoExecute(object) && !(previous && hasNoExecute(previous))) return
    for (const pod of pods.byIndex('byNode', object.metadata.name)) controller.loop.enqueue(objectKey(pod))
  })
  pods.subscribe(({ object: pod }: { object: Stored<Pod> }) => {
    const node = nodes.get(pod.spec?.nodeName ?? '')
    if (node && hasNoExecute(node)) controller.loop.enqueue(objectKey(pod))
  })
  return controller
}

function hasNoExecute(node: Node): boolean {
  return (node.spec?.taints ?? []).some(({ effect }) => effect === 'NoExecute')
}
