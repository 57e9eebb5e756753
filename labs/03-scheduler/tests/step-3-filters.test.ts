/** Step 3.3: does the pod fit at all? Node name, host ports, resources. */
import { describe, expect } from 'vitest'
import type { HostPort } from '#kit/contracts/scheduling.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { hasRequestedName } from '#scheduler/filters/node-name.ts'
import { hasFreePorts, portsCollide } from '#scheduler/filters/ports.ts'
import { fitsResources } from '#scheduler/filters/resources.ts'
import { container, GIB, nodeInfo, pod, reasonsOf } from './fixtures.ts'

const FIT = 'kube-scheduler plugins/noderesources/fit.go'
const PORTS = 'kube-scheduler plugins/nodeports'

describe('the node name', () => {
  lesson(
    'leaves no other choice',
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
    'may be used up to the last millicore',
    {
      scenario: 'A node has 1000m and 1 GiB; 400m and half a GiB are requested. A pod asks for exactly the rest.',
      rule: 'A pod fits when its request is not larger than allocatable minus requested.',
      source: FIT,
    },
    () => {
      const node = smallNode({ requested: { cpu: 400, memory: GIB / 2 } })
      expect(reasonsOf(fitsResources({ cpu: 600, memory: GIB / 2 }, node))).toBe('fits')
      expect(reasonsOf(fitsResources({ cpu: 601, memory: GIB / 2 }, node))).toBe('Insufficient cpu')
      expect(reasonsOf(fitsResources({ cpu: 600, memory: GIB / 2 + 1 }, node))).toBe('Insufficient memory')
    },
  )

  lesson(
    'that fall short are all named, and eviction might help',
    {
      scenario: 'Neither CPU nor memory suffices, and the node has as many pods as it may have.',
      rule: 'Every reason that applies is given. Other pods could make room.',
      source: FIT,
    },
    () => {
      const full = smallNode({ requested: { cpu: 900 }, pods: [pod('a'), pod('b'), pod('c')] })
      const result = fitsResources({ cpu: 200, memory: 2 * GIB }, full)
      expect(result.fits).toBe(false)
      if (result.fits) return
      expect([...result.reasons].sort()).toEqual(['Insufficient cpu', 'Insufficient memory', 'Too many pods'])
      expect(result.evictionMayHelp).toBe(true)
    },
  )

  lesson(
    'include room for one pod more',
    {
      scenario: 'A node may run three pods, and runs two; then three.',
      rule: 'The number of pods, this one included, is at most allocatable.pods. Without that number, no pod fits.',
      source: FIT,
    },
    () => {
      expect(reasonsOf(fitsResources({}, smallNode({ pods: [pod('a'), pod('b')] })))).toBe('fits')
      expect(reasonsOf(fitsResources({}, smallNode({ pods: [pod('a'), pod('b'), pod('c')] })))).toBe('Too many pods')
      expect(reasonsOf(fitsResources({}, smallNode({ allocatable: { cpu: 1000 } })))).toBe('Too many pods')
    },
  )

  lesson(
    'that the pod does not ask for cannot be insufficient',
    {
      scenario:
        'A node has promised more CPU than it has, since its kubelet was given less. A pod asks for memory only.',
      rule: 'Only what the pod requests is compared, and a request of 0 asks for nothing.',
      source: FIT,
    },
    () => {
      const overcommitted = smallNode({ requested: { cpu: 1500 } })
      expect(reasonsOf(fitsResources({ memory: 1 }, overcommitted))).toBe('fits')
      expect(reasonsOf(fitsResources({ cpu: 0 }, overcommitted))).toBe('fits')
      expect(reasonsOf(fitsResources({ cpu: 1 }, overcommitted))).toBe('Insufficient cpu')
    },
  )

  lesson(
    'may be of any kind',
    {
      scenario: 'A pod asks for two GPUs. One node has none, one has two of which one is taken, one has two free.',
      rule: 'Extended resources are compared like cpu and memory; a node that does not list one has none of it.',
      source: FIT,
    },
    () => {
      const wanted = { 'example.com/gpu': 2 }
      const allocatable = { pods: 10, 'example.com/gpu': 2 }
      expect(reasonsOf(fitsResources(wanted, smallNode()))).toBe('Insufficient example.com/gpu')
      expect(reasonsOf(fitsResources(wanted, smallNode({ allocatable, requested: { 'example.com/gpu': 1 } })))).toBe(
        'Insufficient example.com/gpu',
      )
      expect(reasonsOf(fitsResources(wanted, smallNode({ allocatable })))).toBe('fits')
    },
  )
})

describe('host ports', () => {
  const port = (hostPort: number, given: Partial<HostPort> = {}): HostPort => ({
    hostIP: '0.0.0.0',
    protocol: 'TCP',
    hostPort,
    ...given,
  })

  lesson(
    'collide when number and protocol are equal and the addresses overlap',
    {
      scenario: 'Pairs of host ports on one node.',
      rule: '0.0.0.0 overlaps with every address; two other addresses overlap only when they are equal.',
      source: 'kube-scheduler framework/types.go (HostPortInfo.CheckConflict)',
    },
    () => {
      const loopback = { hostIP: '127.0.0.1' }
      expect(portsCollide(port(80), port(80))).toBe(true)
      expect(portsCollide(port(80), port(81))).toBe(false)
      expect(portsCollide(port(53), port(53, { protocol: 'UDP' }))).toBe(false)
      expect(portsCollide(port(80, loopback), port(80))).toBe(true)
      expect(portsCollide(port(80), port(80, loopback))).toBe(true)
      expect(portsCollide(port(80, loopback), port(80, loopback))).toBe(true)
      expect(portsCollide(port(80, loopback), port(80, { hostIP: '10.0.0.1' }))).toBe(false)
    },
  )

  lesson(
    'must be free on the node',
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
    'are not container ports',
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
