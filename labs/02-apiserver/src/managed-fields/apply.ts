/**
 * Server-side apply: a client sends the fields that it wants to have a say in, all of them each time, and nothing else. The
 * server remembers them as the manager's own set. From this it knows three things that no patch can say:
 *
 * - what the manager wanted last time and no longer wants (this goes, unless somebody else wants it),
 * - what somebody else has set to another value meanwhile (a conflict, unless `force`),
 * - what several managers want alike (they own it together).
 *
 * Source: structured-merge-diff `merge/update.go` (Apply, prune); KEP-555.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { FieldType } from '#kit/contracts/field-types.ts'
import { type FieldsEntry, isSameWriter, type Writer } from './entries.ts'
import { EMPTY, type FieldSet, intersection, isEmpty } from './field-set.ts'
import type { ChangesIn } from './update.ts'

/**
 * The object after a configuration has been applied to it.
 *
 * The configuration is merged into the live object. Then what the manager applied `before`, and does not any more, is taken
 * away, unless it is `wanted`: the set of all that anybody owns now, with the fields of this configuration.
 *
 * Taking away needs care with structs, which nobody owns as such (so all sets are taken `withStructs` here): a struct goes
 * only if nothing in it is wanted, and what was never the manager's must not go with it. Hence three looks:
 *
 * 1. What would be left of the merged object without all of `before` (`withoutFields`)?
 * 2. Put back what is wanted: of the merged object, only that goes which is neither left nor wanted.
 * 3. Put back what was not the manager's: of what is gone now, only that really goes which is in `before`.
 *
 * @lab 2.15 Take away what is no longer applied
 */
export function appliedObject(
  type: FieldType,
  live: object,
  config: object,
  before: FieldSet,
  wanted: FieldSet,
): object {
  throw new NotImplemented(
    '2.15',
    'appliedObject',
    'Take away what is no longer applied',
    'labs/02-apiserver/src/managed-fields/apply.ts',
  )
}

export interface Conflict {
  readonly entry: FieldsEntry
  readonly fields: FieldSet
}

/** Fields that apply is about to change, and that belong to somebody else, by owner. */
export function conflictsOf(entries: readonly FieldsEntry[], changesIn: ChangesIn, writer: Writer): Conflict[] {
  return entries
    .filter((entry) => !isSameWriter(entry, writer))
    .map((entry) => ({ entry, fields: intersection(entry.fieldsV1, changesIn(entry.apiVersion)?.written ?? EMPTY) }))
    .filter(({ fields }) => !isEmpty(fields))
}

/**
 * The entries after a configuration with the fields `own` was applied.
 *
 * Others lose what was changed, as in any update (`withoutChanged`); where the value stayed the same, they keep it. The
 * applier's entry (`isSameWriter`) is replaced by one of `own` (none, if that is empty), with the time `now`. If that is
 * undefined, the object has not changed, and the time stays what it was. In order (`inOrder`).
 *
 * @lab 2.15 Say who owns what after an apply
 */
export function entriesAfterApply(
  entries: readonly FieldsEntry[],
  changesIn: ChangesIn,
  writer: Writer,
  own: FieldSet,
  now: string | undefined,
): readonly FieldsEntry[] {
  throw new NotImplemented(
    '2.15',
    'entriesAfterApply',
    'Say who owns what after an apply',
    'labs/02-apiserver/src/managed-fields/apply.ts',
  )
}
