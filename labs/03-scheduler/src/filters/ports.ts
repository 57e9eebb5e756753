/**
 * A `hostPort` is a port of the node itself, and a node has each of them once per address and protocol.
 *
 * Source: kube-scheduler `plugins/nodeports`, `framework/types.go` (HostPortInfo).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Pod } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, HostPort, NodeInfo } from '#kit/contracts/scheduling.ts'

export const nodePortsFilter: FilterPlugin = {
  name: 'NodePorts',
  forPod: (pod) => (node) => hasFreePorts(pod, node),
}

/**
 * None of the pod's host ports (`hostPortsOf`) may collide with one that is in use on the node. Otherwise the node is busy:
 * "node(s) didn't have free ports for the requested pod ports".
 *
 * @lab 3.3 Find out whether the ports are free
 */
export function hasFreePorts(pod: Pod, node: NodeInfo): FilterResult {
  throw new NotImplemented(
    '3.3',
    'hasFreePorts',
    'Find out whether the ports are free',
    'labs/03-scheduler/src/filters/ports.ts',
  )
}

/**
 * Two host ports exclude each other when number and protocol are equal and their addresses overlap: "0.0.0.0" overlaps with
 * every address, any other only with itself.
 *
 * @lab 3.3 Say when two ports collide
 */
export function portsCollide(a: HostPort, b: HostPort): boolean {
  throw new NotImplemented(
    '3.3',
    'portsCollide',
    'Say when two ports collide',
    'labs/03-scheduler/src/filters/ports.ts',
  )
}
