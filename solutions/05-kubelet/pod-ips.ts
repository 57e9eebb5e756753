/**
 * The addresses of the node's pods. Upstream leaves this to a CNI plugin; here the kubelet hands them out itself.
 *
 * An address comes back into use as late as possible: other machines may still have connections, or cached endpoints,
 * that mean the pod that had it last.
 *
 * Source: containernetworking `plugins/ipam/host-local` (which also goes round).
 */

/**
 * The next free address of the block after `last`, going round at the end; undefined when all are taken. Never the first
 * address of the block (the network's), the one after it (commonly a gateway's), or the last (broadcast).
 *
 * @param cidr "10.244.1.0/24"
 * @lab 5.3 Choose the pod's address
 */
export function nextPodIp(cidr: string, last: string | undefined, taken: ReadonlySet<string>): string | undefined {
  const [base = '', bits = ''] = cidr.split('/')
  const network = toNumber(base)
  const size = 2 ** (32 - Number(bits))
  const usable = size - 3
  const start = last === undefined ? 0 : toNumber(last) - network - 1
  for (let step = 0; step < usable; step++) {
    const ip = toText(network + 2 + ((start + step) % usable))
    if (!taken.has(ip)) return ip
  }
  return undefined
}

/** "10.244.1.5" as one 32-bit number. */
export function toNumber(ip: string): number {
  return ip.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

export function toText(ip: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(ip / 2 ** shift) % 256).join('.')
}
