/**
 * How servers of one cluster are told apart: a name made from the host's, and a number that is new with each start.
 *
 * Source: kubernetes `pkg/controlplane/apiserver/server.go` (APIServerID).
 */
import { createHash } from 'node:crypto'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const HASH_BYTES = 16

/** "apiserver-4vv6plkmgkpx5tvtdb2zs5b3vu" */
export function serverName(hostname: string): string {
  const hash = createHash('sha256').update(hostname).digest().subarray(0, HASH_BYTES)
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const digits = bits.match(/.{1,5}/g) ?? []
  return `apiserver-${digits.map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')}`
}
