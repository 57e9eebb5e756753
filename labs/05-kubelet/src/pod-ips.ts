/**
 * The addresses of the node's pods. Upstream leaves this to a CNI plugin; here the kubelet hands them out itself.
 *
 * An address comes back into use as late as possible: other machines may still have connections, or cached endpoints,
 * that mean the pod that had it last.
 *
 * Source: containernetworking `plugins/ipam/host-local` (which also goes round).
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'


/**
 * The next free address of the block after `last`, going round at the end; undefined when all are taken. Never the first
 * address of the block (the network's), the one after it (commonly a gateway's), or the last (broadcast).
 *
 * @param cidr "10.244.1.0/24"
 * @lab 5.3 Choose the pod's address
 */
export function nextPodIp(cidr: string, last: string | undefined, taken: ReadonlySet<string>): string | undefined {
  throw new NotImplemented('5.3', 'nextPodIp', "Choose the pod's address", 'labs/05-kubelet/src/pod-ips.ts')
}

/** "10.244.1.5" as one 32-bit number. */
export function toNumber(ip: string): number {
  return ip.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

export function toText(ip: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(ip / 2 ** shift) % 256).join('.')
}
