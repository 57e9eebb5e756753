/**
 * A node without containers: it registers, sends heartbeats, and says of each of its pods that it runs.
 *
 * Kubernetes' own scale tests (kubemark) have such nodes. What this one reports is what those report, so that what people see of a node
 * (`kubectl describe node`, `kubectl get pods -o wide`) can be compared.
 */
import type { Container, ContainerStatus, Lease, Node, Pod, PodStatus, Stored } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { hasReason } from '../api/status-error.ts'
import { startListWatch } from '../client/list-watch.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import type { Log } from '../contracts/log.ts'

const NODE_ADDRESS = '192.0.2.2'
const POD_ADDRESS = '192.168.192.168'
const FIRST_KUBELET_PORT = 20251
const VERSION = 'v1.32.13'
const HEARTBEAT_MS = 10_000

export interface HollowNode {
  stop(): void
}

/** @param ordinal counted from 1; the node is `hollow-<ordinal>` */
export async function startHollowNode(ordinal: number, client: ApiClient, log: Log): Promise<HollowNode> {
  const name = `hollow-${ordinal}`
  const { metadata } = await client.create<Node>(resources.nodes, nodeObject(name, ordinal))
  const owner = { apiVersion: 'v1', kind: 'Node', name, uid: metadata.uid }
  await client.create<Lease>(resources.leases, {
    ...lease(name),
    metadata: { ...lease(name).metadata, ownerReferences: [owner] },
  })
  const heartbeat = setInterval(
    () => void renew().catch((error) => log.error(`heartbeat of ${name}`, error)),
    HEARTBEAT_MS,
  )
  async function renew(): Promise<void> {
    const ref = { namespace: 'kube-node-lease', name }
    await client.patch(resources.leases, ref, 'application/merge-patch+json', { spec: lease(name).spec })
  }

  const images = new Set<string>()
  const settle = (pod: Stored<Pod>) =>
    void Promise.all([settlePod(client, pod), reportImages(client, name, pod, images)]).catch((error) => {
      if (!hasReason(error, 'NotFound')) log.error(`pod ${pod.metadata.name}`, error)
    })
  const pods = startListWatch<Pod>({
    client,
    resource: resources.pods,
    fieldSelector: `spec.nodeName=${name}`,
    handlers: { added: settle, updated: settle },
    log,
  })
  return {
    stop() {
      clearInterval(heartbeat)
      pods.stop()
    },
  }
}

/** Starting takes no time here, and neither does stopping. */
async function settlePod(client: ApiClient, pod: Stored<Pod>): Promise<void> {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata
  const ref = { namespace, name }
  if (deletionTimestamp) {
    await client.delete(resources.pods, ref, { gracePeriodSeconds: 0, preconditions: { uid } })
  } else if (pod.status?.phase !== 'Running' || !allEphemeralRun(pod)) {
    const patch = { metadata: { uid }, status: runningStatus(pod) }
    await client.patch(
      resources.pods,
      { ...ref, subresource: 'status' },
      'application/strategic-merge-patch+json',
      patch,
    )
  }
}

/** Images stay on a node when their pods are gone. @param known those that it has reported; gets the pod's */
async function reportImages(client: ApiClient, nodeName: string, pod: Stored<Pod>, known: Set<string>): Promise<void> {
  const before = known.size
  for (const { image = '' } of pod.spec?.containers ?? []) known.add(tagged(image))
  if (known.size === before) return
  const status = { images: [...known].map((image) => ({ names: [image] })) }
  const ref = { name: nodeName, subresource: 'status' }
  await client.patch(resources.nodes, ref, 'application/strategic-merge-patch+json', { status })
}

function allEphemeralRun({ spec, status }: Stored<Pod>): boolean {
  return (spec?.ephemeralContainers?.length ?? 0) === (status?.ephemeralContainerStatuses?.length ?? 0)
}

function runningStatus({ metadata: { name, namespace, uid }, spec }: Stored<Pod>): Partial<PodStatus> {
  const now = nowText()
  const running = (container: Pick<Container, 'name' | 'image' | 'volumeMounts'>, ready: boolean): ContainerStatus => ({
    name: container.name,
    image: tagged(container.image ?? ''),
    imageID: tagged(container.image ?? ''),
    containerID: `fakeRuntime://${name}_${namespace}_${uid}_0_${container.name}_0`,
    ready,
    restartCount: 0,
    state: { running: { startedAt: now } },
    lastState: {},
    ...(container.volumeMounts && {
      volumeMounts: container.volumeMounts.map(({ name, mountPath, readOnly }) => ({
        name,
        mountPath,
        ...(readOnly && { readOnly, recursiveReadOnly: 'Disabled' }),
      })),
    }),
  })
  const types = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']
  return {
    phase: 'Running',
    conditions: types.map((type) => ({ type, status: 'True', lastTransitionTime: now })),
    hostIP: NODE_ADDRESS,
    hostIPs: [{ ip: NODE_ADDRESS }],
    podIP: POD_ADDRESS,
    podIPs: [{ ip: POD_ADDRESS }],
    startTime: now,
    containerStatuses: (spec?.containers ?? []).map((container) => running(container, true)),
    ...(spec?.ephemeralContainers && {
      ephemeralContainerStatuses: spec.ephemeralContainers.map((container) => running(container, false)),
    }),
  }
}

/** Whoever names no tag means the latest, and runtimes say so. */
function tagged(image: string): string {
  return /:[^/]*$|@/.test(image) ? image : `${image}:latest`
}

function nodeObject(name: string, ordinal: number): Node {
  const now = nowText()
  const condition = (type: string, status: string, reason: string, message: string) => {
    return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime: now }
  }
  const capacity = { cpu: '1', 'ephemeral-storage': '0', memory: '3840Mi', pods: '110' }
  const podCIDR = `10.244.${ordinal - 1}.0/24`
  const platform = { arch: 'amd64', os: 'linux' }
  return {
    metadata: {
      name,
      labels: {
        'beta.kubernetes.io/arch': platform.arch,
        'beta.kubernetes.io/os': platform.os,
        'kubernetes.io/arch': platform.arch,
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': platform.os,
      },
    },
    spec: { podCIDR, podCIDRs: [podCIDR], providerID: `kubemark://${name}` },
    status: {
      addresses: [
        { type: 'InternalIP', address: NODE_ADDRESS },
        { type: 'Hostname', address: name },
      ],
      capacity,
      allocatable: capacity,
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: FIRST_KUBELET_PORT + ordinal - 1 } },
      nodeInfo: {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: '3.16.0-0.bpo.4-amd64',
        osImage: 'Debian GNU/Linux 7 (wheezy)',
        containerRuntimeVersion: 'fakeRuntime://0.1.0',
        kubeletVersion: VERSION,
        kubeProxyVersion: VERSION,
        operatingSystem: platform.os,
        architecture: platform.arch,
      },
    },
  }
}

function lease(name: string): Lease {
  const renewTime = new Date().toISOString().replace('Z', '000Z')
  return {
    metadata: { name, namespace: 'kube-node-lease' },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
  }
}

function nowText(): string {
  return new Date().toISOString().replace(/\.\d+/, '')
}
