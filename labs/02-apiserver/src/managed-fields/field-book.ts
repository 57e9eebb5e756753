/**
 * The book about who set which field, kept with every write: the shell around the rules of `update.ts` and `apply.ts`.
 *
 * Source: apimachinery `pkg/util/managedfields/internal/{fieldmanager,skipnonapplied}.go`; apiserver
 * `pkg/endpoints/handlers/fieldmanager/equality.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import { toRfc3339 } from '../deletion.ts'
import type { OptionalSteps } from '../optional-steps.ts'
import { type AppliedWrite, applyConfiguration } from './apply-configuration.ts'
import { type Change, changesOf, type KindKnowledge } from './changes.ts'
import { type FieldsEntry, isReset, readEntries, type Writer } from './entries.ts'
import { entriesOf, withEntries, withoutEntries } from './entries-of-object.ts'
import { entriesAfterUpdate } from './update.ts'

export interface FieldBookOptions extends KindKnowledge {
  readonly clock: Clock
  readonly optional: OptionalSteps
}

/** One create, update or patch, when all is settled about the object that its user has a say in. */
export interface BookedWrite extends Change {
  readonly live: Stored<ApiObject> | undefined
  /** Absent: the server itself. */
  readonly manager: string | undefined
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
    const before = entriesBefore(write)
    // Nobody asked for a book about an object that has lost it, until somebody applies.
    const isKept = !write.live || before.length > 0
    const after = isKept ? await this.#entriesAfter(before, write) : before
    write.draft.metadata = withEntries(write.draft.metadata, after)
  }

  async #entriesAfter(entries: readonly FieldsEntry[], write: BookedWrite): Promise<readonly FieldsEntry[]> {
    const { row, subresource, manager = 'kube-apiserver' } = write
    const apiVersion = apiVersionOf(row.resource)
    const writer: Writer = { manager: manager || 'unknown', operation: 'Update', apiVersion, subresource }
    return this.#options.optional.run(
      'nobody keeps book about who set which field',
      async () => entriesAfterUpdate(entries, changesOf(write, this.#options), writer, this.#now()),
      async () => entries,
    )
  }

  /** The object that comes of applying a configuration, and who owns what then: see `applyConfiguration`. */
  apply(write: AppliedWrite): { readonly object: ApiObject; readonly entries: readonly FieldsEntry[] } {
    return applyConfiguration(write, this.#options, this.#now())
  }

  /**
   * Sets a draft's entries. If all that they differ in from those of the `live` object is a time, and the draft is the same
   * otherwise, the old ones stay: there is nothing to write.
   */
  settle(draft: ApiObject, entries: readonly FieldsEntry[], live?: Stored<ApiObject>): void {
    const isSame =
      live !== undefined &&
      isDeepStrictEqual(timeless(entries), timeless(entriesOf(live))) &&
      isDeepStrictEqual(withoutEntries(draft), withoutEntries(live))
    draft.metadata = withEntries(draft.metadata, isSame ? entriesOf(live) : entries)
  }

  #now(): string {
    return toRfc3339(this.#options.clock.now())
  }
}

/** The entries that count: those that were sent, if they make sense (users may edit them), else the object's. */
function entriesBefore({ live, subresource, sent }: BookedWrite): readonly FieldsEntry[] {
  const own = live ? entriesOf(live) : []
  if (subresource) return own
  if (isReset(sent)) return []
  return readEntries(sent) ?? own
}

function timeless(entries: readonly FieldsEntry[]) {
  return entries.map(({ time: _, ...entry }) => entry)
}
