/**
 * From CRI's words to Docker's: the bodies of `POST /containers/create` for a sandbox and for a container in it.
 *
 * To Docker a pod is nothing but containers that share namespaces. The sandbox is one that only sleeps: it holds the pod's
 * network, and the others join it (`NetworkMode: container:<sandbox>`), so they may come and go while the address stays.
 *
 * Names are made of the pod's uid and the attempt, and Docker refuses a name twice: that, and not a variable in memory, is
 * why nothing is ever started twice, not even by a kubelet that died between two calls.
 *
 * Source: kubernetes 1.23 `pkg/kubelet/dockershim` (docker_sandbox.go, docker_container.go, naming.go).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import { type ContainerConfig, criLabels, type PodSandboxConfig } from '#kit/contracts/cri.ts'
import type { ContainerCreateBody } from '#kit/runtime/docker-engine.ts'

/** Where this kubelet's containers live. */
export interface DockerPlace {
  /** Goes onto everything as a label, so that a cluster can be taken away whole. */
  readonly clusterName: string
  readonly nodeName: string
  /** The bridge network that all nodes and pods of the cluster share. */
  readonly network: string
  /** The node's address: the gateway of its pods. Empty leaves the pods' routes alone. */
  readonly nodeIp: string
  /** The container that is the node, whose network a pod with `hostNetwork` shares; undefined if there is none. */
  readonly nodeContainer: string | undefined
  readonly sandboxImage: string
}

export const dockerLabels = {
  cluster: 'brain-and-muscle.cluster',
  node: 'brain-and-muscle.node',
  /** "podsandbox" or "container". */
  type: 'io.kubernetes.docker.type',
  sandboxId: 'io.kubernetes.sandbox.id',
  attempt: 'io.kubernetes.docker.attempt',
  ip: 'brain-and-muscle.pod-ip',
} as const

/** Docker has no annotations: they become labels with this prefix. */
export const ANNOTATION_PREFIX = 'annotation.'

/** `k8s_POD_<pod>_<namespace>_<uid>_<attempt>`: dockershim's name for a sandbox. */
export function sandboxName({ metadata: { name, namespace, uid, attempt } }: PodSandboxConfig): string {
  return ['k8s', 'POD', name, namespace, uid, attempt].join('_')
}

/** `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>` */
export function containerName(config: ContainerConfig, { metadata }: PodSandboxConfig): string {
  const { name, namespace, uid } = metadata
  return ['k8s', config.metadata.name, name, namespace, uid, config.metadata.attempt].join('_')
}

/**
 * The sandbox: the place's `sandboxImage`, the pod's hostname, and
 *
 * - on the place's network with the pod's address (`EndpointsConfig[network].IPAMConfig.IPv4Address`); without an address
 *   it joins the node container's network instead (`container:<name>`), and then Docker allows no hostname;
 * - `NODE_IP=<node's address>` in its environment and the capability `NET_ADMIN`, with which it makes its node its gateway;
 * - `IpcMode: shareable`, so that the pod's containers can join it;
 * - the labels of the config, the annotations with their prefix, and `dockerLabels`: cluster, node, type `podsandbox`,
 *   attempt, and the address (Docker forgets it when the sandbox stops, the pod's status must not).
 *
 * @lab 5.3 Describe a sandbox to Docker
 */
export function sandboxOptions(config: PodSandboxConfig, place: DockerPlace): ContainerCreateBody {
  throw new NotImplemented(
    '5.3',
    'sandboxOptions',
    'Describe a sandbox to Docker',
    'labs/05-kubelet/src/docker-options.ts',
  )
}

/**
 * A container of the pod. Kubernetes' `command` is Docker's `Entrypoint`, `args` is `Cmd`; what is absent is left out, so
 * that the image's own applies. But an image's `Cmd` is meant as arguments to the image's entrypoint: with a `command` and
 * without `args`, `Cmd` must be empty.
 *
 * - network and IPC of the sandbox: `container:<sandbox id>`;
 * - `Env` as "KEY=value", `WorkingDir`, `User`, `Tty`, `OpenStdin`, `StdinOnce`;
 * - limits: `CpuShares`, `CpuQuota`, `CpuPeriod`, `Memory`, and `MemorySwap` equal to `Memory`, or the limit is none;
 * - mounts as `Binds`, "host:container" or "host:container:ro";
 * - Docker must not restart it (`RestartPolicy` "no"): restarting is the kubelet's business;
 * - labels and annotations as for the sandbox; type `container`, the sandbox's id, and the attempt.
 *
 * @lab 5.3 Describe a container to Docker
 */
export function containerOptions(
  config: ContainerConfig,
  sandbox: PodSandboxConfig,
  sandboxId: string,
  place: DockerPlace,
): ContainerCreateBody {
  throw new NotImplemented(
    '5.3',
    'containerOptions',
    'Describe a container to Docker',
    'labs/05-kubelet/src/docker-options.ts',
  )
}

/** What every container of ours carries: the config's labels, its annotations, and whose it is. */
function labelsOf(
  config: { labels: Readonly<Record<string, string>>; annotations: Readonly<Record<string, string>> },
  place: DockerPlace,
): Record<string, string> {
  const annotations = Object.entries(config.annotations).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value])
  return {
    ...config.labels,
    ...Object.fromEntries(annotations),
    [dockerLabels.cluster]: place.clusterName,
    [dockerLabels.node]: place.nodeName,
  }
}

/** By these a kubelet that has just started finds out which pod a container belongs to. */
function sandboxIdentity({ metadata }: PodSandboxConfig): Record<string, string> {
  return {
    [criLabels.podName]: metadata.name,
    [criLabels.podNamespace]: metadata.namespace,
    [criLabels.podUid]: metadata.uid,
  }
}
