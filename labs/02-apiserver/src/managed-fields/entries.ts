/**
 * `metadata.managedFields`: for each manager the fields that are its own.
 *
 * An entry belongs to who wrote (`manager`), how (`operation`), through which door (`subresource`) and, for updates, in which
 * version of the API. What somebody applied (step 2.15) is one entry, whatever the version.
 *
 * Source: apimachinery `pkg/util/managedfields/internal/{managedfields,capmanagers,buildmanagerinfo}.go`.
 */
import { EMPTY, type FieldSet, isFieldSet, union } from './field-set.ts'

export interface FieldsEntry {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  /** "apps/v1": the version in which the paths are to be read. */
  readonly apiVersion: string
  /** Of the last write that gave the manager a field, RFC 3339; absent for one who applied what was so already. */
  readonly time?: string
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1: FieldSet
  /** Absent for the main resource. */
  readonly subresource?: string
}

/** What tells two entries of one object apart. */
export type Writer = Pick<FieldsEntry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>

export function isSameWriter(one: Writer, other: Writer): boolean {
  return (
    one.manager === other.manager &&
    one.operation === other.operation &&
    (one.operation === 'Apply' || one.apiVersion === other.apiVersion) &&
    (one.subresource ?? '') === (other.subresource ?? '')
  )
}

/** The entries of an object from outside. Undefined when there are none, or when one of them makes no sense. */
export function readEntries(sent: unknown): readonly FieldsEntry[] | undefined {
  if (!Array.isArray(sent) || sent.length === 0) return undefined
  const entries = sent.map(readEntry)
  return entries.every((entry) => entry !== undefined) ? entries : undefined
}

function readEntry(sent: unknown): FieldsEntry | undefined {
  const { manager = '', operation, apiVersion, fieldsType, fieldsV1, time, subresource } = (sent ?? {}) as FieldsEntry
  if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || fieldsType !== 'FieldsV1') return undefined
  if (!isFieldSet(fieldsV1 ?? EMPTY)) return undefined
  return entryOf({ manager, operation, apiVersion, ...(subresource && { subresource }) }, fieldsV1 ?? EMPTY, time)
}

/** An entry with its fields in upstream's order, which is the order in which `kubectl get -o json` shows them. */
export function entryOf(writer: Writer, fieldsV1: FieldSet, time: string | undefined): FieldsEntry {
  const { manager, operation, apiVersion, subresource } = writer
  return {
    manager,
    operation,
    apiVersion,
    ...(time && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource && { subresource }),
  }
}

/** Users ask for an end of the book-keeping by sending no entries, or a single one with nothing in it. */
export function isReset(sent: unknown): boolean {
  if (!Array.isArray(sent)) return false
  return sent.length === 0 || (sent.length === 1 && Object.keys((sent[0] ?? {}) as object).length === 0)
}

/** Appliers first; then by time, name, version and subresource. */
export function inOrder(entries: readonly FieldsEntry[]): FieldsEntry[] {
  return [...entries].sort(
    (a, b) =>
      byText(a.operation, b.operation) ||
      byText(a.time, b.time) ||
      byText(a.manager, b.manager) ||
      byText(a.apiVersion, b.apiVersion) ||
      byText(a.subresource, b.subresource),
  )
}

function byText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Clients that call themselves something new each time must not make objects grow for ever. */
const MAX_UPDATERS = 10
const ANCIENT = 'ancient-changes'

/**
 * At most ten entries of updates: of the oldest, those of one version become a single one of the manager "ancient-changes".
 */
export function capped(entries: readonly FieldsEntry[]): readonly FieldsEntry[] {
  const oldestFirst = inOrder(entries.filter(({ operation }) => operation === 'Update'))
  const tooMany = oldestFirst.length - MAX_UPDATERS
  if (tooMany <= 0) return entries
  const kept = new Set(entries)
  const buckets = new Map<string, FieldsEntry>()
  for (const entry of oldestFirst) {
    if (kept.size <= entries.length - tooMany) break
    const { apiVersion, time, fieldsV1 } = entry
    const bucket = buckets.get(apiVersion)
    kept.delete(entry)
    if (bucket) kept.delete(bucket)
    const fields = bucket ? union(bucket.fieldsV1, fieldsV1) : fieldsV1
    // The first of a version keeps its name until a second one joins it.
    const merged = bucket ? entryOf({ manager: ANCIENT, operation: 'Update', apiVersion }, fields, time) : entry
    buckets.set(apiVersion, merged)
    kept.add(merged)
  }
  return [...kept]
}
