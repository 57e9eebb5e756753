/** What every verb needs: the composed parts of the server, handed in by the composition root. */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { ResourceMetrics } from '#kit/apiserver/usage/resource-metrics.ts'
import type { DecodeObject, KindRow, UserInfo } from '#kit/contracts/apiserver.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { KeyValueStore } from '#kit/contracts/key-value-store.ts'
import type { ClusterView } from '../admission/chain.ts'
import type { AccountTokens } from '../auth/account-tokens.ts'
import type { PolicyView } from '../auth/policy-view.ts'
import type { FieldBook } from '../managed-fields/field-book.ts'
import type { OptionalSteps } from '../optional-steps.ts'
import type { ServiceAddresses } from '../services/addresses.ts'
import { storageKey } from '../storage/keys.ts'
import type { KindCaches } from '../storage/kind-caches.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { TtlLeases } from '../storage/ttl-leases.ts'

export interface ApiContext {
  readonly store: KeyValueStore
  readonly objects: ObjectStore
  readonly caches: KindCaches
  readonly leases: TtlLeases
  readonly addresses: ServiceAddresses
  readonly clock: Clock
  readonly decode: DecodeObject
  readonly cluster: ClusterView
  readonly policy: PolicyView
  /** Who set which field. */
  readonly fields: FieldBook
  readonly optional: OptionalSteps
  /** Absent when the server has no key to sign with. */
  readonly accountTokens?: AccountTokens | undefined
  /** What nodes and pods use; absent when nobody measures it. */
  readonly usage?: ResourceMetrics | undefined
  /** A new UUID. */
  newUid(): string
  /** In [0, 1). */
  random(): number
}

/** One request's target. */
export interface Target {
  readonly row: KindRow
  /** "" for cluster-scoped kinds. */
  readonly namespace: string
  readonly name: string
}

/** Who writes, and what `?dryRun=All` and `?fieldValidation=…` say. */
export interface WriteOptions {
  /** Absent: the server itself, whom no policy binds. */
  readonly user?: UserInfo
  /** What the writer calls itself, for the book about fields. Absent: the server itself. */
  readonly manager?: string
  /** Apply may take fields away from others who own them. */
  readonly force?: boolean
  /** Throws when the user may not create what an update or patch would have to create. */
  authorizeCreation?(): Promise<void>
  readonly dryRun: boolean
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore'
}

/** A written object, in the version that the request spoke. */
export interface Written {
  readonly object: ApiObject
  readonly created: boolean
  readonly warnings: readonly string[]
}

export function keyOf({ row, namespace, name }: Target): string {
  return storageKey(row, namespace || undefined, name)
}

const shown = new WeakMap<object, WeakMap<KindRow, ApiObject>>()

/**
 * The stored object in the row's own version. The same answer each time, so that its JSON is made once for all readers.
 */
export function present(row: KindRow, object: Stored<ApiObject>): Stored<ApiObject> {
  if (!row.conversion) return object
  let versions = shown.get(object)
  if (!versions) {
    versions = new WeakMap()
    shown.set(object, versions)
  }
  let converted = versions.get(row)
  if (!converted) {
    converted = row.conversion.fromStorage(object)
    versions.set(row, converted)
  }
  return converted as Stored<ApiObject>
}
