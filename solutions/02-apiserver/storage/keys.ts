/** Where objects are stored in etcd; as upstream, so that either server finds the other's objects. */
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { type KeyRange, prefixRange } from '#kit/contracts/key-value-store.ts'

type Placed = Pick<KindRow, 'storagePrefix'>

/** Where the server itself looks things up. Some places are called as their kinds were before anybody used them. */
export const NODES: Placed = { storagePrefix: 'minions' }
export const PODS: Placed = { storagePrefix: 'pods' }
export const LEASES: Placed = { storagePrefix: 'leases' }
export const SERVICES: Placed = { storagePrefix: 'services/specs' }
export const ENDPOINTS: Placed = { storagePrefix: 'services/endpoints' }

/** "/registry/pods/": everything of one kind is below it. */
export function kindPrefix({ storagePrefix }: Placed): string {
  return `/registry/${storagePrefix}/`
}

/** "/registry/pods/default/web", "/registry/minions/node-1". */
export function storageKey(row: Placed, namespace: string | undefined, name: string): string {
  return `${kindPrefix(row)}${namespace ? `${namespace}/` : ''}${name}`
}

/** All objects of a kind, or those of one namespace. */
export function storageRange(row: Placed, namespace: string | undefined): KeyRange {
  return prefixRange(`${kindPrefix(row)}${namespace ? `${namespace}/` : ''}`)
}
