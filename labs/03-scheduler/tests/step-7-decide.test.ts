/** Step 3.7: filters, scores and the choice put together; and what is written about it. */
import { describe, expect } from 'vitest'
import type { Taint } from '#kit/api/objects.ts'
import type { NodeRejection, ScoreCard } from '#kit/contracts/scheduling.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { bindingOf, failedAnnouncement, notScheduled, scheduledAnnouncement } from '#scheduler/announcements.ts'
import { fitErrorMessage, summarize } from '#scheduler/fit-error.ts'
import { findFeasibleNodes, pickNode, schedulePod, scoreNodes } from '#scheduler/scheduling-cycle.ts'
import { answersTo, container, GIB, MIB, nodeInfo, pod } from './fixtures.ts'

const CYCLE = 'kube-scheduler schedule_one.go'
const FIT_ERROR = 'kube-scheduler framework/types.go (FitError)'
const keepOut: Taint = { key: 'dedicated', value: 'x', effect: 'NoSchedule' }

describe('the filters', () => {
  lesson(
    'the filters split the nodes into those that fit and those that do not',
    {
      scenario: 'Of four nodes one is cordoned, one is tainted, one is full, and one is fine.',
      rule: 'Each node is asked; a rejection names the plugin, its reasons, and whether eviction may help.',
      source: CYCLE,
    },
    () => {
      const nodes = [
        nodeInfo('cordoned', { unschedulable: true }),
        nodeInfo('tainted', { taints: [keepOut] }),
        nodeInfo('full', {}, { requested: { cpu: 4000 } }),
        nodeInfo('fine'),
      ]
      const web = pod('web', { containers: [container({ cpu: '1' })] })
      const { feasible, rejections } = findFeasibleNodes(web, nodes)
      expect(feasible.map(({ name }) => name)).toEqual(['fine'])
      expect(rejections).toEqual([
        {
          node: 'cordoned',
          plugin: 'NodeUnschedulable',
          reasons: ['node(s) were unschedulable'],
          evictionMayHelp: false,
        },
        {
          node: 'tainted',
          plugin: 'TaintToleration',
          reasons: ['node(s) had untolerated taint {dedicated: x}'],
          evictionMayHelp: false,
        },
        { node: 'full', plugin: 'NodeResourcesFit', reasons: ['Insufficient cpu'], evictionMayHelp: true },
      ])
    },
  )

  lesson(
    'the filters stop at the first no',
    {
      scenario: 'A node is tainted, has the wrong labels, and is full.',
      rule: 'Filters are asked in the order of the registry; the first that says no is the only one that is heard.',
      source: CYCLE,
    },
    () => {
      const hopeless = nodeInfo('n1', { taints: [keepOut] }, { requested: { cpu: 4000 } })
      const choosy = pod('p', { nodeSelector: { disk: 'ssd' }, containers: [container({ cpu: '1' })] })
      expect(findFeasibleNodes(choosy, [hopeless]).rejections).toMatchObject([{ plugin: 'TaintToleration' }])
    },
  )
})

describe('the scores', () => {
  lesson(
    'scores are multiplied by their weights and added up',
    {
      scenario: 'Two nodes are alike, but one has a taint that advises against the pod, and the other is half full.',
      rule: 'TaintToleration weighs 3, NodeResourcesFit and BalancedAllocation 1, ImageLocality 1. A plugin without an opinion is left out.',
      source: 'kube-scheduler default_plugins.go',
    },
    () => {
      const half = { cpu: 2000, memory: 4 * GIB }
      const nodes = [
        nodeInfo('discouraged', { taints: [{ ...keepOut, effect: 'PreferNoSchedule' }] }),
        nodeInfo('half-full', {}, { requested: half, requestedForScoring: half }),
      ]
      const web = pod('web', { containers: [container({ cpu: '400m', memory: '0' })] })
      expect(scoreNodes(web, nodes, nodes)).toEqual({
        nodes: ['discouraged', 'half-full'],
        byPlugin: {
          TaintToleration: [0, 300],
          NodeResourcesFit: [95, 45],
          NodeResourcesBalancedAllocation: [95, 95],
          ImageLocality: [0, 0],
        },
        totals: [190, 440],
      })
    },
  )

  lesson(
    'the choice falls on one of the best',
    {
      scenario: 'Of four nodes, a, c and d share the highest total.',
      rule: 'The number in [0, 1) picks among the best only, each with the same chance.',
      source: `${CYCLE} (selectHost)`,
    },
    () => {
      const card: ScoreCard = { nodes: ['a', 'b', 'c', 'd'], byPlugin: {}, totals: [500, 499, 500, 500] }
      const expected = { 'at 0': 'a', 'at 0.33': 'a', 'at 0.34': 'c', 'at 0.66': 'c', 'at 0.67': 'd', 'at 0.999': 'd' }
      expect(answersTo(expected, (at) => pickNode(card, Number(at.slice(3))))).toEqual(expected)
      const clear: ScoreCard = { nodes: ['a', 'b'], byPlugin: {}, totals: [0, 1] }
      expect({ 'of totals 0 and 1': pickNode(clear, 0) }).toEqual({ 'of totals 0 and 1': 'b' })
    },
  )
})

describe('the decision', () => {
  lesson(
    'nothing is weighed when only one node fits',
    {
      scenario: 'Two nodes, of which one is cordoned.',
      rule: 'A single feasible node is taken without scores.',
      source: CYCLE,
    },
    () => {
      const nodes = [nodeInfo('n1', { unschedulable: true }), nodeInfo('n2')]
      expect(schedulePod(pod('web'), nodes, 0.5)).toEqual({ scheduled: true, nodeName: 'n2' })
    },
  )

  lesson(
    'the decision is for the node with the highest total, and shows the card',
    {
      scenario: 'One node is empty, one is half full.',
      rule: 'filters → scores → totals → one of the best.',
      source: CYCLE,
    },
    () => {
      const half = { cpu: 2000, memory: 4 * GIB }
      const nodes = [nodeInfo('busy', {}, { requested: half, requestedForScoring: half }), nodeInfo('idle')]
      const decision = schedulePod(pod('web'), nodes, 0)
      expect(decision).toMatchObject({ scheduled: true, nodeName: 'idle', scores: { nodes: ['busy', 'idle'] } })
    },
  )

  lesson(
    'the decision says why when no node fits',
    {
      scenario: 'One node is short of CPU, one is tainted.',
      rule: 'Without a feasible node, the decision carries the message and all rejections.',
      source: CYCLE,
    },
    () => {
      const nodes = [
        nodeInfo('full', {}, { requested: { cpu: 3500 } }),
        nodeInfo('tainted', { taints: [{ key: 'evict', value: '1', effect: 'NoExecute' }] }),
      ]
      const decision = schedulePod(pod('web', { containers: [container({ cpu: '1' })] }), nodes, 0)
      expect(decision).toMatchObject({
        scheduled: false,
        message:
          '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {evict: 1}. ' +
          'preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, ' +
          '1 Preemption is not helpful for scheduling.',
        rejections: [{ node: 'full' }, { node: 'tainted' }],
      })
    },
  )

  lesson(
    'the decision is the same for the same input, and changes nothing of it',
    {
      scenario: 'A hundred random clusters; each decision is made twice, on frozen input.',
      rule: 'The cycle is pure; and it never chooses a node that has no room.',
      source: CYCLE,
    },
    (context) => {
      const seed = 3701
      context.seed(seed)
      const random = createRandom(seed)
      for (let round = 0; round < 100; round++) {
        const nodes = Array.from({ length: 1 + random.below(6) }, (_, n) => {
          const requested = { cpu: random.below(4500), memory: random.below(9) * GIB }
          return deepFreeze(nodeInfo(`n${n}`, {}, { requested, requestedForScoring: requested }))
        })
        const web = deepFreeze(
          pod('web', {
            containers: [container({ cpu: `${1 + random.below(2000)}m`, memory: `${1 + random.below(4096)}Mi` })],
          }),
        )
        const tieBreak = random.next()
        const decision = schedulePod(web, nodes, tieBreak)
        expect(schedulePod(web, nodes, tieBreak)).toEqual(decision)
        const { cpu = '', memory = '' } = web.spec!.containers[0]!.resources!.requests!
        const fitting = nodes
          .filter(({ requested }) => requested.cpu! + Number.parseInt(cpu, 10) <= 4000)
          .filter(({ requested }) => requested.memory! + Number.parseInt(memory, 10) * MIB <= 8 * GIB)
          .map(({ name }) => name)
        const chosen = decision.scheduled ? decision.nodeName : 'none'
        expect({ round, chosen }).toEqual({ round, chosen: expect.toBeOneOf(fitting.length > 0 ? fitting : ['none']) })
      }
    },
  )
})

describe('the message', () => {
  const rejected = (node: string, evictionMayHelp: boolean, ...reasons: string[]): NodeRejection => ({
    node,
    plugin: 'any',
    reasons,
    evictionMayHelp,
  })

  lesson(
    'the message counts reasons by node, and sorts the counted ones as text',
    {
      scenario: 'Fourteen nodes: twelve have a taint, two lack CPU, and one of these lacks memory too.',
      rule: '"<count> <reason>" parts, sorted as text: "12 …" comes before "2 …". One node may give several reasons.',
      source: FIT_ERROR,
    },
    () => {
      const taint = ['node(s) had untolerated taint {evict: 1}']
      const reasons = [['Insufficient cpu'], ...Array.from({ length: 12 }, () => taint)]
      reasons.push(['Insufficient memory', 'Insufficient cpu'])
      expect(summarize(reasons)).toBe(
        '0/14 nodes are available: 1 Insufficient memory, 12 node(s) had untolerated taint {evict: 1}, 2 Insufficient cpu.',
      )
    },
  )

  lesson(
    'the message ends with the verdict on preemption',
    {
      scenario: 'Three of six nodes are short of CPU, one is blocked by another pod; two have untolerated taints.',
      rule: 'Where eviction may help: "No preemption victims found for incoming pod"; elsewhere: "Preemption is not helpful for scheduling".',
      source: 'a recording of kube-scheduler 1.32',
    },
    () => {
      const rejections = [
        rejected('n0', true, "node(s) didn't satisfy existing pods anti-affinity rules"),
        rejected('n1', true, 'Insufficient cpu'),
        rejected('n2', false, 'node(s) had untolerated taint {dedicated: x}'),
        rejected('n3', true, 'Insufficient cpu'),
        rejected('n4', false, 'node(s) had untolerated taint {dedicated: y}'),
        rejected('n5', true, 'Insufficient cpu'),
      ]
      expect(fitErrorMessage(pod('p'), rejections)).toBe(
        "0/6 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules, " +
          '1 node(s) had untolerated taint {dedicated: x}, 1 node(s) had untolerated taint {dedicated: y}, ' +
          '3 Insufficient cpu. preemption: 0/6 nodes are available: ' +
          '2 Preemption is not helpful for scheduling, 4 No preemption victims found for incoming pod.',
      )
    },
  )

  lesson(
    'the message has its own words for no nodes, and for preemption Never',
    {
      scenario: 'A cluster has no nodes yet. In another, a patient pod has preemptionPolicy Never.',
      rule: 'The texts are "no nodes available to schedule pods", and "preemption: not eligible due to preemptionPolicy=Never.".',
      source: 'kube-scheduler schedule_one.go (ErrNoNodesAvailable), framework/preemption',
    },
    () => {
      expect(fitErrorMessage(pod('p'), [])).toBe('no nodes available to schedule pods')
      expect(fitErrorMessage(pod('p', { preemptionPolicy: 'Never' }), [rejected('n0', true, 'Insufficient cpu')])).toBe(
        '0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.',
      )
    },
  )
})

describe('what is written', () => {
  lesson(
    'a binding is for this very pod',
    {
      scenario: 'The pod default/web goes to node-1.',
      rule: 'A Binding names pod and node, and carries the uid, so that a later pod of the same name is not bound by mistake.',
      source: 'kube-scheduler plugins/defaultbinder',
    },
    () => {
      expect(bindingOf(pod('web'), 'node-1')).toEqual({
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { namespace: 'default', name: 'web', uid: 'uid-of-web' },
        target: { kind: 'Node', name: 'node-1' },
      })
    },
  )

  lesson(
    'programs are told by a condition',
    {
      scenario: 'A pod fits nowhere. An autoscaler watches for exactly this.',
      rule: 'PodScheduled is False, with the reason and the message.',
      source: 'kube-scheduler schedule_one.go (handleSchedulingFailure)',
    },
    () => {
      expect(notScheduled('Unschedulable', '0/1 nodes are available: 1 Too many pods.')).toEqual({
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message: '0/1 nodes are available: 1 Too many pods.',
      })
    },
  )

  lesson(
    'people are told of a success',
    {
      scenario: 'The pod default/web was bound to node-1.',
      rule: 'Normal, Scheduled, action Binding, "Successfully assigned <namespace>/<name> to <node>".',
      source: 'kube-scheduler schedule_one.go (bind)',
    },
    () => {
      expect(scheduledAnnouncement(pod('web'), 'node-1')).toEqual({
        type: 'Normal',
        reason: 'Scheduled',
        action: 'Binding',
        note: 'Successfully assigned default/web to node-1',
      })
    },
  )

  lesson(
    'people are told of a failure, in at most 1024 bytes',
    {
      scenario: 'One message is short. Another names a hundred different taints.',
      rule: 'Warning, FailedScheduling, action Scheduling. A note above 1024 bytes is cut to 1024, ending in "...".',
      source: 'kube-scheduler schedule_one.go (truncateMessage)',
    },
    () => {
      expect(failedAnnouncement('0/1 nodes are available: 1 Too many pods.')).toEqual({
        type: 'Warning',
        reason: 'FailedScheduling',
        action: 'Scheduling',
        note: '0/1 nodes are available: 1 Too many pods.',
      })
      const noteOf = (length: number) => {
        const { note } = failedAnnouncement('x'.repeat(length))
        return { bytes: note.length, end: note.slice(-5) }
      }
      expect({ 'of 1024 bytes': noteOf(1024), 'of 1025 bytes': noteOf(1025) }).toEqual({
        'of 1024 bytes': { bytes: 1024, end: 'xxxxx' },
        'of 1025 bytes': { bytes: 1024, end: 'xx...' },
      })
    },
  )
})

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}
