/** Step 3.5: which nodes a pod asks for by their labels. */
import { describe, expect } from 'vitest'
import type { NodeSelectorRequirement, NodeSelectorTerm } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { matchesNodeRequirements, requirementHolds, termMatches } from '#scheduler/node-selector.ts'
import { answersTo, node, pod } from './fixtures.ts'

const AFFINITY = 'component-helpers scheduling/corev1/nodeaffinity'
const DOCUMENTATION = 'kubernetes.io: Assigning Pods to Nodes'

const needs = (key: string, operator: string, ...values: string[]): NodeSelectorRequirement =>
  ({ key, operator, ...(values.length > 0 && { values }) }) as NodeSelectorRequirement
const requiring = (...nodeSelectorTerms: NodeSelectorTerm[]) =>
  pod('p', { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } })

describe('a requirement', () => {
  /** Whether "z1 In z1,z2" holds: the label's value (or "empty", or "missing"), the operator, and its list. */
  const holds = (question: string) => {
    const [label = '', operator = '', list] = question.split(' ')
    const value = label === 'missing' ? undefined : label === 'empty' ? '' : label
    return requirementHolds(needs('label', operator, ...(list?.split(',') ?? [])), value)
  }

  lesson(
    'In and NotIn compare the label with a list',
    {
      scenario: 'The label zone of a node is z1, or missing. Read "z1 In z1,z2" as: label, operator, list.',
      rule: 'In needs the label. NotIn holds also where the label is missing.',
      source: DOCUMENTATION,
    },
    () => {
      const expected = {
        'z1 In z1,z2': true,
        'z1 In z2,z3': false,
        'missing In z1': false,
        'z1 NotIn z2': true,
        'z1 NotIn z1': false,
        'missing NotIn z1': true,
      }
      expect(answersTo(expected, holds)).toEqual(expected)
    },
  )

  lesson(
    'Exists and DoesNotExist ask for the key of the label only',
    {
      scenario: 'The label gpu of a node is there, with an empty value, or missing.',
      rule: 'The value does not matter.',
      source: DOCUMENTATION,
    },
    () => {
      const expected = {
        'empty Exists': true,
        'missing Exists': false,
        'missing DoesNotExist': true,
        'empty DoesNotExist': false,
      }
      expect(answersTo(expected, holds)).toEqual(expected)
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
      const expected = {
        '10 Gt 9': true,
        '10 Lt 9': false,
        '10 Gt 10': false,
        '-2 Lt -1': true,
        'large Gt 1': false,
        'empty Lt 5': false,
        'missing Lt 5': false,
        '1e3 Gt 1': false,
      }
      expect(answersTo(expected, holds)).toEqual(expected)
    },
  )
})

describe('a term', () => {
  const n1 = node('n1', { labels: { zone: 'z1', disk: 'ssd' } })

  lesson(
    'a term needs all of its requirements',
    {
      scenario:
        'A node is in zone z1 and has an SSD. A term asks for zone z1 and for an SSD; another for zone z1 and an HDD.',
      rule: 'Within a term, requirements are joined by AND.',
      source: AFFINITY,
    },
    () => {
      const matches = (zone: string, disk: string) =>
        termMatches({ matchExpressions: [needs('zone', 'In', zone), needs('disk', 'In', disk)] }, n1)
      expect({ 'zone z1 and ssd': matches('z1', 'ssd'), 'zone z1 and hdd': matches('z1', 'hdd') }).toEqual({
        'zone z1 and ssd': true,
        'zone z1 and hdd': false,
      })
    },
  )

  lesson(
    'a term may ask for the name of the node',
    {
      scenario:
        'The node is n1, with disk=ssd. A DaemonSet pins each of its pods to one node by the field metadata.name.',
      rule: 'matchFields are requirements too; the field metadata.name is not the label of that name.',
      source: AFFINITY,
    },
    () => {
      const named = (name: string) => ({ matchFields: [needs('metadata.name', 'In', name)] })
      expect({
        'the field metadata.name is n1': termMatches(named('n1'), n1),
        'the field metadata.name is n2': termMatches(named('n2'), n1),
        'the field is n1 and the disk is hdd': termMatches(
          { matchExpressions: [needs('disk', 'In', 'hdd')], ...named('n1') },
          n1,
        ),
      }).toEqual({
        'the field metadata.name is n1': true,
        'the field metadata.name is n2': false,
        'the field is n1 and the disk is hdd': false,
      })
    },
  )

  lesson(
    'a term without requirements matches nothing',
    {
      scenario: 'A term is empty.',
      rule: 'An empty term matches no node, although an empty AND would be true.',
      source: AFFINITY,
    },
    () => {
      expect({
        'no lists': termMatches({}, n1),
        'empty lists': termMatches({ matchExpressions: [], matchFields: [] }, n1),
      }).toEqual({ 'no lists': false, 'empty lists': false })
    },
  )
})

describe('what a pod requires', () => {
  const n1 = node('n1', { labels: { zone: 'z1', disk: 'ssd' } })

  lesson(
    'a pod requires nothing by default, and every pair of its node selector',
    {
      scenario:
        'The node has zone=z1 and disk=ssd. Pods have no selector, one pair, two pairs of which one does not hold.',
      rule: 'All pairs of nodeSelector must hold.',
      source: DOCUMENTATION,
    },
    () => {
      const selecting = (nodeSelector: Record<string, string>) =>
        matchesNodeRequirements(pod('p', { nodeSelector }), n1)
      expect({
        'no selector': matchesNodeRequirements(pod('p'), n1),
        'disk=ssd': selecting({ disk: 'ssd' }),
        'disk=ssd, zone=z2': selecting({ disk: 'ssd', zone: 'z2' }),
        'gpu=yes': selecting({ gpu: 'yes' }),
      }).toEqual({ 'no selector': true, 'disk=ssd': true, 'disk=ssd, zone=z2': false, 'gpu=yes': false })
    },
  )

  lesson(
    'a pod requires one of the terms of its affinity',
    {
      scenario:
        'The node is in zone z1 and has an SSD. A pod accepts zone z9, or any node with an SSD. Another has an empty list of terms.',
      rule: 'Terms are joined by OR. An OR of nothing is false.',
      source: AFFINITY,
    },
    () => {
      const zone9 = { matchExpressions: [needs('zone', 'In', 'z9')] }
      const ssd = { matchExpressions: [needs('disk', 'In', 'ssd')] }
      expect({
        'zone z9, or ssd': matchesNodeRequirements(requiring(zone9, ssd), n1),
        'zone z9': matchesNodeRequirements(requiring(zone9), n1),
        'no terms': matchesNodeRequirements(requiring(), n1),
      }).toEqual({ 'zone z9, or ssd': true, 'zone z9': false, 'no terms': false })
    },
  )

  lesson(
    'a pod requires both selector and affinity; preferences do not count',
    {
      scenario: 'A pod has a selector that holds and an affinity that does not; another only prefers zone z9.',
      rule: 'Selector AND affinity. preferredDuringScheduling… never excludes a node.',
      source: AFFINITY,
    },
    () => {
      const zone9 = { matchExpressions: [needs('zone', 'In', 'z9')] }
      const both = requiring(zone9)
      both.spec!.nodeSelector = { disk: 'ssd' }
      const wishful = pod('p', {
        affinity: {
          nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference: zone9 }] },
        },
      })
      expect({
        'selector holds, affinity does not': matchesNodeRequirements(both, n1),
        'only prefers': matchesNodeRequirements(wishful, n1),
      }).toEqual({ 'selector holds, affinity does not': false, 'only prefers': true })
    },
  )
})
