/**
 * How far a container is kept apart from the others, beyond what all containers of a pod share: whose processes it sees, and
 * which of root's powers it has. Given, since it is but a matter of Docker's words.
 *
 * Source: kubernetes 1.23 `pkg/kubelet/dockershim/security_context.go`.
 */
import type { ContainerConfig } from '#kit/contracts/cri.ts'
import type { ContainerCreateBody } from '#kit/runtime/docker-engine.ts'
import type { DockerPlace } from './docker-options.ts'

export function isolationOptions(
  { processes, capabilities }: ContainerConfig,
  sandboxId: string,
  { nodeContainer }: Pick<DockerPlace, 'nodeContainer'>,
): Partial<NonNullable<ContainerCreateBody['HostConfig']>> {
  const { add = [], drop = [] } = capabilities ?? {}
  return {
    ...(processes && { PidMode: pidMode(processes, sandboxId, nodeContainer) }),
    ...(add.length > 0 && { CapAdd: [...add] }),
    ...(drop.length > 0 && { CapDrop: [...drop] }),
  }
}

/** The node is a container here, and its processes are those that live in it. */
function pidMode(
  processes: NonNullable<ContainerConfig['processes']>,
  sandboxId: string,
  nodeContainer?: string,
): string {
  if (processes === 'node') return nodeContainer ? `container:${nodeContainer}` : 'host'
  return `container:${processes === 'pod' ? sandboxId : processes.container}`
}
