/**
 * A stage for wire tests: the simulated API server, the controllers on it, and a play-acting kubelet that runs each pod bound to a
 * node: Running and Ready at once with an address, gone as soon as it is deleted.
 */
import { startCloudControllerManager } from '#controllers/cloud-controller-manager.ts'
import { type ControllerManagerOptions, startControllerManager } from '#controllers/controller-manager.ts'
import type { Lease, Pod, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { startListWatch } from '#kit/client/list-watch.ts'
import { type ApiClient, ConnectionError } from '#kit/contracts/api-client.ts'
import { type Log, silentLog } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { type SimApiServer, startSimApiServer } from '#kit/sim/api-server.ts'

export interface Stage {
  readonly server: SimApiServer
  readonly client: ApiClient
  /** Starts kube-controller-manager; stopped with the stage, or earlier by the test. */
  manage(options?: Partial<ControllerManagerOptions>): Promise<RunningComponent>
  manageCloud(): Promise<RunningComponent>
  /** A node that heartbeats until `die`. */
  addNode(name: string, address?: string): Promise<{ die(): void }>
  /** Binds pods without node in turn, and runs them. */
  runPods(...nodes: string[]): { stop(): void }
  /** Resolves when the server has not been written to for so long. */
  quiet(ms?: number): Promise<void>
}

/**
 * Runs a test on a stage of its own and takes everything down afterwards, however it ends. A part that is not written yet and
 * belongs to this step or an earlier one ends it at once, since the test would wait in vain; parts of later steps may be missing.
 *
 * @param step "4.5"
 */
export async function onStage(step: string, play: (stage: Stage) => Promise<void>): Promise<void> {
  let missing = (_part: Error) => {}
  const waitingInVain = new Promise<never>((_, reject) => {
    missing = reject
  })
  const log: Log = {
    ...silentLog,
    error(_what, cause) {
      if (isNotImplemented(cause) && ordinal(cause.step) <= ordinal(step)) missing(cause)
    },
  }
  const server = await startSimApiServer()
  const client = server.client()
  const running: { stop(): unknown }[] = []
  const stage: Stage = {
    server,
    client,
    async manage(options = {}) {
      const manager = await startControllerManager({ client: server.client(), log, ...options })
      running.push(manager)
      return manager
    },
    async manageCloud() {
      const manager = await startCloudControllerManager({ client: server.client(), log })
      running.push(manager)
      return manager
    },
    async addNode(name, address = '10.0.0.1') {
      const kubelet = await startHeartbeats(client, name, address)
      running.push({ stop: kubelet.die })
      return kubelet
    },
    runPods(...nodes) {
      const kubelets = startKubelets(client, nodes)
      running.push(kubelets)
      return kubelets
    },
    async quiet(ms = 150) {
      for (let before = -1; before !== server.writes.length; ) {
        before = server.writes.length
        await new Promise((resolve) => setTimeout(resolve, ms))
      }
    },
  }
  try {
    await Promise.race([play(stage), waitingInVain])
  } finally {
    await Promise.all(running.map((one) => one.stop()))
    await server.stop()
  }
}

const ordinal = (step: string) => Number(step.split('.')[1])

async function startHeartbeats(client: ApiClient, name: string, address: string): Promise<{ die(): void }> {
  const lease = { namespace: 'kube-node-lease', name }
  const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({ type, status: 'False' }))
  const addresses = [{ type: 'InternalIP', address }]
  const created = await client.create(resources.nodes, { metadata: { name }, spec: {} })
  const status = { conditions: [...conditions, { type: 'Ready', status: 'True' }], addresses }
  await client.update(resources.nodes, { ...created, status }, 'status')
  await client.create<Lease>(resources.leases, { metadata: lease, spec: { holderIdentity: name } })
  let beat = 0
  const timer = setInterval(() => {
    const patch = { spec: { renewTime: new Date(Date.now() + beat++).toISOString() } }
    client.patch(resources.leases, lease, 'application/merge-patch+json', patch).catch(() => {})
  }, 20)
  return { die: () => clearInterval(timer) }
}

function startKubelets(client: ApiClient, nodes: readonly string[]): { stop(): void } {
  let count = 0
  async function act(pod: Stored<Pod>): Promise<void> {
    const ref = { namespace: pod.metadata.namespace, name: pod.metadata.name }
    const node = pod.spec?.nodeName
    if (!node && !pod.metadata.deletionTimestamp) {
      const target = { kind: 'Node', name: nodes[count % nodes.length] }
      await client.create(
        resources.pods,
        { apiVersion: 'v1', kind: 'Binding', target },
        { ...ref, subresource: 'binding' },
      )
    } else if (!nodes.includes(node ?? '')) return
    else if (pod.metadata.deletionTimestamp) await client.delete(resources.pods, ref, { gracePeriodSeconds: 0 })
    else if (!pod.status?.podIP) {
      count += 1
      const ready = { type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }
      const status = { phase: 'Running', podIP: `10.244.1.${count}`, conditions: [ready] }
      const type = 'application/strategic-merge-patch+json'
      await client.patch(resources.pods, { ...ref, subresource: 'status' }, type, { status })
    }
  }
  /** A request that was lost with its connection is sent again; a refused one means that somebody was faster. */
  const handle = (pod: Stored<Pod>): void => {
    act(pod).catch((error: unknown) => {
      if (error instanceof ConnectionError) setTimeout(() => handle(pod), 20)
    })
  }
  return startListWatch<Pod>({ client, resource: resources.pods, handlers: { added: handle, updated: handle } })
}
