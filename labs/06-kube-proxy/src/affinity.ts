/**
 * Session affinity: a client that was sent to an endpoint comes back to the same one, as long as it keeps coming.
 *
 * The kernel's `recent` match keeps lists of source addresses with the time they were last seen. Each endpoint has a list of its
 * own, named as its chain, which the endpoint's chain writes and the Service's chain reads.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (writeServiceToEndpointRules); iptables-extensions(8), "recent".
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { EndpointInfo, ServicePortInfo } from '#kit/contracts/proxy.ts'
import type { Rules } from '#kit/contracts/proxy-rules.ts'

/** How `recent` looks at a packet: its source address, all of it. */
const WHOLE_SOURCE = '--mask 255.255.255.255 --rsource'

/**
 * The match that writes the client's address into the list of that name. It always holds, and it goes into the endpoint's
 * DNAT rule: a client is remembered where it is sent. `-m recent --set --name <list>`, then `WHOLE_SOURCE`.
 *
 * @lab 6.4 Remember a client
 */
export function rememberClient(list: string): string {
  throw new NotImplemented('6.4', 'rememberClient', 'Remember a client', 'labs/06-kube-proxy/src/affinity.ts')
}

/**
 * The rules that come before the dice are rolled: for each endpoint, in the order given, a client that is in its list, and was
 * seen in the last `affinitySeconds`, jumps to its chain. Comment: "<name> -> <ip>:<port>".
 *
 * The match is `-m recent --rcheck --seconds <n> --reap --name <list>`, then `WHOLE_SOURCE`. `--rcheck` only looks, and
 * `--reap` takes entries out of the list that are too old.
 *
 * @lab 6.4 Send a known client back
 */
export function affinityRules(
  service: ServicePortInfo,
  chain: string,
  endpoints: readonly EndpointInfo[],
): Partial<Rules> {
  throw new NotImplemented('6.4', 'affinityRules', 'Send a known client back', 'labs/06-kube-proxy/src/affinity.ts')
}
