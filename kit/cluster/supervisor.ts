/**
 * Runs the cluster's processes and brings back the ones that die, as an init system does for the real components.
 *
 * Guarantees: a component that exits is started again, at once the first time, later with a growing pause; each process
 * writes to its own log file; `stop` returns only when none is left; `state.json` always names every live process, so that
 * `cluster down` can clean up even after this process itself was killed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, closeSync, openSync, renameSync, statSync } from 'node:fs'
import type { ClusterDirectory } from './cluster-directory.ts'
import { writeJsonFile } from './cluster-directory.ts'
import type { Component } from './components.ts'

export interface ComponentState {
  /** Undefined while it waits to be started again. */
  readonly pid?: number
  readonly restarts: number
}

export interface ClusterState {
  readonly supervisorPid: number
  readonly startedAt: string
  /** "3,4" when labs 3 and 4 are the learner's own. */
  readonly mine?: string
  readonly runtime: 'docker' | 'fake'
  readonly components: Readonly<Record<string, ComponentState>>
}

export interface SupervisorOptions {
  readonly directory: Pick<ClusterDirectory, 'stateFile' | 'logFile'>
  readonly components: readonly Component[]
  /** Command and first arguments that run a component's program. */
  readonly commandFor: (component: Component) => readonly [string, ...string[]]
  readonly about: Pick<ClusterState, 'mine' | 'runtime'>
  /** A component has ended by itself, and is about to be started again. */
  readonly onExit?: (component: string, how: string) => void
}

export interface Supervisor {
  readonly state: () => ClusterState
  stop(): Promise<void>
}

const RESTART_FIRST_MS = 100
const RESTART_LAST_MS = 5_000
/** A component that ran this long is healthy: its next restart is quick again. */
const HEALTHY_AFTER_MS = 10_000
/** How long a component may take to stop before it is killed. */
const STOP_GRACE_MS = 3_000
const LOG_ROTATE_BYTES = 10 * 1024 * 1024

export function startSupervisor(options: SupervisorOptions): Supervisor {
  const { directory, components, commandFor, about, onExit } = options
  const startedAt = new Date().toISOString()
  const running = new Map<string, { child?: ChildProcess | undefined; restarts: number }>()
  const pauses = new Set<NodeJS.Timeout>()
  let stopping = false

  function state(): ClusterState {
    const entries = [...running].map(([name, { child, restarts }]) => [
      name,
      { ...(child?.pid && { pid: child.pid }), restarts },
    ])
    return { supervisorPid: process.pid, startedAt, ...about, components: Object.fromEntries(entries) }
  }

  function start(component: Component, restarts: number, pauseMs: number): void {
    const [command, ...args] = commandFor(component)
    const log = openSync(directory.logFile(component.name), 'a')
    // A process group of its own: Ctrl-C reaches only the supervisor, which then stops the components in order.
    const child = spawn(command, [...args, ...component.args], { stdio: ['ignore', log, log], detached: true })
    closeSync(log)
    const startedMs = Date.now()
    running.set(component.name, { child, restarts })
    writeJsonFile(directory.stateFile, state())
    child.on('error', (error) => note(directory, component.name, `could not be started: ${error.message}`))
    child.on('exit', (code, signal) => {
      if (stopping) return
      const nextPauseMs = Date.now() - startedMs > HEALTHY_AFTER_MS ? RESTART_FIRST_MS : pauseMs
      const how = signal ? `was killed by ${signal}` : `exited with code ${code}`
      note(directory, component.name, `${how}; starting it again in ${nextPauseMs} ms`)
      onExit?.(component.name, how)
      running.set(component.name, { restarts: restarts + 1 })
      writeJsonFile(directory.stateFile, state())
      const pause = setTimeout(() => {
        pauses.delete(pause)
        start(component, restarts + 1, Math.min(nextPauseMs * 2, RESTART_LAST_MS))
      }, nextPauseMs)
      pauses.add(pause)
    })
  }

  for (const component of components) {
    rotateLog(directory.logFile(component.name))
    start(component, 0, RESTART_FIRST_MS)
  }

  return {
    state,
    async stop() {
      stopping = true
      for (const pause of pauses) clearTimeout(pause)
      // Clients first, then what they talk to: nobody spends its last second complaining about a lost server.
      const children = [...running.values()].map(({ child }) => child).reverse()
      await Promise.all(children.map((child) => child && stopChild(child)))
    },
  }
}

/** SIGTERM, and SIGKILL for who does not listen. */
function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
    child.once('exit', () => {
      clearTimeout(kill)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

function note(directory: SupervisorOptions['directory'], component: string, what: string): void {
  appendFileSync(directory.logFile(component), `${new Date().toISOString()} warn  supervisor ${component} ${what}\n`)
}

/** Keeps one earlier file; a fresh start of a small log just goes on in it. */
function rotateLog(file: string): void {
  try {
    if (statSync(file).size > LOG_ROTATE_BYTES) renameSync(file, `${file}.1`)
  } catch {
    // There is no log yet.
  }
}
