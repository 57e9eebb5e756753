/** Step 3.5: which nodes a pod asks for by their labels. */
import { describe, expect } from 'vitest'
import type { NodeSelectorRequirement, NodeSelectorTerm } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { matchesNodeRequirements, requirementHolds, termMatches } from '#scheduler/node-selector.ts'
import { node, pod } from './fixtures.ts'

const AFFINITY = 'component-helpers scheduling/corev1/nodeaffinity'
const DOCUMENTATION = 'kubernetes.io: Assigning Pods to Nodes'

const needs = (key: string, operator: string, ...values: string[]): NodeSelectorRequirement =>
  ({ key, operator, ...(values.length > 0 && { values }) }) as NodeSelectorRequirement
const requiring = (...nodeSelectorTerms: NodeSelectorTerm[]) =>
  pod('p', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } })

describe('a requirement', () => {
  lesson(
    'In and NotIn compare with a list',
    {
      scenario: 'A node is in zone z1; another has no zone.',
      rule: 'In needs the label. NotIn holds also where the label is missing.',
      source: DOCUMENTATION,
    },
    () => {
      expect(requirementHolds(needs('zone', 'In', 'z1', 'z2'), 'z1')).toBe(true)
      expect(requirementHolds(needs('zone', 'In', 'z2', 'z3'), 'z1')).toBe(false)
      expect(requirementHolds(needs('zone', 'In', 'z1'), undefined)).toBe(false)
      expect(requirementHolds(needs('zone', 'NotIn', 'z2'), 'z1')).toBe(true)
      expect(requirementHolds(needs('zone', 'NotIn', 'z1'), 'z1')).toBe(false)
      expect(requirementHolds(needs('zone', 'NotIn', 'z1'), undefined)).toBe(true)
    },
  )

  lesson(
    'Exists and DoesNotExist ask for the key only',
    {
      scenario: 'Some nodes have the label gpu, even with an empty value.',
      rule: 'The value does not matter.',
      source: DOCUMENTATION,
    },
    () => {
      expect(requirementHolds(needs('gpu', 'Exists'), '')).toBe(true)
      expect(requirementHolds(needs('gpu', 'Exists'), undefined)).toBe(false)
      expect(requirementHolds(needs('gpu', 'DoesNotExist'), undefined)).toBe(true)
      expect(requirementHolds(needs('gpu', 'DoesNotExist'), '')).toBe(false)
    },
  )

  lesson(
    'Gt and Lt compare whole numbers, not texts',
    {
      scenario: 'The label size is "10". As text, "10" comes before "9"; as a number, it does not.',
      rule: 'Both sides are read as whole numbers; if one is none, or the label is missing, neither Gt nor Lt holds.',
      source: DOCUMENTATION,
    },
    () => {
      expect(requirementHolds(needs('size', 'Gt', '9'), '10')).toBe(true)
      expect(requirementHolds(needs('size', 'Lt', '9'), '10')).toBe(false)
      expect(requirementHolds(needs('size', 'Gt', '10'), '10')).toBe(false)
      expect(requirementHolds(needs('size', 'Lt', '-1'), '-2')).toBe(true)
      expect(requirementHolds(needs('size', 'Gt', '1'), 'large')).toBe(false)
      expect(requirementHolds(needs('size', 'Lt', '5'), '')).toBe(false)
      expect(requirementHolds(needs('size', 'Lt', '5'), undefined)).toBe(false)
      expect(requirementHolds(needs('size', 'Gt', '1'), '1e3')).toBe(false)
    },
  )
})

describe('a term', () => {
  const n1 = node('n1', { labels: { zone: 'z1', disk: 'ssd' } })

  lesson(
    'needs all of its requirements',
    {
      scenario: 'A term asks for zone z1 and for an SSD; another for zone z1 and an HDD.',
      rule: 'Within a term, requirements are joined by AND.',
      source: AFFINITY,
    },
    () => {
      expect(termMatches({ matchExpressions: [needs('zone', 'In', 'z1'), needs('disk', 'In', 'ssd')] }, n1)).toBe(true)
      expect(termMatches({ matchExpressions: [needs('zone', 'In', 'z1'), needs('disk', 'In', 'hdd')] }, n1)).toBe(false)
    },
  )

  lesson(
    'may ask for the name of the node',
    {
      scenario: 'A DaemonSet pins each of its pods to one node by the field metadata.name.',
      rule: 'matchFields are requirements too; the field metadata.name is not the label of that name.',
      source: AFFINITY,
    },
    () => {
      expect(termMatches({ matchFields: [needs('metadata.name', 'In', 'n1')] }, n1)).toBe(true)
      expect(termMatches({ matchFields: [needs('metadata.name', 'In', 'n2')] }, n1)).toBe(false)
      const both = { matchExpressions: [needs('disk', 'In', 'hdd')], matchFields: [needs('metadata.name', 'In', 'n1')] }
      expect(termMatches(both, n1)).toBe(false)
    },
  )

  lesson(
    'without requirements matches nothing',
    {
      scenario: 'A term is empty.',
      rule: 'An empty term matches no node, although an empty AND would be true.',
      source: AFFINITY,
    },
    () => {
      expect(termMatches({}, n1)).toBe(false)
      expect(termMatches({ matchExpressions: [], matchFields: [] }, n1)).toBe(false)
    },
  )
})

describe('what a pod requires', () => {
  const n1 = node('n1', { labels: { zone: 'z1', disk: 'ssd' } })

  lesson(
    'is nothing by default, and every pair of its node selector',
    {
      scenario: 'Pods with no selector, with one pair, with two pairs of which one does not hold.',
      rule: 'All pairs of nodeSelector must hold.',
      source: DOCUMENTATION,
    },
    () => {
      expect(matchesNodeRequirements(pod('p'), n1)).toBe(true)
      expect(matchesNodeRequirements(pod('p', { nodeSelector: { disk: 'ssd' } }), n1)).toBe(true)
      expect(matchesNodeRequirements(pod('p', { nodeSelector: { disk: 'ssd', zone: 'z2' } }), n1)).toBe(false)
      expect(matchesNodeRequirements(pod('p', { nodeSelector: { gpu: 'yes' } }), n1)).toBe(false)
    },
  )

  lesson(
    'is one of the terms of its affinity',
    {
      scenario: 'A pod accepts zone z9, or any node with an SSD. Another has an empty list of terms.',
      rule: 'Terms are joined by OR. An OR of nothing is false.',
      source: AFFINITY,
    },
    () => {
      const zone9 = { matchExpressions: [needs('zone', 'In', 'z9')] }
      const ssd = { matchExpressions: [needs('disk', 'In', 'ssd')] }
      expect(matchesNodeRequirements(requiring(zone9, ssd), n1)).toBe(true)
      expect(matchesNodeRequirements(requiring(zone9), n1)).toBe(false)
      expect(matchesNodeRequirements(requiring(), n1)).toBe(false)
    },
  )

  lesson(
    'is both, when both are given; preferences do not count',
    {
      scenario: 'A pod has a selector that holds and an affinity that does not; another only prefers zone z9.',
      rule: 'Selector AND affinity. preferredDuringScheduling… never excludes a node.',
      source: AFFINITY,
    },
    () => {
      const zone9 = { matchExpressions: [needs('zone', 'In', 'z9')] }
      const both = requiring(zone9)
      both.spec!.nodeSelector = { disk: 'ssd' }
      expect(matchesNodeRequirements(both, n1)).toBe(false)
      const wishful = pod('p', {
        affinity: {
          nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: zone9 }] },
        },
      })
      expect(matchesNodeRequirements(wishful, n1)).toBe(true)
    },
  )
})
