/**
 * The seam between the kubelet and whatever really runs containers, with the names of Kubernetes' Container Runtime
 * Interface (CRI). The kubelet knows nothing of Docker: it speaks to a RuntimeService and an ImageService.
 *
 * Two differences from CRI, both on purpose:
 * - CRI is gRPC over a socket; this is the same interface in one process, so that a lab needs no second server.
 * - CRI leaves the pod's IP to a CNI plugin inside the runtime; here the kubelet chooses it (`PodSandboxConfig.ip`).
 *
 * Source: k8s.io/cri-api `pkg/apis/runtime/v1/api.proto`.
 */
import type { Duplex } from 'node:stream'

/** Labels that the kubelet puts on what it creates, and by which it finds its own again after a restart. */
export const criLabels = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const

/** Annotations: what the kubelet wants to read back, but never selects by. */
export const criAnnotations = {
  /** Fingerprint of the container's spec; another one means that the container must be made anew. */
  containerHash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
} as const

export interface PodSandboxMetadata {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  /** 0 for a pod's first sandbox, one more each time that a dead one is replaced. */
  readonly attempt: number
}

/** What a pod's containers share: network, hostname, IPC. */
export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata
  readonly hostname: string
  /** The pod's address, out of the node's pod CIDR; absent for a pod on its node's own network. */
  readonly ip?: string | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export type PodSandboxState = 'SANDBOX_READY' | 'SANDBOX_NOTREADY'

export interface PodSandbox {
  readonly id: string
  readonly metadata: PodSandboxMetadata
  readonly state: PodSandboxState
  /** Milliseconds since the Unix epoch, as all times here. */
  readonly createdAtMs: number
  /** Still known when the sandbox has stopped. */
  readonly ip?: string | undefined
  readonly labels: Readonly<Record<string, string>>
}

export interface Mount {
  readonly hostPath: string
  readonly containerPath: string
  readonly readonly: boolean
}

export interface LinuxContainerResources {
  /** Relative weight: 1024 for one core requested, never below 2. */
  readonly cpuShares?: number | undefined
  /** CPU time per `cpuPeriodUs`; 0 or absent is unlimited. */
  readonly cpuQuotaUs?: number | undefined
  readonly cpuPeriodUs?: number | undefined
  readonly memoryLimitBytes?: number | undefined
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string /** The restart count. */; readonly attempt: number }
  readonly image: string
  /** Replaces the image's entrypoint; absent keeps it. */
  readonly command?: readonly string[] | undefined
  /** Replaces the image's default arguments; absent keeps them, unless `command` is given. */
  readonly args?: readonly string[] | undefined
  readonly workingDir?: string | undefined
  readonly envs: readonly { readonly key: string; readonly value: string }[]
  readonly mounts: readonly Mount[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly resources: LinuxContainerResources
  readonly stdin: boolean
  readonly stdinOnce: boolean
  readonly tty: boolean
  /** "1000" or "1000:2000"; absent keeps the image's user. */
  readonly user?: string | undefined
  readonly privileged?: boolean | undefined
  readonly readonlyRootfs?: boolean | undefined
  /** Whose processes it sees: all of the pod's, all of the node's, or those of another container. Absent: its own. */
  readonly processes?: 'pod' | 'node' | { readonly container: string } | undefined
  /** As the image's own, with these added and taken away: "NET_ADMIN", "ALL". */
  readonly capabilities?: { readonly add: readonly string[]; readonly drop: readonly string[] } | undefined
}

export type ContainerState = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN'

/** What a listing tells about a container. */
export interface Container {
  readonly id: string
  readonly podSandboxId: string
  readonly metadata: { readonly name: string; readonly attempt: number }
  readonly state: ContainerState
  readonly createdAtMs: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What a closer look tells in addition. */
export interface ContainerStatus extends Container {
  readonly image: string
  /** The image's digest or id, as in `imageID`. */
  readonly imageRef: string
  /** 0 until it started. */
  readonly startedAtMs: number
  /** 0 until it exited. */
  readonly finishedAtMs: number
  /** Meaningful once exited. */
  readonly exitCode: number
  /** `Completed`, `Error`, `OOMKilled`, `StartError`; empty before the exit. */
  readonly reason: string
  readonly message: string
  /** What it may use now; absent where the runtime cannot tell. */
  readonly resources?: LinuxContainerResources | undefined
}

/** What was used so far, and is used at this moment. */
export interface Usage {
  /** When it was measured. */
  readonly atMs: number
  /** Only ever grows, as long as the container runs. */
  readonly cpuNanoseconds: number
  /** Memory that cannot be had back at once: all that is used, without the file cache that nobody needed lately. */
  readonly workingSetBytes: number
}

export interface ContainerUsage extends Usage {
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
  readonly startedAtMs: number
}

/** Of everything that runs. CRI's ListContainerStats and ListPodSandboxStats; the machine is ours, as in MachineRunning. */
export interface RuntimeUsage {
  readonly containers: readonly ContainerUsage[]
  readonly sandboxes: readonly ContainerUsage[]
  /** The node's own container, where a node is one. */
  readonly machine?: ContainerUsage | undefined
}

export interface RuntimeCondition {
  /** `MachineRunning` is ours: a node is a container here, and a machine that is switched off sends no heartbeat. */
  readonly type: 'RuntimeReady' | 'NetworkReady' | 'MachineRunning'
  readonly status: boolean
  readonly reason: string
  readonly message: string
}

export interface ExecSyncResponse {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

export interface StreamOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

/** A process in a container with its streams: what exec and attach give. */
export interface ProcessStreams {
  /** Resolves when the process can take more. */
  write(input: Uint8Array): Promise<void>
  /** No more input: the process reads end-of-file. */
  endInput(): void
  resize(size: { readonly width: number; readonly height: number }): void
  /** Ends when the process has ended and all was read. With a tty everything comes as stdout. */
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }>
  /** Known once `output` has ended. For an attached container: 0. */
  exitCode(): Promise<number>
  /** Lets go of the streams; the process goes on. */
  close(): void
}

export interface LogRequest {
  readonly follow: boolean
  /** Only the last so many lines. */
  readonly tailLines?: number | undefined
  readonly sinceMs?: number | undefined
}

export interface LogEntry {
  readonly stream: 'stdout' | 'stderr'
  /** RFC 3339 with nanoseconds. */
  readonly time: string
  /** One line with its newline; without one if the process wrote none. */
  readonly text: string
}

export interface ContainerEvent {
  readonly podUid: string
}

/** Everything is idempotent: stopping what has stopped and removing what is gone succeed. */
export interface RuntimeService {
  version(): Promise<{ readonly runtimeName: string; readonly runtimeVersion: string }>
  status(): Promise<readonly RuntimeCondition[]>

  /** Creates and starts; returns the id. The same metadata again returns the sandbox that is there. */
  runPodSandbox(config: PodSandboxConfig): Promise<string>
  /** Also kills containers that still run in it. */
  stopPodSandbox(id: string): Promise<void>
  /** Also removes its containers. */
  removePodSandbox(id: string): Promise<void>
  /** Undefined when there is none. */
  podSandboxStatus(id: string): Promise<PodSandbox | undefined>
  listPodSandbox(filter?: { readonly podUid?: string }): Promise<readonly PodSandbox[]>

  /** Returns the id. The same sandbox, name and attempt again return the container that is there. */
  createContainer(podSandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig): Promise<string>
  startContainer(id: string): Promise<void>
  /** SIGTERM, then SIGKILL after so many seconds; resolves when the container has stopped. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>
  removeContainer(id: string): Promise<void>
  /** Takes hold at once, without a restart. Throws when it cannot be, such as less memory than is in use. */
  updateContainerResources(id: string, resources: LinuxContainerResources): Promise<void>
  listContainers(filter?: { readonly podUid?: string }): Promise<readonly Container[]>
  /** Undefined when there is none. */
  containerStatus(id: string): Promise<ContainerStatus | undefined>

  usage(): Promise<RuntimeUsage>

  execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecSyncResponse>
  exec(id: string, command: readonly string[], options: StreamOptions): Promise<ProcessStreams>
  attach(id: string, options: StreamOptions): Promise<ProcessStreams>
  /** A connection to a port as the pod's own processes see it, loopback included. Rejects, or ends with an error, if nobody is there. */
  portForward(podSandboxId: string, port: number): Promise<Duplex>
  /** CRI has the kubelet read log files; Docker keeps its own, so the runtime reads them. Oldest first. */
  containerLogs(id: string, request: LogRequest, signal: AbortSignal): AsyncIterable<LogEntry>

  /** CRI's GetContainerEvents: tells at once that something happened in a pod. May miss some; relisting finds those. */
  containerEvents(signal: AbortSignal): AsyncIterable<ContainerEvent>
}

export interface Image {
  readonly id: string
  readonly repoTags: readonly string[]
  readonly sizeBytes: number
}

export interface ImageService {
  /** Undefined when the image is not on this machine. */
  imageStatus(image: string): Promise<Image | undefined>
  /** Returns the image's id. Throws when it cannot be had; the message goes into the pod's status. */
  pullImage(image: string): Promise<string>
  listImages(): Promise<readonly Image[]>
}
