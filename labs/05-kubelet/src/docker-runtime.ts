/**
 * A container runtime made of Docker: the CRI calls, each as the Docker calls that do it.
 *
 * Guarantee: every call may be repeated. Creating what is there returns what is there, stopping what has stopped succeeds.
 * So a kubelet that is killed at any point can begin again from the top, and does not start anything twice.
 *
 * Source: kubernetes 1.23 `pkg/kubelet/dockershim` (docker_sandbox.go, docker_container.go).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import {
  type ContainerConfig,
  criLabels,
  type ExecSyncResponse,
  type ImageService,
  type PodSandboxConfig,
  type ProcessStreams,
  type RuntimeService,
} from '#kit/contracts/cri.ts'
import type { ContainerCreateBody, ContainerInspection, DockerEngine } from '#kit/runtime/docker-engine.ts'
import { runtimeConditions } from './docker-conditions.ts'
import { isolationOptions } from './docker-isolation.ts'
import {
  containerName,
  containerOptions,
  type DockerPlace,
  dockerLabels,
  sandboxName,
  sandboxOptions,
} from './docker-options.ts'
import { portForward } from './docker-port-forward.ts'
import { dockerResources, resourcesOf } from './docker-resources.ts'
import { containerFromSummary, containerStatus, sandboxFromSummary } from './docker-status.ts'
import { readUsage } from './docker-usage.ts'

/** The pause container has nothing to finish. */
const SANDBOX_GRACE_SECONDS = 2

export function createDockerRuntime(docker: DockerEngine, place: DockerPlace): RuntimeService & ImageService {
  const ours = { [dockerLabels.cluster]: place.clusterName, [dockerLabels.node]: place.nodeName }

  /** Everything of one kind, of one pod or of all. */
  function list(type: 'podsandbox' | 'container', podUid: string | undefined) {
    return docker.listContainers({
      ...ours,
      [dockerLabels.type]: type,
      ...(podUid !== undefined && { [criLabels.podUid]: podUid }),
    })
  }

  return {
    async version() {
      return { runtimeName: 'docker', runtimeVersion: await docker.version() }
    },

    status: () => runtimeConditions(docker, place.nodeContainer),

    async runPodSandbox(config) {
      const id = await createOnce(docker, sandboxName(config), sandboxOptions(config, place))
      await docker.startContainer(id)
      return id
    },

    async stopPodSandbox(id) {
      const inside = await docker.listContainers({ ...ours, [dockerLabels.sandboxId]: id })
      const running = inside.filter(({ State }) => State === 'running')
      await Promise.all(running.map(({ Id }) => docker.stopContainer(Id, 0)))
      await docker.stopContainer(id, SANDBOX_GRACE_SECONDS)
    },

    async removePodSandbox(id) {
      const inside = await docker.listContainers({ ...ours, [dockerLabels.sandboxId]: id })
      await Promise.all(inside.map(({ Id }) => docker.removeContainer(Id)))
      await docker.removeContainer(id)
    },

    async podSandboxStatus(id) {
      const found = await docker.inspectContainer(id)
      if (!found) return undefined
      const summary = { Id: found.Id, Created: 0, State: found.State.Status, Labels: found.Config.Labels }
      return { ...sandboxFromSummary(summary), createdAtMs: Date.parse(found.Created) }
    },

    listPodSandbox: async (filter) => (await list('podsandbox', filter?.podUid)).map(sandboxFromSummary),

    createContainer(sandboxId: string, config: ContainerConfig, sandbox: PodSandboxConfig) {
      const body = containerOptions(config, sandbox, sandboxId, place)
      const HostConfig = { ...body.HostConfig, ...isolationOptions(config, sandboxId, place) }
      return createOnce(docker, containerName(config, sandbox), { ...body, HostConfig })
    },
    startContainer: (id) => docker.startContainer(id),
    stopContainer: (id, timeoutSeconds) => docker.stopContainer(id, timeoutSeconds),
    removeContainer: (id) => docker.removeContainer(id),
    updateContainerResources: (id, resources) => docker.updateContainer(id, dockerResources(resources)),
    usage: () => readUsage(docker, ours, place.nodeContainer),
    listContainers: async (filter) => (await list('container', filter?.podUid)).map(containerFromSummary),

    async containerStatus(id) {
      const found = await inspectSettled(docker, id)
      return found && { ...containerStatus(found), resources: resourcesOf(found) }
    },

    execSync: (id, command, timeoutSeconds) => execSync(docker, id, command, timeoutSeconds),
    exec: (id, command, options) => docker.exec(id, command, options),
    attach: (id, options) => docker.attach(id, options),
    async portForward(sandboxId, port) {
      const sandbox = await docker.inspectContainer(sandboxId)
      return portForward(docker, sandboxId, sandbox?.Config.Labels[dockerLabels.ip] || undefined, port)
    },

    async *containerLogs(id, request, signal) {
      const found = await docker.inspectContainer(id)
      if (!found) return
      yield* docker.logs(id, { ...request, tty: found.Config.Tty ?? false }, signal)
    },

    async *containerEvents(signal) {
      for await (const { labels } of docker.events(ours, signal)) {
        // The node container itself carries the same labels, and belongs to no pod.
        yield { podUid: labels[criLabels.podUid] ?? '' }
      }
    },

    imageStatus: (image) => docker.inspectImage(image),
    listImages: () => docker.listImages(),
    async pullImage(image) {
      await docker.pullImage(image)
      const pulled = await docker.inspectImage(image)
      if (!pulled) throw new Error(`${image} was pulled, and yet is not there`)
      return pulled.id
    },
  }
}

/**
 * Creates the container, or finds the one that already has this name. Docker refuses a taken name with 409, which here is
 * good news: an earlier kubelet got that far. The name says which attempt of which pod it is, so it is the right one.
 * Any other refusal goes to the caller. Returns the id.
 *
 * @lab 5.3 Create a container only once
 */
export async function createOnce(docker: DockerEngine, name: string, body: ContainerCreateBody): Promise<string> {
  throw new NotImplemented('5.3', 'createOnce', 'Create a container only once', 'labs/05-kubelet/src/docker-runtime.ts')
}

const KILLED = 137
const OOM_NEWS_MS = 500
const OOM_PAUSE_MS = 100

/**
 * The engine hears of a death and of its cause, out of memory, on different paths, and the cause may come a moment later.
 * So whoever was killed just now is looked at twice: what is reported first may be reported for good.
 */
async function inspectSettled(docker: DockerEngine, id: string): Promise<ContainerInspection | undefined> {
  const found = await docker.inspectContainer(id)
  const { ExitCode, OOMKilled, FinishedAt } = found?.State ?? { ExitCode: 0, OOMKilled: false, FinishedAt: '' }
  const isFresh = ExitCode === KILLED && !OOMKilled && Date.now() - Date.parse(FinishedAt) < OOM_NEWS_MS
  if (!isFresh) return found
  await new Promise((resolve) => setTimeout(resolve, OOM_PAUSE_MS))
  return docker.inspectContainer(id)
}

async function execSync(
  docker: DockerEngine,
  id: string,
  command: readonly string[],
  timeoutSeconds: number,
): Promise<ExecSyncResponse> {
  const options = { stdin: false, stdout: true, stderr: true, tty: false }
  const process: ProcessStreams = await docker.exec(id, command, options)
  const timer = setTimeout(() => process.close(), timeoutSeconds * 1000)
  const texts = { stdout: '', stderr: '' }
  try {
    for await (const { stream, bytes } of process.output) texts[stream] += Buffer.from(bytes).toString('utf8')
    return { ...texts, exitCode: await process.exitCode() }
  } finally {
    clearTimeout(timer)
  }
}
