/**
 * Which plugins run, in which order, with which weights: upstream's default profile. Filters are ordered cheap before dear, since
 * the first "no" ends the questions about a node.
 *
 * Source: kube-scheduler `pkg/scheduler/apis/config/v1/default_plugins.go`.
 */
import type { FilterPlugin, WeightedScore } from '#kit/contracts/scheduling.ts'
import { nodeAffinityFilter } from './filters/node-affinity.ts'
import { nodeNameFilter } from './filters/node-name.ts'
import { podAffinityFilter } from './filters/pod-affinity.ts'
import { nodePortsFilter } from './filters/ports.ts'
import { nodeResourcesFilter } from './filters/resources.ts'
import { taintTolerationFilter } from './filters/taints.ts'
import { topologySpreadFilter } from './filters/topology-spread.ts'
import { nodeUnschedulableFilter } from './filters/unschedulable.ts'
import { balancedAllocationScore } from './scores/balanced-allocation.ts'
import { imageLocalityScore } from './scores/image-locality.ts'
import { nodeResourcesScore } from './scores/least-allocated.ts'
import { nodeAffinityScore } from './scores/node-affinity.ts'
import { podAffinityScore } from './scores/pod-affinity.ts'
import { taintTolerationScore } from './scores/taint-toleration.ts'
import { topologySpreadScore } from './scores/topology-spread.ts'

export const FILTERS: readonly FilterPlugin[] = [
  nodeUnschedulableFilter,
  nodeNameFilter,
  taintTolerationFilter,
  nodeAffinityFilter,
  nodePortsFilter,
  nodeResourcesFilter,
  topologySpreadFilter,
  podAffinityFilter,
]

export const SCORES: readonly WeightedScore[] = [
  { plugin: taintTolerationScore, weight: 3 },
  { plugin: nodeAffinityScore, weight: 2 },
  { plugin: nodeResourcesScore, weight: 1 },
  { plugin: topologySpreadScore, weight: 2 },
  { plugin: podAffinityScore, weight: 2 },
  { plugin: balancedAllocationScore, weight: 1 },
  { plugin: imageLocalityScore, weight: 1 },
]
