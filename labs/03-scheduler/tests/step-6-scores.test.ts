/** Step 3.6: which of the nodes that fit is best? */
import { describe, expect } from 'vitest'
import type { Taint, Toleration } from '#kit/api/objects.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { balancedScore } from '#scheduler/scores/balanced-allocation.ts'
import { leastAllocatedScore } from '#scheduler/scores/least-allocated.ts'
import { preferenceWeight } from '#scheduler/scores/node-affinity.ts'
import { normalizeScores } from '#scheduler/scores/normalize.ts'
import { untoleratedAdvice } from '#scheduler/scores/taint-toleration.ts'
import { GIB, nodeInfo, pod } from './fixtures.ts'

const LEAST = 'kube-scheduler plugins/noderesources/least_allocated.go'
const BALANCED = 'kube-scheduler plugins/noderesources/balanced_allocation.go'
const NORMALIZE = 'kube-scheduler plugins/helper/normalize_score.go'

describe('normalising', () => {
  lesson(
    'normalising brings the highest to 100 and cuts off fractions',
    {
      scenario: 'Three nodes got weights of 3, 7 and 0.',
      rule: 'score = ⌊count × 100 / highest⌋.',
      source: NORMALIZE,
    },
    () => {
      expect(normalizeScores([3, 7, 0])).toEqual([42, 100, 0])
      expect(normalizeScores([5])).toEqual([100])
      expect(normalizeScores([])).toEqual([])
    },
  )

  lesson(
    'normalising can be turned round',
    {
      scenario: 'Three nodes have 0, 1 and 3 taints that advise against the pod.',
      rule: 'With lowestIsBest the result is 100 minus the scaled, cut-off number.',
      source: NORMALIZE,
    },
    () => {
      expect(normalizeScores([0, 1, 3], true)).toEqual([100, 67, 0])
    },
  )

  lesson(
    'normalising knows what to do when all counts are 0',
    {
      scenario: 'All nodes count 0.',
      rule: 'All 0 stays 0, and becomes 100 when the lowest is best. Nothing is divided by zero.',
      source: NORMALIZE,
    },
    () => {
      expect(normalizeScores([0, 0])).toEqual([0, 0])
      expect(normalizeScores([0, 0], true)).toEqual([100, 100])
    },
  )
})

describe('least allocated', () => {
  lesson(
    'least allocated is the mean of what is left of cpu and memory',
    {
      scenario: 'A node has 4 CPUs and 8 GiB; 1 CPU and 4 GiB count as requested. The pod counts as 1 CPU and 1 GiB.',
      rule: '(4−1−1)/4 = 50 and (8−4−1)/8 = 37 after cutting off; the mean, cut off, is 43.',
      source: LEAST,
    },
    () => {
      const node = nodeInfo('n1', {}, { requestedForScoring: { cpu: 1000, memory: 4 * GIB } })
      expect({ 'least allocated': leastAllocatedScore({ cpu: 1000, memory: GIB }, node) }).toEqual({
        'least allocated': 43,
      })
    },
  )

  lesson(
    'least allocated counts the defaults of pods that request nothing',
    {
      scenario: 'Pods without requests run on a node: requested is empty, requestedForScoring is not.',
      rule: 'Scores use requestedForScoring, so that pods without requests are not free.',
      source: 'kube-scheduler util/pod_resources.go',
    },
    () => {
      const node = nodeInfo('n1', {}, { requested: {}, requestedForScoring: { cpu: 2000, memory: 4 * GIB } })
      expect({ 'least allocated': leastAllocatedScore({ cpu: 0, memory: 0 }, node) }).toEqual({ 'least allocated': 50 })
    },
  )

  lesson(
    'least allocated counts 0 for an overfull resource, and skips a missing one',
    {
      scenario:
        'By the default amounts, a node is over its CPUs. Another node has no memory at all, a third has neither.',
      rule: 'Never below 0; a resource with allocatable 0 does not count.',
      source: LEAST,
    },
    () => {
      const over = nodeInfo('n1', {}, { requestedForScoring: { cpu: 4500, memory: 0 } })
      const noMemory = nodeInfo('n1', {}, { allocatable: { cpu: 1000, memory: 0, pods: 10 } })
      const nothing = nodeInfo('n1', {}, { allocatable: {} })
      expect({
        'over its CPUs, memory all free': leastAllocatedScore({ cpu: 100, memory: 0 }, over),
        'three quarters of its CPUs left, no memory at all': leastAllocatedScore({ cpu: 250, memory: GIB }, noMemory),
        neither: leastAllocatedScore({}, nothing),
      }).toEqual({
        'over its CPUs, memory all free': 50,
        'three quarters of its CPUs left, no memory at all': 75,
        neither: 0,
      })
    },
  )
})

describe('balanced allocation', () => {
  lesson(
    'balanced allocation is best when cpu and memory are used alike',
    {
      scenario: 'With the pod, a node is at 50 % of both; another at 75 % of its CPUs and 25 % of its memory.',
      rule: '100 × (1 − half of the difference between the two fractions).',
      source: BALANCED,
    },
    () => {
      const even = nodeInfo('n1', {}, { requested: { cpu: 1000, memory: 2 * GIB } })
      const uneven = nodeInfo('n1', {}, { requested: { cpu: 2000, memory: GIB } })
      expect({
        '50 % and 50 %': balancedScore({ cpu: 1000, memory: 2 * GIB }, even),
        '75 % and 25 %': balancedScore({ cpu: 1000, memory: GIB }, uneven),
      }).toEqual({ '50 % and 50 %': 100, '75 % and 25 %': 75 })
    },
  )

  lesson(
    'balanced allocation counts what was really requested',
    {
      scenario: 'A node runs pods without requests, and one of 1 CPU. The pod asks for nothing.',
      rule: 'Without default amounts: 1/4 of the CPUs, none of the memory; 100 × (1 − 0.125) = 87.',
      source: BALANCED,
    },
    () => {
      const node = nodeInfo('n1', {}, { requested: { cpu: 1000 }, requestedForScoring: { cpu: 3000, memory: 4 * GIB } })
      expect({ balanced: balancedScore({}, node) }).toEqual({ balanced: 87 })
    },
  )

  lesson(
    'balanced allocation takes no fraction for more than 1',
    {
      scenario: 'A node has promised twice the CPUs that it has, and half of its memory.',
      rule: 'Fractions above 1 count as 1: 100 × (1 − (1 − 0.5)/2) = 75.',
      source: BALANCED,
    },
    () => {
      const node = nodeInfo('n1', {}, { requested: { cpu: 8000, memory: 4 * GIB } })
      expect({ balanced: balancedScore({}, node) }).toEqual({ balanced: 75 })
    },
  )

  lesson(
    'both stay between 0 and 100, as every score must',
    {
      scenario: 'Five hundred random nodes and pods.',
      rule: 'Scores are whole numbers from 0 to 100.',
      source: 'kube-scheduler framework/interface.go (MinNodeScore, MaxNodeScore)',
    },
    (context) => {
      const seed = 3601
      context.seed(seed)
      const random = createRandom(seed)
      const amounts = () => ({ cpu: random.below(5000), memory: random.below(10) * GIB })
      for (let round = 0; round < 500; round++) {
        const node = nodeInfo('n', {}, { allocatable: amounts(), requested: amounts(), requestedForScoring: amounts() })
        const scores = { least: leastAllocatedScore(amounts(), node), balanced: balancedScore(amounts(), node) }
        const wrong = Object.entries(scores).filter(([, score]) => !Number.isInteger(score) || score < 0 || score > 100)
        expect({ round, 'no scores': wrong }).toEqual({ round, 'no scores': [] })
      }
    },
  )
})

describe('taints that advise', () => {
  lesson(
    'taints that advise count when the pod does not tolerate them',
    {
      scenario:
        'A node has two PreferNoSchedule taints, flaky and slow, and a NoSchedule taint. Pods tolerate none, slow, and all.',
      rule: 'Only untolerated PreferNoSchedule taints count; the others are the filter’s business.',
      source: 'kube-scheduler plugins/tainttoleration (Score)',
    },
    () => {
      const taints: Taint[] = [
        { key: 'flaky', value: 'x', effect: 'PreferNoSchedule' },
        { key: 'slow', value: 'x', effect: 'PreferNoSchedule' },
        { key: 'dedicated', value: 'x', effect: 'NoSchedule' },
      ]
      const node = nodeInfo('n1', { taints })
      const count = (...tolerations: Toleration[]) => untoleratedAdvice(pod('p', { tolerations }), node)
      expect({
        'tolerates none': count(),
        'tolerates slow': count({ key: 'slow', operator: 'Exists' }),
        'tolerates all': count({ operator: 'Exists' }),
      }).toEqual({ 'tolerates none': 2, 'tolerates slow': 1, 'tolerates all': 0 })
    },
  )
})

describe('preferred node affinity', () => {
  lesson(
    'preferred node affinity adds up the weights of all terms that match',
    {
      scenario:
        'A pod prefers zone z1 (weight 60), SSDs (30) and GPUs (10). One node is in z1 and has an SSD, another is in z2.',
      rule: 'Each matching term adds its weight.',
      source: 'kube-scheduler plugins/nodeaffinity (Score)',
    },
    () => {
      const prefer = (weight: number, key: string, ...values: string[]) => ({
        weight,
        preference: { matchExpressions: [{ key, operator: 'In' as const, values }] },
      })
      const picky = pod('p', {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              prefer(60, 'zone', 'z1'),
              prefer(30, 'disk', 'ssd'),
              prefer(10, 'gpu', 'yes'),
            ],
          },
        },
      })
      const weight = (labels: Record<string, string>) => preferenceWeight(picky, nodeInfo('n1', { labels }))
      expect({
        'zone z1 and SSD': weight({ zone: 'z1', disk: 'ssd' }),
        'zone z2': weight({ zone: 'z2' }),
        'a pod without preferences': preferenceWeight(pod('easy'), nodeInfo('n1')),
      }).toEqual({ 'zone z1 and SSD': 90, 'zone z2': 0, 'a pod without preferences': 0 })
    },
  )
})
