/**
 * Asks the probes' questions, each at its own pace, and tells the pod's worker when a verdict changes.
 *
 * The kubelet runs on the host and reaches pods directly, so it asks over the network itself; only `exec` probes go
 * through the runtime.
 *
 * Source: kubernetes `pkg/kubelet/prober/prober.go`, `pkg/probe`.
 */
import type { Container, Pod, Probe, Stored } from '#kit/api/objects.ts'
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import type { ContainerStatus, RuntimeService } from '#kit/contracts/cri.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { FailedProbes } from './pod-actions.ts'
import { askOnce } from './probe-questions.ts'
import { initialProbeState, isProbeDue, observeAnswer, type ProbeKind, type ProbeState } from './probes.ts'
import type { ProbeVerdict } from './status/container-statuses.ts'

export interface ProberParts {
  readonly runtime: RuntimeService
  readonly clock: Clock
  readonly log: Log
  /** A verdict changed: look at the pod. */
  changed(podUid: string): void
  /** For the event `Unhealthy`. */
  unhealthy(pod: Stored<Pod>, container: Container, message: string): void
}

export interface Prober {
  /** Starts asking the containers that run, stops asking those that do not. */
  follow(pod: Stored<Pod>, running: readonly ContainerStatus[], podIp: string): void
  forget(podUid: string): void
  /** By container id. */
  verdicts(podUid: string): Record<string, ProbeVerdict>
  failed(podUid: string): FailedProbes
  stop(): void
}

interface Worker {
  readonly podUid: string
  readonly containerId: string
  readonly kind: ProbeKind
  readonly probe: Probe
  state: ProbeState
  timer: Timer | undefined
  stopped: boolean
}

export function createProber({ runtime, clock, log, changed, unhealthy }: ProberParts): Prober {
  const workers = new Map<string, Worker>()
  const stop = (key: string, worker: Worker) => {
    worker.stopped = true
    worker.timer?.cancel()
    workers.delete(key)
  }
  const workerOf = (containerId: string, kind: ProbeKind) => workers.get(`${containerId}/${kind}`)
  const hasStarted = (containerId: string) => {
    const startup = workerOf(containerId, 'startup')
    return !startup || startup.state.result === 'success'
  }

  function start(
    pod: Stored<Pod>,
    container: Container,
    status: ContainerStatus,
    kind: ProbeKind,
    podIp: string,
  ): void {
    const probe = container[`${kind}Probe`]
    const key = `${status.id}/${kind}`
    if (!probe || workers.has(key)) return
    const state = initialProbeState(kind)
    const worker: Worker = {
      podUid: pod.metadata.uid,
      containerId: status.id,
      kind,
      probe,
      state,
      timer: undefined,
      stopped: false,
    }
    workers.set(key, worker)
    const ask = async () => {
      if (
        isProbeDue(kind, probe, { startedAtMs: status.startedAtMs, hasStarted: hasStarted(status.id) }, clock.now())
      ) {
        const failure = await askOnce(runtime, probe, container, status.id, podIp)
        if (worker.stopped) return
        if (failure !== undefined) unhealthy(pod, container, `${titles[kind]} probe failed: ${failure}`)
        const before = worker.state.result
        worker.state = observeAnswer(worker.state, failure === undefined ? 'success' : 'failure', probe)
        if (worker.state.result !== before) changed(worker.podUid)
      }
    }
    const again = () => {
      ask()
        .catch((error: unknown) => log.error(`${kind} probe of ${pod.metadata.name}/${container.name}`, error))
        .finally(() => {
          if (!worker.stopped) worker.timer = clock.setTimer((probe.periodSeconds ?? 10) * 1000, again)
        })
    }
    const firstMs = status.startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now()
    worker.timer = clock.setTimer(Math.max(0, firstMs), again)
  }

  return {
    follow(pod, running, podIp) {
      for (const [key, worker] of workers) {
        const isOurs = worker.podUid === pod.metadata.uid
        if (isOurs && !running.some(({ id }) => id === worker.containerId)) stop(key, worker)
      }
      for (const status of running) {
        const container = pod.spec?.containers.find(({ name }) => name === status.metadata.name)
        if (container) for (const kind of KINDS) start(pod, container, status, kind, podIp)
      }
    },
    forget(podUid) {
      for (const [key, worker] of workers) if (worker.podUid === podUid) stop(key, worker)
    },
    verdicts(podUid) {
      const verdicts: Record<string, ProbeVerdict> = {}
      for (const { podUid: owner, containerId, kind, state } of workers.values()) {
        if (owner !== podUid || kind === 'liveness') continue
        const isYes = state.result === 'success'
        verdicts[containerId] = {
          ...verdicts[containerId],
          ...(kind === 'startup' ? { started: isYes } : { ready: isYes }),
        }
      }
      return verdicts
    },
    failed(podUid) {
      const failed = [...workers.values()].filter((one) => one.podUid === podUid && one.state.result === 'failure')
      const ids = (kind: ProbeKind) => failed.filter((one) => one.kind === kind).map(({ containerId }) => containerId)
      return { liveness: ids('liveness'), startup: ids('startup') }
    },
    stop() {
      for (const [key, worker] of workers) stop(key, worker)
    },
  }
}

const KINDS: readonly ProbeKind[] = ['startup', 'liveness', 'readiness']
const titles: Record<ProbeKind, string> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' }
