/** Step 3.8 ★: near these pods, away from those. */
import type { PodAffinityTerm } from 'kubernetes-types/core/v1.js'
import { describe, expect } from 'vitest'
import type { Affinity, Pod } from '#kit/api/objects.ts'
import type { NodeInfo } from '#kit/contracts/scheduling.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { countAffinity, fitsPodAffinity } from '#scheduler/filters/pod-affinity.ts'
import { termSelects } from '#scheduler/pod-affinity-terms.ts'
import { podAffinityScores } from '#scheduler/scores/pod-affinity.ts'
import { nodeInfo, pod, reasonsOf } from './fixtures.ts'

const FILTER = 'kube-scheduler plugins/interpodaffinity/filtering.go'
const SCORE = 'kube-scheduler plugins/interpodaffinity/scoring.go'

const near = (app: string, topologyKey = 'zone'): PodAffinityTerm => ({
  labelSelector: { matchLabels: { app } },
  topologyKey,
})
const app = (name: string, labels: Record<string, string>, affinity?: Affinity): Pod =>
  pod(name, affinity ? { affinity } : {}, labels)
const requires = (...terms: PodAffinityTerm[]): Affinity => ({
  podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms },
})
const shuns = (...terms: PodAffinityTerm[]): Affinity => ({
  podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms },
})
const likes = (weight: number, podAffinityTerm: PodAffinityTerm): Affinity => ({
  podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] },
})
const dislikes = (weight: number, podAffinityTerm: PodAffinityTerm): Affinity => ({
  podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] },
})
const inZone = (name: string, zone: string, ...pods: Pod[]) => nodeInfo(name, { labels: { zone } }, { pods })
const answers = (one: Pod, nodes: readonly NodeInfo[]) => {
  const counts = countAffinity(one, nodes)
  return nodes.map((node) => reasonsOf(fitsPodAffinity(one, node, counts)))
}

describe('a term', () => {
  lesson(
    'a term is about pods in its own namespace, unless it says otherwise',
    {
      scenario: 'A pod in namespace default wants to be near app=db. Pods of that label are in default and in other.',
      rule: "Without namespaces and namespaceSelector: the owner's own. With a list: those. With an empty selector: all.",
      source: 'kube-scheduler framework/types.go (AffinityTerm.Matches)',
    },
    () => {
      const owner = pod('web')
      const here = app('db', { app: 'db' })
      const there = { ...here, metadata: { ...here.metadata, namespace: 'other' } }
      const others = { ...near('db'), namespaces: ['other'] }
      expect({
        'no namespaces, pod in default': termSelects(near('db'), owner, here),
        'no namespaces, pod in other': termSelects(near('db'), owner, there),
        'namespaces [other], pod in other': termSelects(others, owner, there),
        'namespaces [other], pod in default': termSelects(others, owner, here),
        'empty namespaceSelector, pod in other': termSelects({ ...near('db'), namespaceSelector: {} }, owner, there),
      }).toEqual({
        'no namespaces, pod in default': true,
        'no namespaces, pod in other': false,
        'namespaces [other], pod in other': true,
        'namespaces [other], pod in default': false,
        'empty namespaceSelector, pod in other': true,
      })
    },
  )

  lesson(
    'a term selects by labels; without a selector it selects nothing',
    {
      scenario: 'A pod has app=cache. One term wants app=db, one has an empty selector, one has none at all.',
      rule: 'An empty selector selects every pod, a missing one none.',
      source: 'Kubernetes API: PodAffinityTerm.labelSelector',
    },
    () => {
      const cache = app('cache', { app: 'cache' })
      expect({
        'app=db': termSelects(near('db'), pod('web'), cache),
        'empty selector': termSelects({ labelSelector: {}, topologyKey: 'zone' }, pod('web'), cache),
        'no selector': termSelects({ topologyKey: 'zone' }, pod('web'), cache),
      }).toEqual({ 'app=db': false, 'empty selector': true, 'no selector': false })
    },
  )
})

describe('required affinity', () => {
  lesson(
    'required affinity counts wanted pods by domain',
    {
      scenario: 'Zone z1 has two nodes with one database each; zone z2 has a node without.',
      rule: 'Pods are counted in the domain of the node on which they run; the new pod may go to any node of a domain.',
      source: FILTER,
    },
    () => {
      const web = app('web', { app: 'web' }, requires(near('db')))
      const nodes = [
        inZone('n1', 'z1', app('db1', { app: 'db' })),
        inZone('n2', 'z1', app('db2', { app: 'db' })),
        inZone('n3', 'z2'),
        inZone('n4', 'z1'),
      ]
      expect(countAffinity(web, nodes).wanted).toEqual(new Map([['zone', new Map([['z1', 2]])]]))
      expect(answers(web, nodes)).toEqual(['fits', 'fits', "node(s) didn't match pod affinity rules", 'fits'])
    },
  )

  lesson(
    'several affinity terms look for pods that all of them select',
    {
      scenario:
        'A pod wants to be in a zone with app=db, and on a host with tier=fast. One pod is both; another is only app=db.',
      rule: 'Only pods that every term selects count as wanted.',
      source: FILTER,
    },
    () => {
      const web = app(
        'web',
        {},
        requires(near('db'), {
          labelSelector: { matchLabels: { tier: 'fast' } },
          topologyKey: 'kubernetes.io/hostname',
        }),
      )
      const nodes = [
        inZone('n1', 'z1', app('db1', { app: 'db', tier: 'fast' })),
        inZone('n2', 'z1', app('db2', { app: 'db' })),
      ]
      expect(answers(web, nodes)).toEqual(['fits', "node(s) didn't match pod affinity rules"])
    },
  )

  lesson(
    'required affinity lets the first pod of a group in',
    {
      scenario:
        'Replicas want to be together in one zone. None runs yet. Another pod wants company that is nowhere to be found.',
      rule: 'If nobody wanted is anywhere and the terms select the pod itself, every node with the topology labels will do.',
      source: FILTER,
    },
    () => {
      const nodes = [inZone('n1', 'z1'), nodeInfo('no-zone')]
      const replica = app('r1', { app: 'group' }, requires(near('group')))
      expect(answers(replica, nodes)).toEqual(['fits', "node(s) didn't match pod affinity rules"])
      const lonely = app('lonely', { app: 'other' }, requires(near('group')))
      expect(answers(lonely, nodes)[0]).toBe("node(s) didn't match pod affinity rules")
      const second = [...nodes, inZone('n3', 'z3', app('r0', { app: 'group' }))]
      expect(answers(replica, second)[0]).toBe("node(s) didn't match pod affinity rules")
    },
  )
})

describe('the three rules', () => {
  lesson(
    'the three rules are asked in order, each about the domain of the node',
    {
      scenario:
        'Counts are given: z1 and z2 hold wanted pods, z2 holds a shunned one too, and z3 is closed by a pod that runs there.',
      rule: 'Affinity first (unsuitable), then anti-affinity (busy), then the anti-affinity of existing pods (busy).',
      source: FILTER,
    },
    () => {
      const web = app('web', { app: 'web' }, { ...requires(near('db')), ...shuns(near('batch')) })
      const counts = {
        wanted: new Map([
          [
            'zone',
            new Map([
              ['z1', 1],
              ['z2', 1],
              ['z3', 1],
            ]),
          ],
        ]),
        shunned: new Map([['zone', new Map([['z2', 1]])]]),
        closed: new Map([['zone', new Map([['z3', 1]])]]),
      }
      const answer = (zone: string) => fitsPodAffinity(web, inZone('n', zone), counts)
      expect(answer('z1')).toEqual({ fits: true })
      expect(answer('z2')).toMatchObject({
        reasons: ["node(s) didn't match pod anti-affinity rules"],
        evictionMayHelp: true,
      })
      expect(answer('z3')).toMatchObject({
        reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"],
        evictionMayHelp: true,
      })
      expect(answer('z4')).toMatchObject({
        reasons: ["node(s) didn't match pod affinity rules"],
        evictionMayHelp: false,
      })
    },
  )
})

describe('required anti-affinity', () => {
  lesson(
    'required anti-affinity keeps the pod out of domains with shunned pods',
    {
      scenario: 'A database must not share its host with another one. One host has one.',
      rule: 'The domain must hold no pod that a term selects; eviction could help. A node without the label is in no domain.',
      source: FILTER,
    },
    () => {
      const db = app('db2', { app: 'db' }, shuns(near('db', 'kubernetes.io/hostname')))
      const nodes = [inZone('n1', 'z1', app('db1', { app: 'db' })), inZone('n2', 'z1')]
      expect(answers(db, nodes)).toEqual(["node(s) didn't match pod anti-affinity rules", 'fits'])
      expect(fitsPodAffinity(db, nodes[0]!, countAffinity(db, nodes))).toMatchObject({ evictionMayHelp: true })
      const outside = app('db3', { app: 'db' }, shuns(near('db')))
      expect(answers(outside, [nodeInfo('no-zone', {}, { pods: [app('db1', { app: 'db' })] })])).toEqual(['fits'])
    },
  )

  lesson(
    'the required anti-affinity of pods that run already counts as well',
    {
      scenario: 'A noise-sensitive pod in zone z1 shuns app=batch. A batch pod without any affinity comes along.',
      rule: 'A term of an existing pod that selects the new pod closes the domain of the existing pod.',
      source: FILTER,
    },
    () => {
      const sensitive = app('quiet', { app: 'quiet' }, shuns(near('batch')))
      const nodes = [inZone('n1', 'z1', sensitive), inZone('n2', 'z1'), inZone('n3', 'z2')]
      const closed = "node(s) didn't satisfy existing pods anti-affinity rules"
      expect(answers(app('job', { app: 'batch' }), nodes)).toEqual([closed, closed, 'fits'])
      expect(answers(app('web', { app: 'web' }), nodes)).toEqual(['fits', 'fits', 'fits'])
    },
  )
})

describe('preferred affinity', () => {
  lesson(
    'preferred affinity attracts and repels, scaled between the extremes',
    {
      scenario:
        'A pod likes zones with app=cache (weight 10). z1 has two of them, z2 one, z3 none. Another dislikes them.',
      rule: 'Each selected pod adds the weight to its domain; the lowest sum becomes 0, the highest 100.',
      source: SCORE,
    },
    () => {
      const cache = (name: string) => app(name, { app: 'cache' })
      const nodes = [inZone('n1', 'z1', cache('a'), cache('b')), inZone('n2', 'z2', cache('c')), inZone('n3', 'z3')]
      expect(podAffinityScores(app('web', {}, likes(10, near('cache'))), nodes, nodes)).toEqual([100, 50, 0])
      expect(podAffinityScores(app('web', {}, dislikes(10, near('cache'))), nodes, nodes)).toEqual([0, 50, 100])
    },
  )

  lesson(
    'preferred affinity works in both directions',
    {
      scenario:
        'The new pod has no wishes. In z1 runs a pod that likes it (5), in z2 one that requires its kind, in z3 one that dislikes it (5).',
      rule: 'Preferences of existing pods count, and their required affinity counts as weight 1: sums 5, 1 and −5.',
      source: SCORE,
    },
    () => {
      const nodes = [
        inZone('n1', 'z1', app('a', {}, likes(5, near('web')))),
        inZone('n2', 'z2', app('b', {}, requires(near('web')))),
        inZone('n3', 'z3', app('c', {}, dislikes(5, near('web')))),
      ]
      expect(podAffinityScores(app('web', { app: 'web' }), nodes, nodes)).toEqual([100, 60, 0])
    },
  )

  lesson(
    'preferred affinity counts pods on nodes that are not feasible, too',
    {
      scenario: 'The only cache of zone z1 runs on a full node; another node of that zone has room.',
      rule: 'All nodes are counted, only feasible ones are scored.',
      source: SCORE,
    },
    () => {
      const full = inZone('full', 'z1', app('a', { app: 'cache' }))
      const feasible = [inZone('n2', 'z1'), inZone('n3', 'z2')]
      expect(podAffinityScores(app('web', {}, likes(10, near('cache'))), feasible, [full, ...feasible])).toEqual([
        100, 0,
      ])
    },
  )

  lesson(
    'preferred affinity has no opinion when nothing is selected',
    {
      scenario: 'A pod likes app=cache; there is none. Later both zones have one.',
      rule: 'No term selected anything: undefined. All sums equal: all 0.',
      source: SCORE,
    },
    () => {
      const web = app('web', {}, likes(10, near('cache')))
      const empty = [inZone('n1', 'z1'), inZone('n2', 'z2')]
      expect({ 'scores without a cache': podAffinityScores(web, empty, empty) }).toEqual({
        'scores without a cache': undefined,
      })
      const even = [inZone('n1', 'z1', app('a', { app: 'cache' })), inZone('n2', 'z2', app('b', { app: 'cache' }))]
      expect(podAffinityScores(web, even, even)).toEqual([0, 0])
    },
  )
})
