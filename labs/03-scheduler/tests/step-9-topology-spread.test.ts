/** Step 3.9 ★: spread over zones and hosts. */
import type { TopologySpreadConstraint } from 'kubernetes-types/core/v1.js'
import { describe, expect } from 'vitest'
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo } from '#kit/contracts/scheduling.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { countDomains, fitsSpread } from '#scheduler/filters/topology-spread.ts'
import { spreadScores } from '#scheduler/scores/topology-spread.ts'
import { countSelected } from '#scheduler/topology-spread.ts'
import { nodeInfo, pod, reasonsOf } from './fixtures.ts'

const COMMON = 'kube-scheduler plugins/podtopologyspread/common.go'
const FILTER = 'kube-scheduler plugins/podtopologyspread/filtering.go'
const SCORE = 'kube-scheduler plugins/podtopologyspread/scoring.go'
const UNEVEN = "node(s) didn't match pod topology spread constraints"
const HOST = 'kubernetes.io/hostname'

const over = (topologyKey: string, given: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint => ({
  maxSkew: 1,
  topologyKey,
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: { app: 'web' } },
  ...given,
})
const spreading = (...topologySpreadConstraints: TopologySpreadConstraint[]) =>
  pod('new', { topologySpreadConstraints }, { app: 'web' })
const webs = (prefix: string, count: number): Pod[] =>
  Array.from({ length: count }, (_, n) => pod(`${prefix}-${n}`, {}, { app: 'web' }))
const inZone = (name: string, zone: string, count: number) =>
  nodeInfo(name, { labels: { zone } }, { pods: webs(name, count) })
const answers = (one: Pod, nodes: readonly NodeInfo[]) => {
  const counted = countDomains(one, nodes)
  return nodes.map((node) => reasonsOf(fitsSpread(one, node, counted)))
}

describe('which pods count', () => {
  lesson(
    'selected pods count if in the same namespace, and not on their way out',
    {
      scenario:
        'On a node run two web pods, one web pod of another namespace, one that is being deleted, and a database.',
      rule: 'Selector, namespace, and no deletionTimestamp.',
      source: COMMON,
    },
    () => {
      const [a, b, foreign, leaving] = webs('w', 4) as [Pod, Pod, Pod, Pod]
      const pods = [
        a,
        b,
        { ...foreign, metadata: { ...foreign.metadata, namespace: 'other' } },
        { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
        pod('db', {}, { app: 'db' }),
      ]
      const selected = countSelected(over('zone'), spreading(), nodeInfo('n1', {}, { pods }))
      expect({ 'selected pods on n1': selected }).toEqual({ 'selected pods on n1': 2 })
    },
  )
})

describe('spreading as a rule', () => {
  lesson(
    'spreading counts the pods of each domain, empty ones included',
    {
      scenario: 'Zone z1 has two nodes with 1 and 2 web pods, z2 has none. One node has no zone.',
      rule: 'Counts add up over the nodes of a domain. A node without the label takes no part.',
      source: FILTER,
    },
    () => {
      const nodes = [inZone('n1', 'z1', 1), inZone('n2', 'z1', 2), inZone('n3', 'z2', 0), nodeInfo('no-zone')]
      const [counted] = countDomains(spreading(over('zone')), nodes)
      expect(counted?.podsByDomain).toEqual(
        new Map([
          ['z1', 3],
          ['z2', 0],
        ]),
      )
    },
  )

  lesson(
    'a domain is compared with the emptiest one',
    {
      scenario: 'Counts are given: z1 has 2 pods, z2 has 1. A node of z3, which was not counted, comes last.',
      rule: 'A domain that was not counted holds 0 pods.',
      source: FILTER,
    },
    () => {
      const podsByDomain = new Map([
        ['z1', 2],
        ['z2', 1],
      ])
      const answer = (zone: string) =>
        reasonsOf(fitsSpread(spreading(), inZone('n', zone, 0), [{ constraint: over('zone'), podsByDomain }]))
      expect(['z1', 'z2', 'z3'].map(answer)).toEqual([UNEVEN, 'fits', 'fits'])
    },
  )

  lesson(
    'no domain gets ahead by more than maxSkew',
    {
      scenario: 'Zones z1, z2, z3 have 2, 1 and 1 web pods. maxSkew is 1, then 2.',
      rule: 'count + this pod − emptiest ≤ maxSkew.',
      source: FILTER,
    },
    () => {
      const nodes = [inZone('n1', 'z1', 2), inZone('n2', 'z2', 1), inZone('n3', 'z3', 1)]
      expect(answers(spreading(over('zone')), nodes)).toEqual([UNEVEN, 'fits', 'fits'])
      expect(answers(spreading(over('zone', { maxSkew: 2 })), nodes)).toEqual(['fits', 'fits', 'fits'])
    },
  )

  lesson(
    'the new pod counts only if the constraint selects it',
    {
      scenario:
        'A helper pod wants to be where web pods are few; it is no web pod itself. z1 has 1 web pod more than z2.',
      rule: 'A pod that its own selector does not match adds nothing to the skew.',
      source: FILTER,
    },
    () => {
      const nodes = [inZone('n1', 'z1', 2), inZone('n2', 'z2', 1)]
      const helper = pod('helper', { topologySpreadConstraints: [over('zone')] }, { app: 'helper' })
      expect(answers(helper, nodes)).toEqual(['fits', 'fits'])
      expect(answers(spreading(over('zone')), nodes)).toEqual([UNEVEN, 'fits'])
    },
  )

  lesson(
    'every constraint is asked, and a missing label is named',
    {
      scenario:
        'A pod spreads over zones and over hosts. Of the nodes, one has the emptier zone but a busy host; one has no zone.',
      rule: 'All constraints must hold. Without the label the node is unsuitable, and no eviction helps.',
      source: FILTER,
    },
    () => {
      const nodes = [inZone('n1', 'z1', 2), inZone('n2', 'z1', 0), inZone('n3', 'z2', 1), nodeInfo('no-zone')]
      const both = spreading(over('zone'), over(HOST))
      expect(answers(both, nodes)).toEqual([UNEVEN, UNEVEN, UNEVEN, `${UNEVEN} (missing required label)`])
      const withRoom = [...nodes, inZone('n4', 'z2', 0)]
      expect(answers(both, withRoom).at(-1)).toBe('fits')
      expect(fitsSpread(both, nodes[3]!, countDomains(both, nodes))).toMatchObject({ evictionMayHelp: false })
    },
  )

  lesson(
    'nodes where the pod cannot go are no measure',
    {
      scenario: 'The pod selects SSD nodes. Zone z2, which is empty, has only nodes with hard disks.',
      rule: "By default, nodes that the pod's own selector or affinity rules out do not count (nodeAffinityPolicy Honor).",
      source: 'KEP-3094',
    },
    () => {
      const ssd = nodeInfo('n1', { labels: { zone: 'z1', disk: 'ssd' } }, { pods: webs('n1', 3) })
      const nodes = [ssd, nodeInfo('n2', { labels: { zone: 'z2', disk: 'hdd' } })]
      const choosy = spreading(over('zone'))
      choosy.spec!.nodeSelector = { disk: 'ssd' }
      expect(answers(choosy, nodes)[0]).toBe('fits')
      const ignoring = spreading(over('zone', { nodeAffinityPolicy: 'Ignore' }))
      ignoring.spec!.nodeSelector = { disk: 'ssd' }
      expect(answers(ignoring, nodes)[0]).toBe(UNEVEN)
    },
  )

  lesson(
    'with minDomains, missing domains are taken for empty ones',
    {
      scenario: 'Only one zone exists, with 1 web pod; the pod asks for at least 2 domains.',
      rule: 'With fewer domains than minDomains, the emptiest counts as 0, so that pods wait for a second zone.',
      source: 'KEP-3022',
    },
    () => {
      const nodes = [inZone('n1', 'z1', 1)]
      expect(answers(spreading(over('zone')), nodes)).toEqual(['fits'])
      expect(answers(spreading(over('zone', { minDomains: 2 })), nodes)).toEqual([UNEVEN])
    },
  )
})

describe('spreading as a preference', () => {
  const wish = (topologyKey: string, given = {}) => over(topologyKey, { whenUnsatisfiable: 'ScheduleAnyway', ...given })

  lesson(
    'as a preference, spreading favours the emptier domains',
    {
      scenario: 'Zones z1, z2, z3 have 4, 2 and 0 web pods.',
      rule: 'Costs are 4·ln 5, 2·ln 5 and 0, rounded to 6, 3 and 0; scores ⌊100 × (6 + 0 − cost) / 6⌋.',
      source: SCORE,
    },
    () => {
      const nodes = [inZone('n1', 'z1', 4), inZone('n2', 'z2', 2), inZone('n3', 'z3', 0)]
      expect(spreadScores(spreading(wish('zone')), nodes, nodes)).toEqual([0, 50, 100])
    },
  )

  lesson(
    'the score counts hosts one by one, and zones with all their nodes',
    {
      scenario: 'Zone z1 has a full node with 6 web pods and a feasible one with none; z2 has one node with 2.',
      rule: 'For the host, only its own pods count. For the zone, all of its nodes.',
      source: SCORE,
    },
    () => {
      const full = inZone('full', 'z1', 6)
      const feasible = [inZone('n1', 'z1', 0), inZone('n2', 'z2', 2)]
      const all = [full, ...feasible]
      expect(spreadScores(spreading(wish(HOST)), feasible, all)).toEqual([100, 0])
      expect(spreadScores(spreading(wish('zone')), feasible, all)).toEqual([37, 100])
    },
  )

  lesson(
    'a node that takes no part scores 0; with no pods at all, others score 100',
    {
      scenario: 'One node has no zone. No web pod runs yet.',
      rule: 'A node without a topology label scores 0; if the highest cost is 0, the others score 100.',
      source: SCORE,
    },
    () => {
      const nodes = [inZone('n1', 'z1', 0), nodeInfo('no-zone'), inZone('n2', 'z2', 0)]
      expect(spreadScores(spreading(wish('zone')), nodes, nodes)).toEqual([100, 0, 100])
    },
  )

  lesson(
    'the allowed skew adds to the cost',
    {
      scenario: 'maxSkew is 5: the pod does not mind some unevenness. Zones have 2 and 0 web pods.',
      rule: 'cost = count × ln(domains + 2) + maxSkew − 1: 2·ln 4 + 4 = 7 (rounded) and 4; scores 57 and 100.',
      source: SCORE,
    },
    () => {
      const nodes = [inZone('n1', 'z1', 2), inZone('n2', 'z2', 0)]
      expect(spreadScores(spreading(wish('zone', { maxSkew: 5 })), nodes, nodes)).toEqual([57, 100])
    },
  )
})
