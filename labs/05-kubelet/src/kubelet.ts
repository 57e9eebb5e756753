/**
 * The kubelet: makes the pods that the API server assigns to this node run, and reports how they are.
 *
 *   API server ──watch──▶ pod workers ──CRI──▶ runtime ──relist──▶ PLEG ──▶ pod workers ──status──▶ API server
 *
 * It goes on while the API server is away: it then runs the pods that it last knew, and reports later. Started again, it
 * finds its containers by their labels and goes on with them.
 *
 * Source: kubernetes `pkg/kubelet/kubelet.go` (syncLoop).
 */
import { mkdirSync } from 'node:fs'
import type { Pod, Service } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { createEventRecorder } from '#kit/client/event-recorder.ts'
import { startListWatch } from '#kit/client/list-watch.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { type Clock, systemClock } from '#kit/contracts/clock.ts'
import type { ImageService, RuntimeService } from '#kit/contracts/cri.ts'
import { createLog, type Log } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { apiSources } from './api-sources.ts'
import { Backoff } from './backoff.ts'
import { createImagePuller } from './images.ts'
import { readMachine } from './machine.ts'
import { startNodeReporter } from './node-reporter.ts'
import { allocatableOf } from './node-resources.ts'
import { createPlegLoop } from './pleg-loop.ts'
import { createPodAddresses } from './pod-addresses.ts'
import { eventSubject } from './pod-containers.ts'
import { createPodTokens } from './pod-tokens.ts'
import { PodWorkers } from './pod-workers.ts'
import { createProber } from './prober.ts'
import { judgeResize } from './resize-verdict.ts'
import { RuntimeInventory } from './runtime-inventory.ts'
import { type KubeletServerTls, startKubeletServer } from './server.ts'
import { createStatusWriter } from './status-writer.ts'
import type { SyncParts } from './sync-parts.ts'

export interface KubeletOptions {
  readonly client: ApiClient
  readonly runtime: RuntimeService & ImageService
  readonly nodeName: string
  readonly nodeIp: string
  /** "10.244.1.0/24" */
  readonly podCidr: string
  /** Where volumes lie. */
  readonly rootDir: string
  /** Where to serve logs and exec; absent serves none. */
  readonly server?: { readonly address: string; readonly port: number; readonly tls: KubeletServerTls }
  /** The port that the Node object names, at the node's address. Default: the server's. */
  readonly advertisedPort?: number
  readonly clock?: Clock
  readonly log?: Log
}

export interface RunningKubelet extends RunningComponent {
  /** The port that the server really listens on; 0 without a server. */
  readonly port: number
}

export async function startKubelet(options: KubeletOptions): Promise<RunningKubelet> {
  const { client, runtime, nodeName, nodeIp, rootDir, clock = systemClock, log = createLog('kubelet') } = options
  mkdirSync(rootDir, { recursive: true })
  const { runtimeName, runtimeVersion } = await runtime.version()
  const recorder = createEventRecorder({ client, clock, log, component: 'kubelet', host: nodeName })
  const statuses = createStatusWriter({ client, clock, log })
  const addresses = createPodAddresses(options.podCidr)
  const tokens = createPodTokens({ client, clock })
  const services = startListWatch<Service>({ client, resource: resources.services, clock, log })

  const prober = createProber({
    runtime,
    clock,
    log,
    changed: (podUid) => workers.look(podUid),
    unhealthy: (pod, container, message) =>
      recorder.record(eventSubject(pod, container), 'Warning', 'Unhealthy', message),
  })
  const machine = readMachine(
    {
      name: nodeName,
      ip: nodeIp,
      podCidr: options.podCidr,
      kubeletPort: options.advertisedPort ?? options.server?.port ?? 0,
      containerRuntimeVersion: `${runtimeName}://${runtimeVersion}`,
    },
    rootDir,
  )
  const parts: SyncParts = {
    runtime,
    runtimeName,
    images: createImagePuller(runtime, clock),
    prober,
    client,
    clock,
    log,
    recorder,
    statuses,
    addresses,
    backoff: new Backoff(),
    tokens,
    volumeSources: (podIp) => apiSources({ client, services, tokens, nodeName, hostIp: nodeIp, podIp }),
    rootDir,
    hostIp: nodeIp,
    judgeResize: (pod) => judgeResize(pod, podsHere(), allocatableOf(machine)),
  }

  let machineOn = true
  /** Only then is "no such pod" an answer, and not ignorance. */
  let podsSynced = false
  const inventory = new RuntimeInventory()
  const podsHere = () => workers.list().map(({ pod }) => pod)
  const workers = new PodWorkers(parts, () => machineOn)
  const pleg = createPlegLoop({
    runtime,
    clock,
    log,
    changed: (podUids) => podUids.forEach((uid) => void workers.look(uid)),
    listed(sandboxes, containers) {
      inventory.update(sandboxes, containers)
      if (podsSynced) adoptOrphans()
    },
    troubled: () => reporter.reportNow(),
    machine(isOn) {
      if (isOn === machineOn) return
      machineOn = isOn
      log.warn(isOn ? 'the machine is on again' : 'the machine is off: no heartbeats, nothing is touched')
      if (isOn) {
        reporter.reportNow()
        workers.lookAtAll()
      }
    },
  })

  /** What runs for a pod that the API server does not know (any more) is stopped and removed. */
  function adoptOrphans(): void {
    for (const pod of inventory.pods()) workers.adoptOrphan(pod)
  }

  const reporter = startNodeReporter({
    client,
    machine,
    clock,
    log,
    recorder,
    isAlive: () => machineOn,
    notReady: () => (pleg.trouble() ? [`container runtime is down: ${pleg.trouble()}`] : []),
  })

  // Before the first pod: what runs already? Nothing may be started that is there.
  await pleg.relist().catch((error: unknown) => log.error('first relist', error))
  for (const [podUid, ip] of inventory.addresses()) addresses.adopt(podUid, ip)

  const pods = startListWatch<Pod>({
    client,
    resource: resources.pods,
    fieldSelector: `spec.nodeName=${nodeName}`,
    clock,
    log,
    handlers: {
      added: (pod) => workers.update(pod, inventory.mayHave(pod.metadata.uid)),
      updated(pod, previous) {
        // The same name, but another pod: the first was deleted and made anew while we were not watching.
        if (previous.metadata.uid !== pod.metadata.uid) workers.remove(previous)
        workers.update(pod, inventory.mayHave(pod.metadata.uid))
      },
      deleted: (pod) => workers.remove(pod),
    },
  })
  void pods.synced.then(() => {
    podsSynced = true
    adoptOrphans()
  })
  pleg.start()

  const findPod = (namespace: string, name: string) => pods.get(`${namespace}/${name}`)
  const server =
    options.server && (await startKubeletServer({ ...options.server, nodeName, runtime, findPod, pods, clock, log }))

  return {
    port: server?.port ?? 0,
    async stop() {
      pods.stop()
      services.stop()
      pleg.stop()
      reporter.stop()
      prober.stop()
      workers.stop()
      await server?.stop()
      client.close()
    },
  }
}
