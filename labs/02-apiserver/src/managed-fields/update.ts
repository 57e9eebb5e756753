/**
 * Who owns what after a write?
 *
 * A create, an update or a patch makes its manager the owner of each field that it gave a value, and takes these fields from
 * everybody else: whoever wrote last owns. Fields that the write left as they were stay with their owners.
 *
 * Guarantee: a write that changes no field changes no entry, so that it remains a write that changes nothing.
 *
 * Source: structured-merge-diff `merge/update.go` (Update); apimachinery `managedfields/internal/managedfieldsupdater.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { FieldChanges } from './compare.ts'
import type { FieldsEntry, Writer } from './entries.ts'
import { difference, isEmpty } from './field-set.ts'

/** What a write changed, in the words of a version of the API; undefined for a version that is no longer served. */
export type ChangesIn = (apiVersion: string) => FieldChanges | undefined

/**
 * The entries after a write by `writer` at `now` (RFC 3339).
 *
 * - Every entry loses the fields that were written and those that were removed, both in the entry's own version. An entry
 *   with no fields left goes, and so does one of a version that is not served. One that loses nothing stays the same object.
 * - What was written is added to what is left of the writer's own entry (`isSameWriter`), or becomes one (`entryOf`); its
 *   time is then `now`. A write that only removes something does not change a time.
 * - Not more than ten updaters (`capped`), in order (`inOrder`).
 *
 * @lab 2.14 Say who owns what after a write
 */
export function entriesAfterUpdate(
  entries: readonly FieldsEntry[],
  changesIn: ChangesIn,
  writer: Writer,
  now: string,
): readonly FieldsEntry[] {
  throw new NotImplemented(
    '2.14',
    'entriesAfterUpdate',
    'Say who owns what after a write',
    'labs/02-apiserver/src/managed-fields/update.ts',
  )
}

/** The entry without fields that were changed; none when it has no others. */
export function withoutChanged(entry: FieldsEntry, changes: FieldChanges | undefined): FieldsEntry[] {
  if (!changes) return []
  const fieldsV1 = difference(difference(entry.fieldsV1, changes.written), changes.removed)
  if (isEmpty(fieldsV1)) return []
  return fieldsV1 === entry.fieldsV1 ? [entry] : [{ ...entry, fieldsV1 }]
}
