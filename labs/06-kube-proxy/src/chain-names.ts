/**
 * Names of the chains that belong to one Service port or to one of its endpoints.
 *
 * The kernel allows 28 characters, and "namespace/service:port" may be longer. So the name is a hash: always the same for the
 * same port, on every node and after every restart, which is what lets a restarted kube-proxy recognise its own chains.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go` (portProtoHash, servicePortEndpointChainName).
 */
import { createHash } from 'node:crypto'
import type { EndpointInfo, ServicePortInfo } from '#kit/contracts/proxy.ts'

/**
 * - SVC  picks one of all endpoints
 * - SVL  picks one of the endpoints on this node
 * - EXT  decides what happens to traffic from outside the cluster
 * - FW   lets only some clients reach the load balancer's address
 */
export type ServiceChainKind = 'SVC' | 'SVL' | 'EXT' | 'FW'

/** "KUBE-SVC-LJLTKEPFIKH4UD4I" */
export function serviceChain(kind: ServiceChainKind, { name, protocol }: ServicePortInfo): string {
  return `KUBE-${kind}-${hash(name + protocol.toLowerCase())}`
}

/** "KUBE-SEP-YNR2CLT4YTCOBCLT": sends to this one endpoint. */
export function endpointChain({ name, protocol }: ServicePortInfo, { ip, port }: EndpointInfo): string {
  return `KUBE-SEP-${hash(`${name}${protocol.toLowerCase()}${ip}:${port}`)}`
}

/** Chains that come and go with Services. All others that kube-proxy writes are always there. */
export function isServiceChain(chain: string): boolean {
  return /^KUBE-(SVC|SVL|EXT|FW|SEP)-/.test(chain)
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** 16 characters of 5 bits each. */
const NAME_BITS = 80

/** The first 16 characters of the base32 text (RFC 4648) of the SHA-256 hash. */
function hash(text: string): string {
  const digest = createHash('sha256').update(text).digest()
  let name = ''
  for (let bit = 0; bit < NAME_BITS; bit += 5) {
    const twoBytes = digest.readUInt16BE(bit >> 3)
    name += BASE32[(twoBytes >> (11 - (bit & 7))) & 31]
  }
  return name
}
