/**
 * One apply from beginning to end: who owned what, what comes of the object, who is in the way, who owns what afterwards.
 *
 * Source: apimachinery `pkg/util/managedfields/internal/{structuredmerge,skipnonapplied}.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import { StatusError } from '#kit/api/status-error.ts'
import { badRequest } from '../errors.ts'
import { appliedObject, conflictsOf, entriesAfterApply } from './apply.ts'
import { type Change, changesOf, type KindKnowledge, withoutUnwritable } from './changes.ts'
import { applyConflict } from './conflicts.ts'
import { duplicatesIn } from './duplicates.ts'
import { type FieldsEntry, isSameWriter, type Writer } from './entries.ts'
import { entriesOf, withoutEntries } from './entries-of-object.ts'
import { EMPTY, union } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'
import { withLastApplied, withoutLastApplied } from './last-applied.ts'
import { entriesAfterUpdate } from './update.ts'

export interface AppliedWrite extends Omit<Change, 'draft'> {
  readonly live: Stored<ApiObject> | undefined
  readonly manager: string
  /** Whether fields may be taken away from others. */
  readonly force: boolean
  readonly config: Configuration
}

/** What a client wants to have a say in. */
export interface Configuration {
  /** As it came. */
  readonly sent: ApiObject
  /** Without nulls; of the shape that the kind's type promises. */
  readonly object: ApiObject
}

/** The object, in the row's version, and its entries. Throws a Conflict when others own what would change. */
export function applyConfiguration(
  write: AppliedWrite,
  knowledge: KindKnowledge,
  now: string,
): { readonly object: ApiObject; readonly entries: readonly FieldsEntry[] } {
  const { row, subresource, manager, force, live, config } = write
  const type = knowledge.fieldsOf(row.resource)?.type
  if (!type) throw badRequest(`nothing is known about the fields of a ${row.resource.kind}`)
  const duplicates = duplicatesIn(type, config.object)
  if (duplicates.length > 0) throw untypedConfiguration(config.sent, duplicates)
  const apiVersion = apiVersionOf(row.resource)
  const writer: Writer = { manager, operation: 'Apply', apiVersion, subresource }
  const entries = live ? entriesBefore(write, live, knowledge, now) : []
  const previous = entries.find((entry) => isSameWriter(entry, writer))
  const own = withoutUnwritable(fieldsOf(type, config.object), row, subresource)
  const wanted = entries.filter((entry) => entry !== previous).reduce((set, { fieldsV1 }) => union(set, fieldsV1), own)
  // Paths of another version may mean something else, so what was applied in one is not taken away in the other.
  const appliedBefore = previous?.apiVersion === apiVersion ? previous.fieldsV1 : EMPTY

  const before = live ? withoutEntries(row.conversion?.fromStorage(live) ?? live) : {}
  const object = appliedObject(type, before, config.object, appliedBefore, wanted) as ApiObject
  const draft = row.conversion?.toStorage(structuredClone(object)) ?? object
  const changesIn = changesOf({ row, subresource, live, draft }, knowledge)
  if (live && !force) {
    const conflicts = conflictsOf(entries, changesIn, writer)
    const remaining = manager === 'kubectl' ? withoutLastApplied(conflicts, type, before) : conflicts
    if (remaining.length > 0) throw applyConflict(remaining)
  }
  const changedAt = isDeepStrictEqual(object, before) ? undefined : now
  return {
    object: manager === 'kubectl' ? withLastApplied(object, config.sent) : object,
    entries: entriesAfterApply(entries, changesIn, writer, own, changedAt),
  }
}

/** What is not of the kind's type cannot be owned: an error whatever `fieldValidation` says, and upstream's fault by its code. */
export function untypedConfiguration({ apiVersion = '', kind = '', metadata }: ApiObject, why: readonly string[]) {
  const which = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}; ${kindText(apiVersion, kind)}`
  const what = why.length === 1 ? why[0] : `errors:\n${why.map((one) => `  ${one}`).join('\n')}`
  return new StatusError(500, 'Unknown', `failed to create typed patch object (${which}): ${what}`)
}

/** "apps/v1, Kind=Deployment", "/v1, Kind=Pod" */
export function kindText(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`
}

/** Of an object from a time when nobody kept book, all that there is belongs to one entry: applying can conflict with it. */
function entriesBefore(
  { row, subresource }: AppliedWrite,
  live: Stored<ApiObject>,
  knowledge: KindKnowledge,
  now: string,
): readonly FieldsEntry[] {
  const entries = entriesOf(live)
  if (entries.length > 0) return entries
  const apiVersion = apiVersionOf(row.resource)
  const writer: Writer = { manager: 'before-first-apply', operation: 'Update', apiVersion, subresource }
  return entriesAfterUpdate([], changesOf({ row, subresource, live: undefined, draft: live }, knowledge), writer, now)
}
