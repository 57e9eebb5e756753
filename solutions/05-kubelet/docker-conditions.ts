/**
 * Whether the runtime is well. An engine that answers is ready, and so is its network; what may be off is the machine: a node
 * is a container here.
 *
 * Source: cri-api `runtime/v1/api.proto` (RuntimeStatus); MachineRunning is our own.
 */
import type { RuntimeCondition } from '#kit/contracts/cri.ts'
import type { DockerEngine } from '#kit/runtime/docker-engine.ts'

export async function runtimeConditions(
  docker: DockerEngine,
  nodeContainer: string | undefined,
): Promise<RuntimeCondition[]> {
  return [well('RuntimeReady'), well('NetworkReady'), await machineCondition(docker, nodeContainer)]
}

/** When the node's container is stopped or paused the machine is off, and a machine that is off says nothing. */
async function machineCondition(docker: DockerEngine, nodeContainer: string | undefined): Promise<RuntimeCondition> {
  if (!nodeContainer) return well('MachineRunning')
  const machine = await docker.inspectContainer(nodeContainer)
  if (machine?.State.Running && !machine.State.Paused) return well('MachineRunning')
  const message = `container ${nodeContainer} is ${machine?.State.Status ?? 'gone'}`
  return { type: 'MachineRunning', status: false, reason: 'NodeContainerNotRunning', message }
}

function well(type: RuntimeCondition['type']): RuntimeCondition {
  return { type, status: true, reason: '', message: '' }
}
