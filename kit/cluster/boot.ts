/**
 * Boots a cluster: network, certificates, programs, then all components at once; each waits for what it needs by itself.
 *
 * The composition root of the whole kit. Whoever calls it (the command line, a test) brings the options and shows the progress.
 */
import { rmSync } from 'node:fs'
import Dockerode from 'dockerode'
import type { RunningComponent } from '../contracts/running-component.ts'
import { ensureImages } from '../images/ensure-images.ts'
import { type ClusterDirectory, clusterDirectory, createDirectories, writeJsonFile } from './cluster-directory.ts'
import { type Component, LAB_OF_PROGRAM, planComponents } from './components.ts'
import { ensureCredentials } from './credentials.ts'
import { type ClusterLayout, decideLayout } from './layout.ts'
import { logEnd, type MissingPart, missingPartsIn, readLogSince } from './missing-parts.ts'
import { claimNetwork, nodeIpOf, podCidrOf, removeCluster } from './network.ts'
import { ensureNodeContainer } from './node-container.ts'
import { bundlePrograms, programFile } from './programs.ts'
import { type Progress, untilNodesReady } from './readiness.ts'
import { type ClusterState, startSupervisor } from './supervisor.ts'
import { killLeftoverProcesses } from './teardown.ts'
import { pluginsToDoWithout } from './unwritten-controllers.ts'

export interface BootOptions {
  readonly name: string
  readonly nodes: number
  readonly etcdMembers: number
  readonly runtime: 'docker' | 'fake'
  /** The learner's labs, "3" or "1,4" or "all". */
  readonly mine?: string | undefined
  readonly apiServerPort?: number | undefined
  readonly etcdEndpoints?: readonly string[] | undefined
  /** All components in this process, which must run with the import conditions that `mine` asks for. */
  readonly inProcess?: boolean | undefined
  /** Where `.cluster/` lies; the working directory unless a test says otherwise. */
  readonly base?: string | undefined
}

/** The steps of a boot, in order, for whoever shows progress. */
export interface BootSteps {
  /** Images, network and node containers; does nothing with the fake runtime. */
  prepareRuntime(report: (line: string) => void): Promise<void>
  /** Directory, layout, certificates, programs. */
  prepareFiles(): Promise<void>
  startComponents(): Promise<void>
  /** @returns whether all nodes are Ready. */
  waitForNodes(report: (progress: Progress) => void): Promise<boolean>
}

export interface Cluster extends BootSteps {
  readonly directory: ClusterDirectory
  /** What the components' logs say is not written yet, since this boot. */
  missingParts(): MissingPart[]
  /** Ends all processes and removes containers and network. The data stays. */
  stop(): Promise<void>
}

const READY_TIMEOUT_MS = 60_000
const PATIENCE_WITH_STUBS_MS = 5_000
/** Without etcd, API server and kubelets no node becomes ready. */
const NEEDED_LABS = [1, 2, 5]

export function createCluster(options: BootOptions): Cluster {
  const directory = clusterDirectory(options.name, options.base)
  const withDocker = options.runtime === 'docker'
  const docker = new Dockerode()
  let layout: ClusterLayout | undefined
  let components: Component[] = []
  let running: RunningComponent | undefined
  let bundling: Promise<void> | undefined
  let startedMs = 0
  const logOffsets = new Map<string, number>()

  async function knownLayout(): Promise<ClusterLayout> {
    createDirectories(directory)
    layout ??= await decideLayout(directory, {
      etcdMembers: options.etcdEndpoints ? 0 : options.etcdMembers,
      nodes: options.nodes,
      apiServerPort: options.apiServerPort,
      claimNetwork: async (lastTime) =>
        withDocker ? claimNetwork(docker, options.name, lastTime) : { subnet: '10.244.0.0/16', gateway: '127.0.0.1' },
      nodeAddresses: (network, ordinal) => ({
        ip: withDocker ? nodeIpOf(network, ordinal) : '127.0.0.1',
        podCidr: withDocker ? podCidrOf(network, ordinal) : `10.244.${ordinal}.0/24`,
      }),
    })
    return layout
  }

  /** Goes on beside the making of the network; `prepareFiles` waits for it and reports its errors. */
  function startBundling(): void {
    if (options.inProcess) return
    bundling = bundlePrograms(directory, options.mine)
    bundling.catch(() => {})
  }

  function missingParts(): MissingPart[] {
    return components.flatMap(({ name, program }) => {
      const log = readLogSince(directory.logFile(name), logOffsets.get(name) ?? 0)
      // A client of a stub logs the stub's words as well: only the component whose part is missing counts.
      return missingPartsIn(name, log).filter(({ step }) => labOf(step) === LAB_OF_PROGRAM[program])
    })
  }

  let hopelessSinceMs: number | undefined

  /** Whether a part is missing without which nodes may never be ready; after a while, for perhaps they are all the same. */
  function isHopeless(): boolean {
    if (missingParts().some(({ step }) => NEEDED_LABS.includes(labOf(step)))) hopelessSinceMs ??= Date.now()
    return hopelessSinceMs !== undefined && Date.now() - hopelessSinceMs > PATIENCE_WITH_STUBS_MS
  }

  async function startHere(parts: readonly Component[], about: Pick<ClusterState, 'mine' | 'runtime'>) {
    // Loaded only now: it brings the code of all components, which a cluster of processes does not need here.
    const { startInProcess } = await import('./in-process.ts')
    const startedAt = new Date(startedMs).toISOString()
    const state: ClusterState = { supervisorPid: process.pid, startedAt, ...about, components: {} }
    writeJsonFile(directory.stateFile, state)
    return startInProcess(parts)
  }

  return {
    directory,
    missingParts,

    async prepareRuntime(report) {
      // Before ports are chosen: what a crashed predecessor left would hold them.
      killLeftoverProcesses(directory)
      startBundling()
      if (!withDocker) return
      await ensureImages(docker, ({ reference, step }) => report(`${step} ${reference}`))
      report('network')
      const { network, nodes } = await knownLayout()
      report('node containers')
      await Promise.all(
        nodes.map((node) =>
          ensureNodeContainer(docker, {
            clusterName: options.name,
            nodeName: node.name,
            nodeIp: node.ip,
            podCidr: node.podCidr,
            clusterCidr: network.subnet,
            gateway: network.gateway,
            kubeletPort: node.kubeletPort,
            peers: nodes.filter((peer) => peer !== node).map(({ ip, podCidr }) => ({ nodeIp: ip, podCidr })),
          }),
        ),
      )
    },

    async prepareFiles() {
      await Promise.all([ensureCredentials(directory, await knownLayout()), bundling])
    },

    async startComponents() {
      if (!layout) throw new Error('startComponents() before prepareFiles()')
      const { runtime, etcdEndpoints, mine } = options
      const disabledAdmissionPlugins = pluginsToDoWithout(mine)
      components = planComponents({ directory, layout, runtime, etcdEndpoints, disabledAdmissionPlugins })
      for (const { name } of components) logOffsets.set(name, logEnd(directory.logFile(name)))
      startedMs = Date.now()
      const about = { runtime, ...(mine && { mine }) }
      running = options.inProcess
        ? await startHere(components, about)
        : startSupervisor({
            directory,
            components,
            commandFor: ({ program }) => [process.execPath, ...NODE_FLAGS, programFile(directory, program)],
            about,
          })
    },

    waitForNodes: (report) =>
      untilNodesReady({
        directory,
        nodes: (layout?.nodes ?? []).map(({ name }) => name),
        sinceMs: startedMs,
        timeoutMs: READY_TIMEOUT_MS,
        report,
        hopeless: isHopeless,
      }),

    async stop() {
      await running?.stop()
      if (withDocker) await removeCluster(docker, options.name)
      rmSync(directory.stateFile, { force: true })
    },
  }
}

/** DEP0123: the gRPC client puts etcd's address where TLS wants a name; nothing that a reader of the log could do about it. */
const NODE_FLAGS = ['--enable-source-maps', '--disable-warning=DEP0123']

/** The lab of step "3.2": 3. */
function labOf(step: string): number {
  return Number(step.split('.')[0])
}
