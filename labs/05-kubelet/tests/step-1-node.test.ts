/** Step 5.1: the node registers, and keeps saying that it lives. */
import { describe, expect } from 'vitest'
import { lesson } from '#kit/testing/lesson.ts'
import { type Machine, newNode, nodeConditions, renewedLease } from '#kubelet/node-status.ts'
import { MINUTE, NOW } from './fixtures.ts'

const KUBELET = 'kubernetes pkg/kubelet/nodestatus/setters.go'
const LEASES = 'KEP-589'

const machine: Machine = {
  name: 'node-1',
  ip: '10.244.0.11',
  podCidr: '10.244.1.0/24',
  kubeletPort: 10250,
  cpus: 2,
  memoryBytes: 24_684_084 * 1024,
  diskBytes: 264_212_084 * 1024,
  machineId: 'machine',
  bootId: 'boot',
  kernelVersion: '6.1.0',
  osImage: 'Debian GNU/Linux 12 (bookworm)',
  architecture: 'amd64',
  containerRuntimeVersion: 'docker://20.10.24',
}

describe('the Node object', () => {
  lesson(
    'says where the node is and how its kubelet is reached',
    {
      scenario: 'A kubelet starts, and the API server has no Node of its name yet.',
      rule: 'Addresses InternalIP and Hostname, and the kubelet port: the API server dials them for logs and exec.',
      source: KUBELET,
    },
    () => {
      const node = newNode(machine, [])
      expect(node.status?.addresses).toEqual([
        { type: 'InternalIP', address: '10.244.0.11' },
        { type: 'Hostname', address: 'node-1' },
      ])
      expect(node.status?.daemonEndpoints).toEqual({ kubeletEndpoint: { Port: 10250 } })
      expect(node.spec).toEqual({ podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] })
    },
  )

  lesson(
    'carries the labels by which pods choose nodes',
    {
      scenario: 'A pod has the node selector kubernetes.io/hostname=node-1.',
      rule: 'The kubelet labels its node with host name, architecture and operating system, the last two also in their old form.',
      source: 'kubernetes: well-known labels',
    },
    () => {
      const node = newNode(machine, [])
      expect(node.metadata?.labels).toEqual({
        'beta.kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/hostname': 'node-1',
        'kubernetes.io/os': 'linux',
      })
      expect(node.metadata?.annotations).toEqual({ 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' })
    },
  )

  lesson(
    'offers pods less than the machine has',
    {
      scenario: 'The machine has 24,684,084 KiB of memory.',
      rule: 'capacity is what there is; allocatable leaves out what the kubelet must keep free, 100 MiB of memory.',
      source: 'kubernetes pkg/kubelet/cm/node_container_manager_linux.go',
    },
    () => {
      const { capacity, allocatable } = newNode(machine, []).status ?? {}
      expect(capacity?.memory).toBe('24684084Ki')
      expect(allocatable?.memory).toBe('24581684Ki')
      expect(allocatable?.['ephemeral-storage']).toBe('243497856212')
      expect(allocatable).toMatchObject({ cpu: '2', pods: '110' })
    },
  )

  lesson(
    'names its software, and holds the conditions it was given',
    {
      scenario: 'kubectl get nodes -o wide shows version, system, kernel and runtime.',
      rule: 'nodeInfo holds them; systemUUID is the machine id here, kubeProxyVersion the kubelet version.',
      source: KUBELET,
    },
    () => {
      const conditions = [{ type: 'Ready', status: 'True' }]
      const { status } = newNode(machine, conditions)
      expect(status?.nodeInfo).toEqual({
        machineID: 'machine',
        systemUUID: 'machine',
        bootID: 'boot',
        kernelVersion: '6.1.0',
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        containerRuntimeVersion: 'docker://20.10.24',
        kubeletVersion: 'v1.32.0',
        kubeProxyVersion: 'v1.32.0',
        operatingSystem: 'linux',
        architecture: 'amd64',
      })
      expect(status?.conditions).toEqual(conditions)
    },
  )
})

describe('the conditions', () => {
  lesson(
    'start with the three pressures, then Ready',
    {
      scenario: 'The node is well, and has no conditions yet.',
      rule: 'MemoryPressure, DiskPressure and PIDPressure False, Ready True; all times are now.',
      source: KUBELET,
    },
    () => {
      const conditions = nodeConditions([], [], NOW)
      expect(conditions.map(({ type, status, reason }) => [type, status, reason])).toEqual([
        ['MemoryPressure', 'False', 'KubeletHasSufficientMemory'],
        ['DiskPressure', 'False', 'KubeletHasNoDiskPressure'],
        ['PIDPressure', 'False', 'KubeletHasSufficientPID'],
        ['Ready', 'True', 'KubeletReady'],
      ])
      const times = conditions.flatMap(({ lastHeartbeatTime, lastTransitionTime }) => [
        lastHeartbeatTime,
        lastTransitionTime,
      ])
      expect(new Set(times)).toEqual(new Set(['2026-01-01T00:00:00Z']))
    },
  )

  lesson(
    'keep the time of their last change',
    {
      scenario: 'The node has been Ready since midnight. A minute later the kubelet reports again.',
      rule: 'lastHeartbeatTime is now; lastTransitionTime moves only when the status changes.',
      source: KUBELET,
    },
    () => {
      const ready = nodeConditions(nodeConditions([], [], NOW), [], NOW + MINUTE)[3]
      expect(ready?.lastHeartbeatTime).toBe('2026-01-01T00:01:00Z')
      expect(ready?.lastTransitionTime).toBe('2026-01-01T00:00:00Z')
    },
  )

  lesson(
    'take back what the node controller said while we were away',
    {
      scenario: 'The kubelet was down; the node controller has set Ready to Unknown. Now the kubelet is back.',
      rule: 'A status that differs from the previous one is a transition, whoever wrote the previous one.',
      source: 'kubernetes pkg/controller/nodelifecycle',
    },
    () => {
      const unknown = [{ type: 'Ready', status: 'Unknown', lastTransitionTime: '2026-01-01T00:00:00Z' }]
      const ready = nodeConditions(unknown, [], NOW + MINUTE).find(({ type }) => type === 'Ready')
      expect(ready?.status).toBe('True')
      expect(ready?.lastTransitionTime).toBe('2026-01-01T00:01:00Z')
    },
  )

  lesson(
    'say why the node is not ready, and leave other conditions alone',
    {
      scenario: 'The runtime does not answer. Someone else maintains the condition NetworkUnavailable.',
      rule: 'Ready False with reason KubeletNotReady; conditions of other types are kept.',
      source: KUBELET,
    },
    () => {
      const foreign = { type: 'NetworkUnavailable', status: 'False' }
      const conditions = nodeConditions([foreign], ['container runtime is down'], NOW)
      expect(conditions.find(({ type }) => type === 'Ready')).toMatchObject({
        status: 'False',
        reason: 'KubeletNotReady',
        message: '[container runtime is down]',
      })
      expect(conditions).toContainEqual(foreign)
    },
  )
})

describe('the lease', () => {
  const node = {
    metadata: { name: 'node-1', uid: 'node-uid', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  }

  lesson(
    'is made for a new node, and goes with it',
    {
      scenario: 'The first heartbeat of a node.',
      rule: 'The Lease lies in kube-node-lease under the name of the node, lasts 40 seconds, and the Node owns it.',
      source: LEASES,
    },
    () => {
      const lease = renewedLease(undefined, node, 'node-1', NOW + 431)
      expect(lease.metadata).toEqual({
        name: 'node-1',
        namespace: 'kube-node-lease',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'node-uid' }],
      })
      expect(lease.spec).toEqual({
        holderIdentity: 'node-1',
        leaseDurationSeconds: 40,
        renewTime: '2026-01-01T00:00:00.431000Z',
      })
    },
  )

  lesson(
    'is renewed, not made anew',
    {
      scenario: 'The tenth heartbeat of a node.',
      rule: 'Only the spec changes: metadata, with the resourceVersion that guards the write, stays.',
      source: LEASES,
    },
    () => {
      const first = renewedLease(undefined, undefined, 'node-1', NOW)
      const stored = {
        ...first,
        metadata: { ...first.metadata, resourceVersion: '77' },
        spec: { ...first.spec, leaseTransitions: 3 },
      }
      const second = renewedLease(stored, node, 'node-1', NOW + MINUTE)
      expect(second.metadata).toEqual({ name: 'node-1', namespace: 'kube-node-lease', resourceVersion: '77' })
      expect(second.spec).toMatchObject({ renewTime: '2026-01-01T00:01:00.000000Z', leaseTransitions: 3 })
    },
  )
})
