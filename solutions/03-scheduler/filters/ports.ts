/**
 * A `hostPort` is a port of the node itself, and a node has each of them once per address and protocol.
 *
 * Source: kube-scheduler `plugins/nodeports`, `framework/types.go` (HostPortInfo).
 */
import type { Pod } from '#kit/api/objects.ts'
import type { FilterPlugin, FilterResult, HostPort, NodeInfo } from '#kit/contracts/scheduling.ts'
import { hostPortsOf } from '../node-info.ts'
import { busy, FITS } from './filter-result.ts'

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
  const taken = hostPortsOf(pod).some((wanted) => node.usedPorts.some((used) => portsCollide(wanted, used)))
  return taken ? busy("node(s) didn't have free ports for the requested pod ports") : FITS
}

/**
 * Two host ports exclude each other when number and protocol are equal and their addresses overlap: "0.0.0.0" overlaps with
 * every address, any other only with itself.
 *
 * @lab 3.3 Say when two ports collide
 */
export function portsCollide(a: HostPort, b: HostPort): boolean {
  const sameAddress = a.hostIP === b.hostIP || a.hostIP === '0.0.0.0' || b.hostIP === '0.0.0.0'
  return sameAddress && a.protocol === b.protocol && a.hostPort === b.hostPort
}
