/**
 * The book about who set which field, kept with every write. This is the shell around `update.ts` (and, for apply,
 * `apply.ts`): it knows the kinds, their versions, and the time.
 *
 * Source: apimachinery `pkg/util/managedfields/internal/fieldmanager.go`, `skipnonapplied.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { FieldsOfKind, KindFields } from '#kit/contracts/field-types.ts'
import { toRfc3339 } from '../deletion.ts'
import type { OptionalSteps } from '../optional-steps.ts'
import { compareFields, type FieldChanges } from './compare.ts'
import { type FieldsEntry, isReset, readEntries } from './entries.ts'
import type { FieldSet } from './field-set.ts'
import { type ChangesIn, entriesAfterUpdate } from './update.ts'

export interface FieldBookOptions {
  readonly kinds: readonly KindRow[]
  readonly fieldsOf: FieldsOfKind
  readonly clock: Clock
  readonly optional: OptionalSteps
}

/** One write, when all about the object is settled that its user has a say in. */
export interface BookedWrite {
  readonly row: KindRow
  /** "" for the main resource. */
  readonly subresource: string
  /** Absent: the server itself. */
  readonly manager: string | undefined
  /** In the stored version; undefined for a creation. */
  readonly live: Stored<ApiObject> | undefined
  /** In the stored version. */
  readonly draft: ApiObject
  /** `metadata.managedFields` of what was sent. */
  readonly sent: unknown
}

export class FieldBook {
  readonly #options: FieldBookOptions

  constructor(options: FieldBookOptions) {
    this.#options = options
  }

  /** Writes down what a create, update or patch did: sets the draft's `metadata.managedFields`. */
  async record(write: BookedWrite): Promise<void> {
    const kept = this.#entriesBefore(write)
    // Nobody asked for a book about an object that has lost it, until somebody applies.
    const isKept = !write.live || kept.length > 0
    setEntries(write.draft, isKept ? await this.#entriesAfter(kept, write) : kept)
  }

  /** The entries that count: those that were sent, if they make sense (users may edit them), else the object's. */
  #entriesBefore({ live, subresource, sent }: BookedWrite): readonly FieldsEntry[] {
    const own = (live?.metadata.managedFields ?? []) as readonly unknown[] as readonly FieldsEntry[]
    if (subresource) return own
    if (isReset(sent)) return []
    return readEntries(sent) ?? own
  }

  async #entriesAfter(entries: readonly FieldsEntry[], write: BookedWrite): Promise<readonly FieldsEntry[]> {
    const apiVersion = apiVersionOf(write.row.resource)
    const { manager = 'kube-apiserver', subresource } = write
    const writer = { manager: manager || 'unknown', operation: 'Update', apiVersion, subresource } as const
    const { optional, clock } = this.#options
    return optional.run(
      'nobody keeps book about who set which field',
      async () => entriesAfterUpdate(entries, this.#changesIn(write), writer, toRfc3339(clock.now())),
      async () => entries,
    )
  }

  #changesIn({ row, subresource, live, draft }: Omit<BookedWrite, 'sent'>): ChangesIn {
    const known = new Map<string, FieldChanges | undefined>()
    return (apiVersion) => {
      if (!known.has(apiVersion)) known.set(apiVersion, this.#compare(apiVersion, row, subresource, live, draft))
      return known.get(apiVersion)
    }
  }

  #compare(
    apiVersion: string,
    written: KindRow,
    subresource: string,
    live: ApiObject | undefined,
    draft: ApiObject,
  ): FieldChanges | undefined {
    const row = this.#inVersion(written, apiVersion)
    const fields = row && this.#options.fieldsOf(row.resource)
    if (!fields) return undefined
    const inVersion = (object: ApiObject) => row.conversion?.fromStorage(object) ?? object
    const changes = compareFields(fields.type, live ? inVersion(live) : beforeCreation(row, fields), inVersion(draft))
    const hidden = notWrittenThrough(row, subresource)
    return { written: withoutField(changes.written, hidden), removed: withoutField(changes.removed, hidden) }
  }

  /** The same stored objects in another version: events and autoscalers have two. */
  #inVersion(row: KindRow, apiVersion: string): KindRow | undefined {
    if (apiVersionOf(row.resource) === apiVersion) return row
    return this.#options.kinds.find(
      ({ storagePrefix, resource }) => storagePrefix === row.storagePrefix && apiVersionOf(resource) === apiVersion,
    )
  }
}

/** What a new object's creator cannot be said to have added. */
function beforeCreation({ chosenByServer }: KindRow, { empty }: KindFields): object {
  return chosenByServer ? { ...empty, spec: { ...(empty.spec as object), ...chosenByServer } } : empty
}

/** The status is written through its own door only, and nothing but the status is written there. */
export function notWrittenThrough(row: KindRow, subresource: string): string | undefined {
  if (subresource === 'status') return 'f:spec'
  return row.subresources.some(({ name }) => name === 'status') ? 'f:status' : undefined
}

function withoutField(set: FieldSet, element: string | undefined): FieldSet {
  if (element === undefined || !(element in set)) return set
  const { [element]: _, ...rest } = set
  return rest
}

function setEntries(draft: ApiObject, entries: readonly FieldsEntry[]): void {
  const { managedFields: _, ...metadata } = draft.metadata ?? {}
  draft.metadata = entries.length > 0 ? { ...metadata, managedFields: entries as FieldsEntry[] } : metadata
}
