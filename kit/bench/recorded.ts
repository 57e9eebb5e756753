/**
 * What the real components did on a machine with two cores, over loopback: for those that cannot be measured beside ours
 * because they are not installed on a learner's machine. A page marks every comparison with these.
 */
import type { Reference } from './figures.ts'

const kubernetes = (value: number, p50Ms?: number): Reference => ({
  name: 'Kubernetes 1.32',
  origin: 'recorded',
  value,
  p50Ms,
})

export const recorded = {
  createOneClient: kubernetes(272),
  create32Clients: kubernetes(1_445, 19),
  get32Clients: kubernetes(2_740, 10),
  /** Milliseconds. */
  list2000Pods: kubernetes(47, 47),
  watchFanOut: kubernetes(20_700),
  mergePatch16Clients: kubernetes(1_208),
  delete32Clients: kubernetes(1_695),
  /** Megabytes. */
  apiServerMemory: kubernetes(370),
  /** Pods per second, 1,000 nodes and 2,000 pods. */
  scheduleNodeAffinity: kubernetes(152),
  scheduleTaints: kubernetes(158),
  scheduleZoneSpread: kubernetes(102),
  scheduleHostAntiAffinity: kubernetes(80),
  /** Megabytes: API server 370, controllers 134, scheduler 74, etcd 73. */
  controlPlaneMemory: kubernetes(650),
  /** Seconds, as its project published it. */
  coldStart: { name: 'k3d', origin: 'recorded', value: 27 },
} satisfies Record<string, Reference>
