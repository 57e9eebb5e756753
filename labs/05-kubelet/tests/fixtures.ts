/** What the tests talk about: pods, and what a runtime might say about them. */
import type { Container, Pod, Stored } from '#kit/api/objects.ts'
import type { ContainerStatus, PodSandbox } from '#kit/contracts/cri.ts'
import type { RuntimePodStatus } from '#kubelet/runtime-pod-status.ts'

/** 2026-01-01T00:00:00Z */
export const NOW = Date.UTC(2026, 0, 1)
export const SECOND = 1000
export const MINUTE = 60_000

type PodChanges = Partial<NonNullable<Pod['spec']>> & {
  metadata?: Partial<Stored<Pod>['metadata']>
  status?: Pod['status']
}

/** A pod "web" with one container "main"; give what differs. */
export function pod({ metadata, status, ...spec }: PodChanges = {}): Stored<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { nodeName: 'node-1', containers: [container('main')], ...spec },
    ...(status && { status }),
  }
}

export function container(name: string, changes: Partial<Container> = {}): Container {
  return { name, image: 'brain-and-muscle/demo:1', ...changes }
}

export function sandbox(changes: Partial<PodSandbox> & { attempt?: number } = {}): PodSandbox {
  const { attempt = 0, ...rest } = changes
  return {
    id: `sandbox-${attempt}`,
    metadata: { name: 'web', namespace: 'default', uid: 'uid-1', attempt },
    state: 'SANDBOX_READY',
    createdAtMs: NOW,
    ip: '10.244.1.5',
    labels: {},
    ...rest,
  }
}

/** One attempt of a container, running unless told otherwise. Its id is "<name>-<attempt>". */
export function attempt(name: string, changes: Partial<ContainerStatus> & { attempt?: number } = {}): ContainerStatus {
  const { attempt: number = 0, ...rest } = changes
  return {
    id: `${name}-${number}`,
    podSandboxId: 'sandbox-0',
    metadata: { name, attempt: number },
    state: 'CONTAINER_RUNNING',
    createdAtMs: NOW + number * MINUTE,
    startedAtMs: NOW + number * MINUTE,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: 'brain-and-muscle/demo:1',
    imageRef: 'sha256:abc',
    labels: {},
    annotations: {},
    ...rest,
  }
}

/** An attempt that ended a second after it started. */
export function ended(name: string, exitCode: number, changes: Parameters<typeof attempt>[1] = {}): ContainerStatus {
  const startedAtMs = NOW + (changes.attempt ?? 0) * MINUTE
  return attempt(name, {
    state: 'CONTAINER_EXITED',
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAtMs,
    finishedAtMs: startedAtMs + SECOND,
    ...changes,
  })
}

/** A ready sandbox with these containers, newest first. */
export function runtime(...containers: ContainerStatus[]): RuntimePodStatus {
  return { sandboxes: [sandbox()], containers }
}
