/** Objects for tests, with what the server would have filled in. Each test states only what it is about. */
import type { Deployment, Node, OwnerReference, Pod, ReplicaSet, Service, Stored } from '#kit/api/objects.ts'

/** The moment at which tests take place. */
export const NOW_MS = Date.UTC(2026, 0, 1, 12)
export const NOW = '2026-01-01T12:00:00Z'
/** A moment so many seconds before. */
export const ago = (seconds: number) => new Date(NOW_MS - seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')

export function stored<T extends object>(
  kind: string,
  name: string,
  rest: T,
  metadata: object = {},
): Stored<T> & { kind: string; apiVersion: string } {
  const apiVersion = ['Deployment', 'ReplicaSet'].includes(kind) ? 'apps/v1' : 'v1'
  const namespace = ['Node', 'Namespace'].includes(kind) ? {} : { namespace: 'default' }
  const base = { name, ...namespace, uid: `uid-${name}`, resourceVersion: '1', creationTimestamp: ago(3600) }
  return { apiVersion, kind, ...rest, metadata: { ...base, ...metadata } } as never
}

export const template = (image = 'web:1') => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'main', image }] },
})

export function replicaSet(name: string, replicas: number, more: Partial<ReplicaSet> = {}): Stored<ReplicaSet> {
  const spec = { replicas, selector: { matchLabels: { app: 'web' } }, template: template(), ...more.spec }
  return stored('ReplicaSet', name, { spec, status: more.status ?? { replicas } }, more.metadata) as Stored<ReplicaSet>
}

export function deployment(
  spec: Partial<NonNullable<Deployment['spec']>>,
  more: Pick<Deployment, 'metadata' | 'status'> = {},
): Stored<Deployment> {
  const whole = { selector: { matchLabels: { app: 'web' } }, template: template(), ...spec }
  const metadata = { generation: 1, ...more.metadata }
  return stored(
    'Deployment',
    'web',
    { spec: whole, ...(more.status && { status: more.status }) },
    metadata,
  ) as Stored<Deployment>
}

/** The reference by which `owner` controls an object. */
export function controlledBy(owner: { kind?: string; apiVersion?: string; metadata: { name: string; uid: string } }): {
  ownerReferences: OwnerReference[]
} {
  const { kind = '', apiVersion = '' } = owner
  const { name, uid } = owner.metadata
  return { ownerReferences: [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }] }
}

export interface PodTraits {
  readonly metadata?: object
  readonly node?: string | undefined
  readonly phase?: string
  /** Seconds since it became ready; absent: not ready. */
  readonly readyFor?: number | undefined
  readonly ip?: string
  readonly spec?: object
  readonly restarts?: number
}

export function pod(name: string, traits: PodTraits = {}): Stored<Pod> {
  const { node, phase = 'Running', readyFor, ip, restarts } = traits
  const ready = {
    type: 'Ready',
    status: readyFor === undefined ? 'False' : 'True',
    lastTransitionTime: ago(readyFor ?? 60),
  }
  const status = {
    phase,
    conditions: [ready],
    ...(ip && { podIP: ip }),
    ...(restarts !== undefined && { containerStatuses: [{ name: 'main', restartCount: restarts }] }),
  }
  const spec = { containers: [{ name: 'main', image: 'web:1' }], ...(node && { nodeName: node }), ...traits.spec }
  return stored('Pod', name, { spec, status }, { labels: { app: 'web' }, ...traits.metadata }) as Stored<Pod>
}

export function node(
  name: string,
  ready: string,
  more: { spec?: object; metadata?: object; address?: string } = {},
): Stored<Node> {
  const conditions = [
    { type: 'MemoryPressure', status: 'False', lastHeartbeatTime: ago(30), lastTransitionTime: ago(600) },
    { type: 'DiskPressure', status: 'False', lastHeartbeatTime: ago(30), lastTransitionTime: ago(600) },
    { type: 'PIDPressure', status: 'False', lastHeartbeatTime: ago(30), lastTransitionTime: ago(600) },
    { type: 'Ready', status: ready, lastHeartbeatTime: ago(30), lastTransitionTime: ago(600) },
  ]
  const addresses = more.address
    ? [
        { type: 'InternalIP', address: more.address },
        { type: 'Hostname', address: name },
      ]
    : []
  return stored(
    'Node',
    name,
    { spec: more.spec ?? {}, status: { conditions, addresses } },
    more.metadata,
  ) as Stored<Node>
}

export function service(
  name: string,
  spec: Service['spec'],
  more: Pick<Service, 'metadata' | 'status'> = {},
): Stored<Service> {
  return stored(
    'Service',
    name,
    { spec, ...(more.status && { status: more.status }) },
    more.metadata,
  ) as Stored<Service>
}
