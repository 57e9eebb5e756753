/**
 * Removes what a cluster left on the machine: processes, containers, network. Its data stays, so that the next start resumes.
 *
 * A process is only ended when it is certainly ours: its id is in `state.json` and its command line names this cluster's
 * directory (ids are reused after a crash or a reboot).
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Dockerode from 'dockerode'
import { type ClusterDirectory, readJsonFile } from './cluster-directory.ts'
import { removeCluster } from './network.ts'
import type { ClusterState } from './supervisor.ts'

const SUPERVISOR_GRACE_MS = 15_000

/** The state of a cluster whose supervisor runs, or undefined. */
export function runningState(directory: ClusterDirectory): ClusterState | undefined {
  const state = readJsonFile<ClusterState>(directory.stateFile)
  return state && isSupervisor(state.supervisorPid) ? state : undefined
}

/** Stops a running cluster and cleans up after a crashed one. @returns what was there to remove. */
export async function tearDown(directory: ClusterDirectory): Promise<'running' | 'leftovers' | 'nothing'> {
  const running = runningState(directory)
  if (running) {
    process.kill(running.supervisorPid, 'SIGTERM')
    await untilGone(running.supervisorPid, SUPERVISOR_GRACE_MS)
  }
  const leftovers = killLeftoverProcesses(directory)
  const containers = await removeContainers(directory.name)
  rmSync(directory.stateFile, { force: true })
  if (running) return 'running'
  return leftovers + containers > 0 ? 'leftovers' : 'nothing'
}

/** Ends components that outlived their supervisor. @returns how many there were. */
export function killLeftoverProcesses(directory: ClusterDirectory): number {
  const state = readJsonFile<ClusterState>(directory.stateFile)
  const pids = Object.values(state?.components ?? {}).flatMap(({ pid }) => pid ?? [])
  const ours = pids.filter((pid) => commandLine(pid).includes(directory.root))
  for (const pid of ours) process.kill(pid, 'SIGKILL')
  return ours.length
}

async function removeContainers(clusterName: string): Promise<number> {
  const docker = new Dockerode()
  try {
    await docker.ping()
  } catch {
    return 0
  }
  const filters = { label: [`brain-and-muscle.cluster=${clusterName}`] }
  const found = await docker.listContainers({ all: true, filters })
  await removeCluster(docker, clusterName)
  return found.length
}

/** The directory that a supervisor's program lies in; its command line names it. */
const SUPERVISOR_PROGRAMS = fileURLToPath(new URL('../cli/', import.meta.url))

function isSupervisor(pid: number): boolean {
  return pid === process.pid || commandLine(pid).includes(SUPERVISOR_PROGRAMS)
}

function commandLine(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

async function untilGone(pid: number, timeoutMs: number): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs
  while (Date.now() < deadlineMs && commandLine(pid) !== '') await new Promise((resolve) => setTimeout(resolve, 50))
}
