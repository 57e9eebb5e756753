/** Step 3.2: what a pod claims, and what a node has left. */
import { describe, expect } from 'vitest'
import type { Container, Pod } from '#kit/api/objects.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { NodeCache } from '#scheduler/cache.ts'
import { podRequests } from '#scheduler/pod-requests.ts'
import { container, GIB, MIB, node, pod, podOn } from './fixtures.ts'

const REQUESTS = 'kubernetes pkg/api/v1/resource/helpers.go'
const CACHE = 'kube-scheduler backend/cache/cache.go'
/** The same pod with another namespace or uid: another pod. */
const another = (one: Pod, metadata: Pod['metadata']): Pod => ({ ...one, metadata: { ...one.metadata, ...metadata } })
const sidecar = (requests: Record<string, string>) => ({ ...container(requests), restartPolicy: 'Always' }) as Container

describe('what a pod claims', () => {
  lesson(
    'a pod claims the sum of its containers, in millicores and bytes',
    {
      scenario: 'A pod has two containers: one asks for half a CPU and 1 GiB, the other for 250m and 64 MiB.',
      rule: 'App containers run at the same time, so their requests add up.',
      source: REQUESTS,
    },
    () => {
      const two = pod('two', {
        containers: [container({ cpu: '0.5', memory: '1Gi' }), container({ cpu: '250m', memory: '64Mi' })],
      })
      expect(podRequests(two)).toEqual({ cpu: 750, memory: GIB + 64 * MIB })
      expect(podRequests(pod('nothing'))).toEqual({})
    },
  )

  lesson(
    'a pod claims at least what its biggest init container needs',
    {
      scenario: 'Two init containers ask for 2 CPUs and for 1 CPU with 2 GiB. The app asks for 500m and 1 GiB.',
      rule: 'Init containers run one after the other, before the app: per resource, the largest of them counts, if it is more than the app.',
      source: REQUESTS,
    },
    () => {
      const withInit = pod('with-init', {
        initContainers: [container({ cpu: '2' }), container({ cpu: '1', memory: '2Gi' })],
        containers: [container({ cpu: '500m', memory: '1Gi' })],
      })
      expect(podRequests(withInit)).toEqual({ cpu: 2000, memory: 2 * GIB })
    },
  )

  lesson(
    'sidecars count beside the app and beside later init containers',
    {
      scenario:
        'First an init container of 1 CPU, then a sidecar of 300m, then an init container of 1 CPU. The app asks for 500m.',
      rule: 'A sidecar keeps running. The peak is the second init container plus the sidecar: 1300m. With an app of 2 CPUs it is app plus sidecar.',
      source: 'KEP-753',
    },
    () => {
      const init = [container({ cpu: '1' }), sidecar({ cpu: '300m' }), container({ cpu: '1' })]
      const claim = (app: Container) => podRequests(pod('p', { initContainers: init, containers: [app] }))
      expect(claim(container({ cpu: '500m' }))).toEqual({ cpu: 1300 })
      expect(claim(container({ cpu: '2' }))).toEqual({ cpu: 2300 })
    },
  )

  lesson(
    'a pod claims the overhead of its sandbox too',
    {
      scenario: 'A pod that runs in a small virtual machine has an overhead of 120 MiB. Its container asks for 1 GiB.',
      rule: 'spec.overhead comes on top of everything else.',
      source: 'KEP-688',
    },
    () => {
      const inMachine = pod('vm', { containers: [container({ memory: '1Gi' })], overhead: { memory: '120Mi' } })
      expect(podRequests(inMachine)).toEqual({ memory: GIB + 120 * MIB })
    },
  )

  lesson(
    'a default stands in for what a container does not name',
    {
      scenario:
        'For scoring, a container without requests counts as 100m and 200 MiB. One of two containers names its cpu, as 0.',
      rule: 'A default stands in for a missing request of one container; a request of 0 is not missing.',
      source: 'kube-scheduler util/pod_resources.go',
    },
    () => {
      const mixed = pod('mixed', { containers: [container({ cpu: '0' }), container()] })
      expect(podRequests(mixed, { cpu: 100, memory: 200 * MIB })).toEqual({ cpu: 100, memory: 400 * MIB })
    },
  )
})

describe('the cache', () => {
  /** What is booked on each node: `{ 'requested cpu of n1': 1500 }`. */
  const booked = (cache: NodeCache) =>
    Object.fromEntries(cache.snapshot().map(({ name, requested }) => [`requested cpu of ${name}`, requested.cpu ?? 0]))
  const podsOf = (cache: NodeCache) =>
    Object.fromEntries(
      cache.snapshot().map(({ name, pods }) => [`pods on ${name}`, pods.map(({ metadata }) => metadata?.name)]),
    )

  lesson(
    'the cache counts reported pods, and frees their room when they go',
    {
      scenario: 'Two pods run on a node; one of them is deleted.',
      rule: 'requested is the sum over the pods that are there now.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      cache.setPod(podOn('n1', 'a', { cpu: '1' }))
      cache.setPod(podOn('n1', 'b', { cpu: '500m' }))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 1500 })
      cache.removePod(podOn('n1', 'a'))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 500 })
      expect(podsOf(cache)).toEqual({ 'pods on n1': ['b'] })
    },
  )

  lesson(
    'an assumed pod counts at once',
    {
      scenario: 'The scheduler has chosen a node for a pod. The binding is under way.',
      rule: 'From assume on, the room is taken: the next decision must see it.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      const web = pod('web', { containers: [container({ cpu: '1' })] })
      cache.assume(web, 'n1')
      expect({ 'web is assumed': cache.isAssumed(web) }).toEqual({ 'web is assumed': true })
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 1000 })
    },
  )

  lesson(
    'a confirmed pod counts once, not twice',
    {
      scenario: 'A pod is assumed on n1. Then the watch reports it on n1.',
      rule: 'Confirmation replaces the assumption.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      cache.assume(pod('web', { containers: [container({ cpu: '1' })] }), 'n1')
      cache.setPod(podOn('n1', 'web', { cpu: '1' }))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 1000 })
      expect({ 'web is assumed': cache.isAssumed(pod('web')) }).toEqual({ 'web is assumed': false })
    },
  )

  lesson(
    "the API server's word goes before an assumption",
    {
      scenario: 'A pod is assumed on n1, but someone else has bound it to n2, as the watch reports.',
      rule: 'The pod counts where the API server says, and nowhere else.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      cache.setNode(node('n2'))
      cache.assume(pod('web', { containers: [container({ cpu: '1' })] }), 'n1')
      cache.setPod(podOn('n2', 'web', { cpu: '1' }))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 0, 'requested cpu of n2': 1000 })
    },
  )

  lesson(
    'an assumption that came to nothing is forgotten, a confirmed pod never',
    {
      scenario: 'Binding pod a fails. Binding pod b seemed to fail, but the watch has already reported it on its node.',
      rule: 'forget takes back assumptions only.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.forget(pod('never-seen'))
      cache.setNode(node('n1'))
      cache.assume(pod('a', { containers: [container({ cpu: '1' })] }), 'n1')
      cache.assume(pod('b', { containers: [container({ cpu: '2' })] }), 'n1')
      cache.setPod(podOn('n1', 'b', { cpu: '2' }))
      cache.forget(pod('a'))
      cache.forget(pod('b'))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 2000 })
    },
  )

  lesson(
    'a pod cannot be assumed twice',
    {
      scenario: 'By mistake, the same pod is assumed on n1 and then on n2.',
      rule: 'A pod counts on at most one node; a broken invariant throws.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.assume(pod('web'), 'n1')
      expect(() => cache.assume(pod('web'), 'n2')).toThrow(/web/)
      cache.setNode(node('n1'))
      cache.setNode(node('n2'))
      expect(podsOf(cache)).toEqual({ 'pods on n1': ['web'], 'pods on n2': [] })
    },
  )

  lesson(
    'pods of the same name in two namespaces both count',
    {
      scenario: 'team-a/web runs on n1, and team-b/web is assumed there, with 1 CPU each. Then team-a/web is deleted.',
      rule: 'A name is unique within its namespace only; what tells pods apart is podIdentity.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      cache.setPod(another(podOn('n1', 'web', { cpu: '1' }), { namespace: 'team-a', uid: 'uid-a' }))
      const second = pod('web', { containers: [container({ cpu: '1' })] })
      cache.assume(another(second, { namespace: 'team-b', uid: 'uid-b' }), 'n1')
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 2000 })
      cache.removePod(another(pod('web'), { namespace: 'team-a', uid: 'uid-a' }))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 1000 })
    },
  )

  lesson(
    'a new pod with the name of an old one is another pod',
    {
      scenario:
        'db-0 runs on n1. It is deleted and made anew under the same name. The new db-0 is on n2 before the watch reports that the old one is gone.',
      rule: 'Two pods of one name have two uids, and each counts by itself; what tells them apart is podIdentity.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      cache.setNode(node('n2'))
      const old = another(podOn('n1', 'db-0', { cpu: '1' }), { uid: 'uid-1' })
      cache.setPod(old)
      cache.setPod(another(podOn('n2', 'db-0', { cpu: '2' }), { uid: 'uid-2' }))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 1000, 'requested cpu of n2': 2000 })
      cache.removePod(old)
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 0, 'requested cpu of n2': 2000 })
    },
  )

  lesson(
    'pods count on a node that is reported after them, or changes',
    {
      scenario: 'The pod list arrives before the node list. Later the node reports less memory.',
      rule: 'The order of two watches means nothing.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setPod(podOn('n1', 'early', { cpu: '1' }))
      expect(cache.snapshot()).toEqual([])
      cache.setNode(node('n1'))
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 1000 })
      cache.setNode(node('n1', { memory: '4Gi' }))
      expect(cache.snapshot()).toMatchObject([{ name: 'n1', allocatable: { memory: 4 * GIB } }])
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 1000 })
    },
  )

  lesson(
    'the deletion of a pod that nobody knew changes nothing',
    {
      scenario: 'After a restart, the watch reports the deletion of a pod whose node was never known.',
      rule: 'Removing what is not there changes nothing.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.removePod(podOn('n9', 'ghost', { cpu: '1' }))
      cache.setPod(podOn('n9', 'ghost', { cpu: '1' }))
      cache.removePod(podOn('n9', 'ghost'))
      cache.setNode(node('n9'))
      expect(booked(cache)).toEqual({ 'requested cpu of n9': 0 })
    },
  )

  lesson(
    'pods that have ended take no room',
    {
      scenario: 'A pod that ran to its end is still there as an object, with phase Succeeded.',
      rule: 'A pod that has ended requests nothing any more.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      cache.setPod(podOn('n1', 'job', { cpu: '1' }))
      cache.setPod({ ...podOn('n1', 'job', { cpu: '1' }), status: { phase: 'Succeeded' } })
      expect(booked(cache)).toEqual({ 'requested cpu of n1': 0 })
    },
  )

  lesson(
    'a late change does not show in a snapshot',
    {
      scenario: 'A cycle works on a snapshot while the watch reports another pod.',
      rule: 'A snapshot stays as it was taken.',
      source: CACHE,
    },
    () => {
      const cache = new NodeCache()
      cache.setNode(node('n1'))
      const before = cache.snapshot()
      cache.setPod(podOn('n1', 'late', { cpu: '1' }))
      expect(before).toMatchObject([{ name: 'n1', pods: [] }])
    },
  )

  lesson(
    'the sums equal what is there, whatever happens in which order',
    {
      scenario: 'A thousand random assumptions, confirmations, failures and deletions on three nodes.',
      rule: 'requested is at any time the sum of the requests of the pods on that node.',
      source: CACHE,
    },
    (context) => {
      const seed = 3201
      context.seed(seed)
      const random = createRandom(seed)
      const cache = new NodeCache()
      const names = ['n1', 'n2', 'n3']
      for (const name of names) cache.setNode(node(name))
      const expected = new Map<string, { on: string; confirmed: boolean }>()
      for (let round = 0; round < 1000; round++) {
        const name = `p${random.below(20)}`
        const there = expected.get(name)
        const on = random.pick(names)
        const unbound = pod(name, { containers: [container({ cpu: '100m' })] })
        if (!there) {
          cache.assume(unbound, on)
          expected.set(name, { on, confirmed: false })
        } else if (random.chance(0.4)) {
          cache.setPod(podOn(on, name, { cpu: '100m' }))
          expected.set(name, { on, confirmed: true })
        } else if (random.chance(0.5)) {
          cache.forget(unbound)
          if (!there.confirmed) expected.delete(name)
        } else {
          cache.removePod(unbound)
          expected.delete(name)
        }
        const sums = names.map((node) => {
          const count = [...expected.values()].filter(({ on }) => on === node).length
          return [`requested cpu of ${node}`, 100 * count]
        })
        expect({ round, ...booked(cache) }).toEqual({ round, ...Object.fromEntries(sums) })
      }
    },
  )
})
