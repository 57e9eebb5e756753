/**
 * What a write changed, in whatever version of the API somebody's fields are written down.
 *
 * Source: apimachinery `pkg/util/managedfields/internal/{structuredmerge,versionconverter}.go`; kubernetes
 * `pkg/registry/…/strategy.go` (GetResetFields).
 */
import type { ApiObject } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import type { FieldsOfKind, KindFields } from '#kit/contracts/field-types.ts'
import { compareFields, type FieldChanges } from './compare.ts'
import type { FieldSet } from './field-set.ts'
import type { ChangesIn } from './update.ts'

/** What is known about kinds. */
export interface KindKnowledge {
  readonly kinds: readonly KindRow[]
  readonly fieldsOf: FieldsOfKind
}

export interface Change {
  readonly row: KindRow
  /** "" for the main resource. */
  readonly subresource: string
  /** In the stored version; undefined for a creation. */
  readonly live: ApiObject | undefined
  /** In the stored version. */
  readonly draft: ApiObject
}

export function changesOf(change: Change, knowledge: KindKnowledge): ChangesIn {
  const known = new Map<string, FieldChanges | undefined>()
  return (apiVersion) => {
    if (!known.has(apiVersion)) known.set(apiVersion, compareIn(apiVersion, change, knowledge))
    return known.get(apiVersion)
  }
}

function compareIn(
  apiVersion: string,
  { row: written, subresource, live, draft }: Change,
  { kinds, fieldsOf }: KindKnowledge,
): FieldChanges | undefined {
  const row = inVersion(written, apiVersion, kinds)
  const fields = row && fieldsOf(row.resource)
  if (!fields) return undefined
  const shown = (object: ApiObject) => row.conversion?.fromStorage(object) ?? object
  const changes = compareFields(fields.type, live ? shown(live) : beforeCreation(row, fields), shown(draft))
  return {
    written: withoutUnwritable(changes.written, row, subresource),
    removed: withoutUnwritable(changes.removed, row, subresource),
  }
}

/** The same stored objects in another version: events and autoscalers have two. */
function inVersion(row: KindRow, apiVersion: string, kinds: readonly KindRow[]): KindRow | undefined {
  if (apiVersionOf(row.resource) === apiVersion) return row
  return kinds.find(
    ({ storagePrefix, resource }) => storagePrefix === row.storagePrefix && apiVersionOf(resource) === apiVersion,
  )
}

/** What a new object's creator cannot be said to have added. */
function beforeCreation({ chosenByServer }: KindRow, { empty }: KindFields): object {
  return chosenByServer ? { ...empty, spec: { ...(empty.spec as object), ...chosenByServer } } : empty
}

/** The status is written through its own door only, and nothing but the status is written there. */
export function withoutUnwritable(set: FieldSet, row: KindRow, subresource: string): FieldSet {
  const hasStatusDoor = row.subresources.some(({ name }) => name === 'status')
  const element = subresource === 'status' ? 'f:spec' : 'f:status'
  if (!hasStatusDoor || !(element in set)) return set
  const { [element]: _, ...rest } = set
  return rest
}
