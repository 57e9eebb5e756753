/** Step 4.7: which pods stand behind a Service, and how the world learns of it. */
import { describe, expect } from 'vitest'
import { MOST_PER_SLICE, packSlices, type SlicePlan } from '#controllers/endpoints/pack.ts'
import { podEndpoint, targetPort } from '#controllers/endpoints/pod-endpoint.ts'
import { reconcileEndpointSlices, reconcileEndpoints } from '#controllers/endpoints/reconcile.ts'
import { endpointSubsets } from '#controllers/endpoints/subsets.ts'
import type { Endpoint, EndpointPort, EndpointSlice, Endpoints, Service, Stored } from '#kit/api/objects.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { ago, pod, service, stored } from './support/objects.ts'

const leaving = { deletionTimestamp: ago(1) }
const named = (name: string, containerPort: number, protocol?: string) => ({
  spec: { containers: [{ name: 'main', ports: [{ name, containerPort, ...(protocol && { protocol }) }] }] },
})
const web = service('web', {
  selector: { app: 'web' },
  ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
})
const ports: EndpointPort[] = [{ name: 'http', protocol: 'TCP', port: 8080 }]
const endpoint = (name: string, ready = true): Endpoint => ({
  addresses: [`10.0.0.${name}`],
  conditions: { ready, serving: ready, terminating: false },
  targetRef: { kind: 'Pod', namespace: 'default', name, uid: `uid-${name}` },
})
const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => endpoint(String(from + index)))
const slice = (name: string, endpoints: Endpoint[], of: EndpointPort[] = ports): Stored<EndpointSlice> =>
  stored('EndpointSlice', name, { addressType: 'IPv4', ports: of, endpoints }) as never
const words = (plan: SlicePlan) => [
  ...plan.create.map(({ endpoints }) => `create with ${endpoints.length}`),
  ...plan.update.map(({ slice, content }) => `update ${slice.metadata.name} to ${content.endpoints.length}`),
  ...plan.delete.map(({ metadata }) => `delete ${metadata.name}`),
]

describe("the port behind a Service's port", () => {
  lesson(
    'is the number it says, or what the pod gives its name to',
    {
      scenario:
        'targetPort 8080; none, with port 80; "http", which one pod has as 9090 and another as 7070; a name that the pod does not have.',
      rule: 'A name is looked up in each pod, with the protocol; a pod without it does not answer on that port.',
      source: 'kubernetes pkg/api/v1/pod/util.go: FindPort; recording service-named-target-port-with-different-numbers',
    },
    () => {
      const http = { port: 80, targetPort: 'http' }
      expect({
        'targetPort 8080': targetPort({ port: 80, targetPort: 8080 }, pod('a')),
        'no targetPort': targetPort({ port: 80 }, pod('a')),
        '"http", which is 9090': targetPort(http, pod('a', named('http', 9090))),
        '"http", which is 7070': targetPort(http, pod('b', named('http', 7070))),
        '"http", which the pod does not have': targetPort(http, pod('c', named('admin', 1))),
      }).toEqual({
        'targetPort 8080': 8080,
        'no targetPort': 80,
        '"http", which is 9090': 9090,
        '"http", which is 7070': 7070,
        '"http", which the pod does not have': undefined,
      })
    },
  )

  lesson(
    'has the same protocol',
    {
      scenario: 'A pod has the name dns for TCP only; the Service asks for UDP, then for TCP.',
      rule: 'A name stands for a port of one protocol; TCP is the default on both sides.',
      source: 'kubernetes pkg/api/v1/pod/util.go: FindPort',
    },
    () => {
      expect(targetPort({ port: 53, targetPort: 'dns', protocol: 'UDP' }, pod('a', named('dns', 53)))).toBeUndefined()
      expect(targetPort({ port: 53, targetPort: 'dns', protocol: 'TCP' }, pod('a', named('dns', 53)))).toBe(53)
      expect(targetPort({ port: 53, targetPort: 'dns', protocol: 'UDP' }, pod('a', named('dns', 5353, 'UDP')))).toBe(
        5353,
      )
    },
  )
})

describe('a pod as an endpoint', () => {
  const conditions = (of: typeof web, ...traits: Parameters<typeof pod>) => podEndpoint(of, pod(...traits)).conditions

  lesson(
    'tells where it is and who it is',
    {
      scenario: 'A ready pod on node n1 with IP 10.244.1.7.',
      rule: "Address, node name, and a reference with the pod's uid.",
      source: 'recording service-one-ready-one-not-ready-pod',
    },
    () =>
      expect(podEndpoint(web, pod('a', { ip: '10.244.1.7', node: 'n1', readyFor: 60 }))).toEqual({
        addresses: ['10.244.1.7'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'n1',
        targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
      }),
  )

  lesson(
    'that terminates still serves, but wants no new traffic',
    {
      scenario: 'Pods: not ready; ready and terminating; not ready and terminating.',
      rule: 'serving is readiness, terminating is deletion, ready is serving and not terminating.',
      source: 'KEP-1672; recording service-pod-terminating-then-gone',
    },
    () => {
      expect(conditions(web, 'a', {})).toEqual({ ready: false, serving: false, terminating: false })
      expect(conditions(web, 'a', { readyFor: 60, metadata: leaving })).toEqual({
        ready: false,
        serving: true,
        terminating: true,
      })
      expect(conditions(web, 'a', { metadata: leaving })).toEqual({ ready: false, serving: false, terminating: true })
    },
  )

  lesson(
    'is always ready for a Service that publishes not-ready addresses',
    {
      scenario: 'The same three pods behind a Service with publishNotReadyAddresses.',
      rule: 'ready is true whatever the pod says; serving and terminating stay honest.',
      source: 'recording service-publishNotReadyAddresses',
    },
    () => {
      const eager = service('eager', { ...web.spec, publishNotReadyAddresses: true })
      expect(conditions(eager, 'a', {})).toEqual({ ready: true, serving: false, terminating: false })
      expect(conditions(eager, 'a', { metadata: leaving })).toEqual({ ready: true, serving: false, terminating: true })
    },
  )
})

describe('packing endpoints into slices', () => {
  lesson(
    'fills slices of at most 100',
    {
      scenario: '250 endpoints and no slice yet.',
      rule: 'Three slices: 100, 100, 50.',
      source: 'kubernetes --max-endpoints-per-slice; recording service-120-pods-endpointslices-of-100',
    },
    () => {
      expect(MOST_PER_SLICE).toBe(100)
      const plan = packSlices([{ ports, endpoints: range(0, 250) }], [])
      expect(words(plan)).toEqual(['create with 100', 'create with 100', 'create with 50'])
    },
  )

  lesson(
    'changes only the slices that must change',
    {
      scenario: 'Three slices; in the second one endpoint becomes not ready, and one new endpoint comes.',
      rule: 'Endpoints stay where they are; the new one goes into the fullest slice with room; untouched slices are not written.',
      source: 'kubernetes endpointslice/reconciler.go: reconcileByPortMapping',
    },
    () => {
      const existing = [slice('full', range(0, 100)), slice('most', range(100, 190)), slice('few', range(190, 200))]
      const endpoints = [...range(0, 105), endpoint('105', false), ...range(106, 201)]
      const plan = packSlices([{ ports, endpoints }], existing)
      expect(words(plan)).toEqual(['update most to 91'])
      expect(
        plan.update[0]?.content.endpoints.find(({ targetRef }) => targetRef?.name === '105')?.conditions?.ready,
      ).toBe(false)
    },
  )

  lesson(
    'takes out what is gone, and drops a slice that became empty',
    {
      scenario: 'Two slices; one endpoint of the first and all of the second are gone.',
      rule: 'No endpoint may outlive its pod.',
      source: 'kubernetes endpointslice/reconciler.go',
    },
    () => {
      const existing = [slice('one', range(0, 5)), slice('two', range(5, 8))]
      expect(words(packSlices([{ ports, endpoints: range(0, 4) }], existing))).toEqual([
        'update one to 4',
        'delete two',
      ])
    },
  )

  lesson(
    'keeps endpoints with different ports apart',
    {
      scenario:
        'Endpoints on 8080 are in a slice; one of them now answers on 9090 instead. A slice with a port that nobody has any more.',
      rule: 'A slice has one list of ports for all its endpoints.',
      source: 'recording service-named-target-port-with-different-numbers',
    },
    () => {
      const other: EndpointPort[] = [{ name: 'http', protocol: 'TCP', port: 9090 }]
      const unused: EndpointPort[] = [{ name: 'http', protocol: 'TCP', port: 1 }]
      const existing = [slice('one', range(0, 2)), slice('unused', range(7, 8), unused)]
      const groups = [
        { ports, endpoints: range(0, 1) },
        { ports: other, endpoints: range(1, 2) },
      ]
      expect(words(packSlices(groups, existing))).toEqual(['create with 1', 'update one to 1', 'delete unused'])
    },
  )

  lesson(
    'keeps one empty slice for a Service without endpoints',
    {
      scenario: 'No endpoints: without a slice; with an empty one; with two empty ones.',
      rule: 'An empty slice says "none", which is more than saying nothing.',
      source: 'kubernetes endpointslice/reconciler.go: placeholder slice',
    },
    () => {
      const none = [{ ports: [], endpoints: [] }]
      expect(words(packSlices(none, []))).toEqual(['create with 0'])
      expect(words(packSlices(none, [slice('one', [], [])]))).toEqual([])
      expect(words(packSlices(none, [slice('one', [], []), slice('two', [], [])]))).toEqual(['delete two'])
    },
  )

  lesson(
    'is right whatever was there before, and settles at once',
    {
      scenario: 'Random endpoints, groups and slices; the plan is carried out, then asked for again.',
      rule: 'Each endpoint is in exactly one slice, none has more than 100, and the second plan is empty.',
      source: 'the guarantee of EndpointSlices, KEP-752',
    },
    ({ seed }) => {
      for (let round = 1; round <= 60; round++) {
        seed(round)
        const random = createRandom(round)
        const port = (number: number): EndpointPort[] => [{ name: 'http', protocol: 'TCP', port: number }]
        const some = (most: number) => range(0, 260).filter(() => random.below(260) < most)
        let slices = [
          slice('a', some(90).slice(0, 100), port(1)),
          slice('b', some(60).slice(0, 100), port(2)),
          slice('c', [], port(1)),
        ]
        const taken = new Set(slices[0]!.endpoints.map(({ targetRef }) => targetRef?.uid))
        slices[1] = slice(
          'b',
          slices[1]!.endpoints.filter(({ targetRef }) => !taken.has(targetRef?.uid)),
          port(2),
        )
        const wanted = some(200)
        const groups = [1, 2].map((number) => ({
          ports: port(number),
          endpoints: wanted.filter((_, index) => index % 2 === number - 1),
        }))
        const plan = packSlices(groups, slices)
        slices = slices
          .filter((one) => !plan.delete.includes(one))
          .map((one) => {
            const update = plan.update.find(({ slice }) => slice === one)
            return update ? slice(one.metadata.name, [...update.content.endpoints], [...update.content.ports]) : one
          })
        slices.push(
          ...plan.create.map((content, index) => slice(`new-${index}`, [...content.endpoints], [...content.ports])),
        )
        const held = slices.flatMap((one) =>
          one.endpoints.map(({ targetRef }) => `${one.ports?.[0]?.port} ${targetRef?.uid}`),
        )
        expect(held.toSorted()).toEqual(
          groups
            .flatMap((group) => group.endpoints.map(({ targetRef }) => `${group.ports[0]?.port} ${targetRef?.uid}`))
            .toSorted(),
        )
        expect(Math.max(...slices.map(({ endpoints }) => endpoints.length))).toBeLessThanOrEqual(100)
        expect(words(packSlices(groups, slices))).toEqual([])
      }
    },
  )
})

describe('an Endpoints object', () => {
  lesson(
    'keeps ready and not-ready addresses apart, and leaves terminating pods out',
    {
      scenario: 'Two ready pods, one that is not, and a terminating one.',
      rule: 'Not-ready pods are listed where no proxy looks; terminating ones are not listed.',
      source: 'recordings service-one-ready-one-not-ready-pod, service-pod-terminating-then-gone',
    },
    () => {
      const pods = [
        pod('b', { ip: '10.0.0.2', readyFor: 60, node: 'n1' }),
        pod('a', { ip: '10.0.0.1', readyFor: 60, node: 'n1' }),
        pod('c', { ip: '10.0.0.3' }),
        pod('d', { ip: '10.0.0.4', readyFor: 60, metadata: leaving }),
      ]
      const [subset, ...more] = endpointSubsets(web, pods)
      expect(more).toEqual([])
      expect(subset?.addresses?.map(({ ip }) => ip)).toEqual(['10.0.0.1', '10.0.0.2'])
      expect(subset?.addresses?.[0]).toEqual({
        ip: '10.0.0.1',
        nodeName: 'n1',
        targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
      })
      expect(subset?.notReadyAddresses?.map(({ ip }) => ip)).toEqual(['10.0.0.3'])
      expect(subset?.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }])
    },
  )

  lesson(
    'has a subset for each set of ports',
    {
      scenario: 'targetPort "http" is 9090 in one pod, 7070 in another and missing in a third.',
      rule: 'Addresses of one subset answer on the same ports; a pod without the port is left out.',
      source: 'recording service-named-target-port-with-different-numbers',
    },
    () => {
      const of = service('web', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] })
      const pods = [
        pod('a', { ip: '10.0.0.1', readyFor: 60, ...named('http', 9090) }),
        pod('b', { ip: '10.0.0.2', readyFor: 60, ...named('http', 7070) }),
        pod('c', { ip: '10.0.0.3', readyFor: 60 }),
      ]
      expect(endpointSubsets(of, pods).map((subset) => [subset.addresses?.[0]?.ip, subset.ports])).toEqual([
        ['10.0.0.2', [{ port: 7070, protocol: 'TCP' }]],
        ['10.0.0.1', [{ port: 9090, protocol: 'TCP' }]],
      ])
    },
  )

  lesson(
    'lists everything for a Service that publishes not-ready addresses',
    {
      scenario: 'A pod that is not ready and one that terminates.',
      rule: 'Both are addresses like any other.',
      source: 'recording service-publishNotReadyAddresses',
    },
    () => {
      const eager = service('eager', { ...web.spec, publishNotReadyAddresses: true })
      const [subset] = endpointSubsets(eager, [
        pod('a', { ip: '10.0.0.1' }),
        pod('b', { ip: '10.0.0.2', metadata: leaving }),
      ])
      expect(subset?.addresses).toHaveLength(2)
      expect(subset).not.toHaveProperty('notReadyAddresses')
    },
  )
})

describe('one look at a Service', () => {
  const behind = [
    pod('a', { ip: '10.0.0.1', readyFor: 60 }),
    pod('finished', { ip: '10.0.0.2', phase: 'Succeeded' }),
    pod('no-address', { readyFor: 60 }),
    pod('other', { ip: '10.0.0.3', readyFor: 60, metadata: { labels: { app: 'api' } } }),
  ]

  lesson(
    'makes a slice that belongs to it',
    {
      scenario: 'A Service with one pod that can answer, a finished one, one without address, and one of another app.',
      rule: 'The slice is owned by the Service and labelled with its name and with who manages it.',
      source: 'recording service-one-ready-one-not-ready-pod',
    },
    () => {
      const { actions } = reconcileEndpointSlices({ service: web, pods: behind, slices: [] })
      expect(actions).toMatchObject([
        {
          do: 'create',
          object: {
            metadata: {
              generateName: 'web-',
              labels: {
                'kubernetes.io/service-name': 'web',
                'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
              },
              ownerReferences: [{ kind: 'Service', uid: 'uid-web', controller: true }],
            },
            addressType: 'IPv4',
            endpoints: [{ addresses: ['10.0.0.1'] }],
          },
        },
      ])
    },
  )

  lesson(
    'leaves a Service without selector alone',
    {
      scenario: 'The Service `kubernetes`, whose endpoints the API server writes, and one of type ExternalName.',
      rule: 'Without a selector somebody else knows the endpoints.',
      source: 'recording service-without-selector-and-own-Endpoints-mirrored',
    },
    () => {
      const specs: Service['spec'][] = [
        { ports: [{ port: 443 }] },
        { selector: {} },
        { selector: { app: 'web' }, type: 'ExternalName' },
      ]
      for (const spec of specs) {
        const of = service('kubernetes', spec)
        expect(reconcileEndpointSlices({ service: of, pods: behind, slices: [] }).actions).toEqual([])
        expect(reconcileEndpoints({ service: of, pods: behind, endpoints: undefined }).actions).toEqual([])
      }
    },
  )

  lesson(
    'writes nothing when all is as it should be',
    {
      scenario: 'The slice and the Endpoints object say what the pods say.',
      rule: 'A stable world costs no write.',
      source: 'recording kcm-restart-with-stable-objects',
    },
    () => {
      const [create] = reconcileEndpointSlices({ service: web, pods: behind, slices: [] }).actions
      const object = (create?.do === 'create' ? create.object : {}) as EndpointSlice
      const made = {
        ...object,
        metadata: { ...object.metadata, name: 'web-x', uid: 'u', resourceVersion: '1', creationTimestamp: ago(1) },
      }
      expect(reconcileEndpointSlices({ service: web, pods: behind, slices: [made] }).actions).toEqual([])
      const [write] = reconcileEndpoints({ service: web, pods: behind, endpoints: undefined }).actions
      const endpoints = (write?.do === 'create' ? write.object : {}) as Stored<Endpoints>
      expect(reconcileEndpoints({ service: web, pods: behind, endpoints }).actions).toEqual([])
    },
  )
})
