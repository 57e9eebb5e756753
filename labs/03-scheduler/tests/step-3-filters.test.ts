/** Step 3.3: does the pod fit at all? Node name, host ports, resources. */
import { describe, expect } from 'vitest'
import type { HostPort } from '#kit/contracts/scheduling.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { hasRequestedName } from '#scheduler/filters/node-name.ts'
import { hasFreePorts, portsCollide } from '#scheduler/filters/ports.ts'
import { fitsResources } from '#scheduler/filters/resources.ts'
import { answersTo, container, GIB, nodeInfo, pod, reasonsOf } from './fixtures.ts'

const FIT = 'kube-scheduler plugins/noderesources/fit.go'
const PORTS = 'kube-scheduler plugins/nodeports'

describe('the node name', () => {
  lesson(
    'a pod that names a node fits on no other',
    {
      scenario: 'One pod names node n2, another names none. The node is n1.',
      rule: 'A pod that names a node fits on that node only, and no eviction can change it.',
      source: 'kube-scheduler plugins/nodename',
    },
    () => {
      expect(hasRequestedName(pod('free'), nodeInfo('n1'))).toEqual({ fits: true })
      expect(hasRequestedName(pod('choosy', { nodeName: 'n1' }), nodeInfo('n1'))).toEqual({ fits: true })
      expect(hasRequestedName(pod('choosy', { nodeName: 'n2' }), nodeInfo('n1'))).toEqual({
        fits: false,
        reasons: ["node(s) didn't match the requested node name"],
        evictionMayHelp: false,
      })
    },
  )
})

describe('resources', () => {
  const smallNode = (given = {}) => nodeInfo('n1', {}, { allocatable: { cpu: 1000, memory: GIB, pods: 3 }, ...given })

  lesson(
    'resources may be used up to the last millicore',
    {
      scenario: 'A node has 1000m and 1 GiB; 400m and half a GiB are requested. A pod asks for exactly the rest.',
      rule: 'A pod fits when its request is not larger than allocatable minus requested.',
      source: FIT,
    },
    () => {
      const node = smallNode({ requested: { cpu: 400, memory: GIB / 2 } })
      expect({
        'exactly the rest': reasonsOf(fitsResources({ cpu: 600, memory: GIB / 2 }, node)),
        'one millicore more': reasonsOf(fitsResources({ cpu: 601, memory: GIB / 2 }, node)),
        'one byte more': reasonsOf(fitsResources({ cpu: 600, memory: GIB / 2 + 1 }, node)),
      }).toEqual({
        'exactly the rest': 'fits',
        'one millicore more': 'Insufficient cpu',
        'one byte more': 'Insufficient memory',
      })
    },
  )

  lesson(
    'every resource that falls short is named, and eviction might help',
    {
      scenario: 'Neither CPU nor memory suffices, and the node has as many pods as it may have.',
      rule: 'Every reason that applies is given. Other pods could make room.',
      source: FIT,
    },
    () => {
      const full = smallNode({ requested: { cpu: 900 }, pods: [pod('a'), pod('b'), pod('c')] })
      const result = fitsResources({ cpu: 200, memory: 2 * GIB }, full)
      expect({ ...result, reasons: result.fits ? [] : [...result.reasons].sort() }).toEqual({
        fits: false,
        reasons: ['Insufficient cpu', 'Insufficient memory', 'Too many pods'],
        evictionMayHelp: true,
      })
    },
  )

  lesson(
    'a node needs room for one pod more',
    {
      scenario: 'A node may run three pods, and runs two; then three.',
      rule: 'The number of pods, this one included, is at most allocatable.pods. Without that number, no pod fits.',
      source: FIT,
    },
    () => {
      expect({
        'two of three': reasonsOf(fitsResources({}, smallNode({ pods: [pod('a'), pod('b')] }))),
        'three of three': reasonsOf(fitsResources({}, smallNode({ pods: [pod('a'), pod('b'), pod('c')] }))),
        'no number given': reasonsOf(fitsResources({}, smallNode({ allocatable: { cpu: 1000 } }))),
      }).toEqual({ 'two of three': 'fits', 'three of three': 'Too many pods', 'no number given': 'Too many pods' })
    },
  )

  lesson(
    'what the pod does not ask for cannot be insufficient',
    {
      scenario:
        'A node has promised more CPU than it has, since its kubelet was given less. A pod asks for memory only.',
      rule: 'Only what the pod requests is compared, and a request of 0 asks for nothing.',
      source: FIT,
    },
    () => {
      const overcommitted = smallNode({ requested: { cpu: 1500 } })
      expect({
        'memory only': reasonsOf(fitsResources({ memory: 1 }, overcommitted)),
        'cpu 0': reasonsOf(fitsResources({ cpu: 0 }, overcommitted)),
        'cpu 1m': reasonsOf(fitsResources({ cpu: 1 }, overcommitted)),
      }).toEqual({ 'memory only': 'fits', 'cpu 0': 'fits', 'cpu 1m': 'Insufficient cpu' })
    },
  )

  lesson(
    'resources may be of any kind',
    {
      scenario: 'A pod asks for two GPUs. One node has none, one has two of which one is taken, one has two free.',
      rule: 'Extended resources are compared like cpu and memory; a node that does not list one has none of it.',
      source: FIT,
    },
    () => {
      const wanted = { 'example.com/gpu': 2 }
      const allocatable = { pods: 10, 'example.com/gpu': 2 }
      const on = (given: object) => reasonsOf(fitsResources(wanted, smallNode(given)))
      expect({
        'no GPU': on({}),
        'one of two taken': on({ allocatable, requested: { 'example.com/gpu': 1 } }),
        'two free': on({ allocatable }),
      }).toEqual({
        'no GPU': 'Insufficient example.com/gpu',
        'one of two taken': 'Insufficient example.com/gpu',
        'two free': 'fits',
      })
    },
  )
})

describe('host ports', () => {
  const port = (hostPort: number): HostPort => ({ hostIP: '0.0.0.0', protocol: 'TCP', hostPort })
  /** "127.0.0.1:53/UDP" */
  const parsePort = (text: string): HostPort => {
    const [hostIP = '', hostPort, protocol = ''] = text.split(/[:/]/)
    return { hostIP, protocol, hostPort: Number(hostPort) }
  }

  lesson(
    'host ports collide by number, protocol and overlapping addresses',
    {
      scenario: 'One host port is in use on the node, another is wanted. Do they exclude each other?',
      rule: 'Number and protocol must be equal, and addresses overlap: 0.0.0.0 with every address, any other only with itself.',
      source: 'kube-scheduler framework/types.go (HostPortInfo.CheckConflict)',
    },
    () => {
      const expected = {
        '0.0.0.0:80/TCP with 0.0.0.0:80/TCP': true,
        '0.0.0.0:80/TCP with 0.0.0.0:81/TCP': false,
        '0.0.0.0:53/TCP with 0.0.0.0:53/UDP': false,
        '127.0.0.1:80/TCP with 0.0.0.0:80/TCP': true,
        '0.0.0.0:80/TCP with 127.0.0.1:80/TCP': true,
        '127.0.0.1:80/TCP with 127.0.0.1:80/TCP': true,
        '127.0.0.1:80/TCP with 10.0.0.1:80/TCP': false,
        '127.0.0.1:53/UDP with 0.0.0.0:53/TCP': false,
      }
      const collide = (pair: string) => {
        const [a, b] = pair.split(' with ').map(parsePort)
        return portsCollide(a!, b!)
      }
      expect(answersTo(expected, collide)).toEqual(expected)
    },
  )

  lesson(
    'every host port of a pod must be free on the node',
    {
      scenario:
        'Port 8080 of the node is taken. One pod wants 8081, one wants 8080 in its second container, one wants none.',
      rule: 'No port that the pod asks for may collide with one in use; eviction could free it.',
      source: PORTS,
    },
    () => {
      const node = nodeInfo('n1', {}, { usedPorts: [port(9000), port(8080)] })
      const wanting = (hostPort: number) =>
        pod('web', { containers: [container(), { ...container(), ports: [{ containerPort: 80, hostPort }] }] })
      expect(hasFreePorts(wanting(8081), node)).toEqual({ fits: true })
      expect(hasFreePorts(pod('none'), node)).toEqual({ fits: true })
      expect(hasFreePorts(wanting(8080), node)).toEqual({
        fits: false,
        reasons: ["node(s) didn't have free ports for the requested pod ports"],
        evictionMayHelp: true,
      })
    },
  )

  lesson(
    'a pod with several host ports needs all of them',
    {
      scenario:
        'Port 8080 of the node is taken. Pods want 8081 and 8080: in one container, or in two. Another wants 8081 and 8082.',
      rule: 'All host ports of all containers count, not only the first.',
      source: PORTS,
    },
    () => {
      const node = nodeInfo('n1', {}, { usedPorts: [port(8080)] })
      const listening = (...hostPorts: number[]) => ({
        ...container(),
        ports: hostPorts.map((hostPort) => ({ containerPort: 80, hostPort })),
      })
      const answer = (...containers: ReturnType<typeof listening>[]) =>
        reasonsOf(hasFreePorts(pod('web', { containers }), node))
      const taken = "node(s) didn't have free ports for the requested pod ports"
      expect({
        '8081 and 8080 in one container': answer(listening(8081, 8080)),
        '8081 and 8080 in two containers': answer(listening(8081), listening(8080)),
        '8081 and 8082': answer(listening(8081, 8082)),
      }).toEqual({
        '8081 and 8080 in one container': taken,
        '8081 and 8080 in two containers': taken,
        '8081 and 8082': 'fits',
      })
    },
  )

  lesson(
    'a container port takes no port of the node',
    {
      scenario: 'A pod listens on port 8080 inside; that port of the node is taken.',
      rule: 'Only hostPort claims a port of the node.',
      source: PORTS,
    },
    () => {
      const node = nodeInfo('n1', {}, { usedPorts: [port(8080)] })
      const inside = pod('web', { containers: [{ ...container(), ports: [{ containerPort: 8080 }] }] })
      expect(hasFreePorts(inside, node)).toEqual({ fits: true })
    },
  )
})
