/**
 * From Docker's words back to CRI's: what an inspection or a listing says about a sandbox or a container.
 *
 * Everything the kubelet must remember about a container is written on the container itself, as labels. So there is no
 * file to lose, and a kubelet that has just started knows as much as one that ran all the time.
 *
 * Source: kubernetes 1.23 `pkg/kubelet/dockershim` (convert.go, docker_container.go).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import {
  type Container,
  type ContainerState,
  type ContainerStatus,
  criLabels,
  type PodSandbox,
} from '#kit/contracts/cri.ts'
import type { ContainerInspection, ContainerSummary } from '#kit/runtime/docker-engine.ts'
import { ANNOTATION_PREFIX, dockerLabels } from './docker-options.ts'

/** Docker's word for the state ("created", "running", "paused", "restarting", "exited", "dead") in CRI's. */
export function containerState(docker: string): ContainerState {
  switch (docker) {
    case 'created':
      return 'CONTAINER_CREATED'
    // A paused container has not ended: nobody must start another beside it.
    case 'running':
    case 'paused':
      return 'CONTAINER_RUNNING'
    case 'exited':
    case 'dead':
      return 'CONTAINER_EXITED'
    default:
      return 'CONTAINER_UNKNOWN'
  }
}

/** From a listing. */
export function containerFromSummary({ Id, Created, State, Labels }: ContainerSummary): Container {
  return {
    id: Id,
    podSandboxId: Labels[dockerLabels.sandboxId] ?? '',
    metadata: { name: Labels[criLabels.containerName] ?? '', attempt: Number(Labels[dockerLabels.attempt] ?? 0) },
    state: containerState(State),
    createdAtMs: Created * 1000,
    ...splitLabels(Labels),
  }
}

/** From a listing, of a sandbox. */
export function sandboxFromSummary({ Id, Created, State, Labels }: ContainerSummary): PodSandbox {
  return {
    id: Id,
    metadata: {
      name: Labels[criLabels.podName] ?? '',
      namespace: Labels[criLabels.podNamespace] ?? '',
      uid: Labels[criLabels.podUid] ?? '',
      attempt: Number(Labels[dockerLabels.attempt] ?? 0),
    },
    state: containerState(State) === 'CONTAINER_RUNNING' ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY',
    createdAtMs: Created * 1000,
    ip: Labels[dockerLabels.ip] || undefined,
    labels: splitLabels(Labels).labels,
  }
}

/**
 * From an inspection: the whole status of a container.
 *
 * Docker calls a container that could not be started "created", with an exit code (126, 127 or 128) and an error. To CRI
 * that one has exited: with code 128, reason `StartError`, Docker's error as the message, and the end at its creation.
 * Other reasons, once exited: `OOMKilled` if Docker says so (whatever the exit code), `Completed` for exit code 0,
 * `Error` otherwise. Times in milliseconds since the epoch; Docker's "0001-01-01T00:00:00Z" means never, which is 0.
 *
 * @lab 5.3 Read a container's status from Docker
 */
export function containerStatus(inspection: ContainerInspection): ContainerStatus {
  throw new NotImplemented(
    '5.3',
    'containerStatus',
    "Read a container's status from Docker",
    'labs/05-kubelet/src/docker-status.ts',
  )
}

/** Milliseconds since the epoch; 0 for Docker's zero time. */
export function parseTime(time: string): number {
  return time.startsWith('0001-') ? 0 : Date.parse(time)
}

function splitLabels(docker: Readonly<Record<string, string>>): {
  labels: Record<string, string>
  annotations: Record<string, string>
} {
  const labels: Record<string, string> = {}
  const annotations: Record<string, string> = {}
  for (const [key, value] of Object.entries(docker)) {
    if (key.startsWith(ANNOTATION_PREFIX)) annotations[key.slice(ANNOTATION_PREFIX.length)] = value
    else labels[key] = value
  }
  return { labels, annotations }
}
