/**
 * Update and patch: the same thing, but for where the new object comes from. A PUT brings it along; a patch makes it from
 * the current one, and is made again if that changes meanwhile.
 *
 * Source: apiserver `pkg/registry/generic/registry/store.go` (Update), `pkg/registry/rest/update.go`,
 * `pkg/endpoints/handlers/patch.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, ObjectMeta, Stored } from '#kit/api/objects.ts'
import type { FieldError, KindRow } from '#kit/contracts/apiserver.ts'
import { type AdmissionReview, admit, charge } from '../admission/chain.ts'
import { isReadyToBeRemoved } from '../deletion.ts'
import { invalid, notFound } from '../errors.ts'
import type { FieldsEntry } from '../managed-fields/entries.ts'
import { updatedMetadata } from '../metadata.ts'
import { takesAddresses, updateService } from '../services/service-writes.ts'
import type { UpdateOutcome } from '../storage/object-store.ts'
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.ts'
import { type ApiContext, keyOf, present, type Target, type WriteOptions, type Written } from './context.ts'
import { createObject } from './create.ts'
import { decodeBody, toStorage } from './decode-body.ts'

/** A door to an object: which part of it an update through this door may change. */
export interface UpdateDoor {
  /** "" for the main resource. */
  readonly subresource: string
  /** What is written here has no owner: `managedFields` stay as they are. */
  readonly isUnbooked?: true
  /** Limits the draft to what may change here. Returns the draft or another. */
  prepare(draft: ApiObject, old: Stored<ApiObject>): ApiObject
  validate(draft: ApiObject, old: Stored<ApiObject>): readonly FieldError[]
}

/** The main resource: the row's own rules. */
export function mainDoor(row: KindRow): UpdateDoor {
  return {
    subresource: '',
    prepare(draft, old) {
      row.prepareForUpdate?.(draft, old)
      return draft
    },
    validate: (draft, old) => [...(row.validate?.(draft) ?? []), ...(row.validateUpdate?.(draft, old) ?? [])],
  }
}

/** Where the new object comes from. */
export type NewObject = (current: Stored<ApiObject>) => Draft
export interface Draft {
  /** In the stored version, free to be changed. */
  readonly draft: ApiObject
  readonly warnings: readonly string[]
  /** Who owns what afterwards, where that is settled already (apply); else it follows from what changes. */
  readonly entries?: readonly FieldsEntry[]
}

/** PUT. Some kinds may be created this way, too. */
export async function putObject(
  context: ApiContext,
  target: Target,
  body: unknown,
  options: WriteOptions,
  door: UpdateDoor = mainDoor(target.row),
): Promise<Written> {
  const { row } = target
  const sent = decodeBody(context, row.resource, body, options)
  if (row.allowCreateOnUpdate && door.subresource === '' && !(await exists(context, target))) {
    await options.authorizeCreation?.()
    sent.draft.metadata = { ...sent.draft.metadata, name: target.name }
    return createObject(context, target, sent.draft, options)
  }
  let unused: Draft | undefined = sent
  const fromBody: NewObject = () => {
    const { draft, warnings } = unused ?? decodeBody(context, row.resource, body, options)
    unused = undefined
    return { draft: toStorage(row, draft), warnings }
  }
  return updateObject(context, target, fromBody, options, door)
}

/** What the cache knows is there, at least lately; what it does not know may be new. */
export async function exists(context: ApiContext, target: Target): Promise<boolean> {
  const key = keyOf(target)
  return context.caches.of(target.row).cache.get(key) !== undefined || (await context.objects.get(key)) !== undefined
}

/** Changes one object, as often as it takes to base the change on its newest version. */
export async function updateObject(
  context: ApiContext,
  target: Target,
  newObject: NewObject,
  options: WriteOptions,
  door: UpdateDoor,
): Promise<Written> {
  const { row, name } = target
  const key = keyOf(target)
  const cache = context.caches.of(row)
  const attempt: Attempt = { warnings: [], draft: undefined }
  let isCharged = false

  const decide = async (current: Stored<ApiObject> | undefined): Promise<UpdateOutcome> => {
    if (!current) throw notFound(row.resource, name)
    const { warnings, ...sent } = newObject(current)
    const draft = await prepareDraft(context, target, sent, current, door, options)
    Object.assign(attempt, { warnings, draft })
    // Once, however often we have to look again.
    if (!isCharged) await charge(reviewOf(target, door, options, current, draft), context.cluster, options.dryRun)
    isCharged = true
    if (isReadyToBeRemoved(draft, row.otherFinalizers?.(draft) ?? [])) return { remove: true }
    return { put: draft, lease: row.ttlSeconds ? await context.leases.leaseFor(row.ttlSeconds) : undefined }
  }

  if (options.dryRun) {
    await decide(await context.objects.get(key))
    return { object: present(row, attempt.draft as Stored<ApiObject>), created: false, warnings: attempt.warnings }
  }
  const stored = await (takesAddresses(row)
    ? updateService(context, target, decide)
    : context.objects.guaranteedUpdate(key, decide, cache.cache.get(key)))
  return { object: present(row, stored), created: false, warnings: attempt.warnings }
}

/** What the last look at the object led to. */
interface Attempt {
  warnings: readonly string[]
  draft: ApiObject | undefined
}

async function prepareDraft(
  context: ApiContext,
  target: Target,
  { draft: sent, entries }: Omit<Draft, 'warnings'>,
  current: Stored<ApiObject>,
  door: UpdateDoor,
  options: WriteOptions,
): Promise<ApiObject> {
  const { row, name } = target
  const sentEntries = sent.metadata?.managedFields
  const draft = door.prepare(sent, current)
  if (door.subresource !== 'scale') row.applyDefaults?.(draft)
  draft.metadata = updatedMetadata(draft, current, row)
  if (row.annotationsRaiseGeneration && !door.subresource)
    draft.metadata = raisedForAnnotations(draft.metadata, current)
  if (entries) context.fields.settle(draft, entries, current)
  else if (!door.isUnbooked) {
    const { subresource } = door
    const { manager } = options
    await context.fields.record({ row, subresource, manager, live: current, draft, sent: sentEntries })
  }
  await admit(reviewOf(target, door, options, current, draft), context.cluster)
  const errors = [
    ...validateMetadata(draft, row.nameFormat),
    ...validateMetadataUpdate(draft, current),
    ...door.validate(draft, current),
  ]
  if (errors.length > 0) throw invalid(row.resource, name, errors)
  return draft
}

/** A Deployment's annotations are for its ReplicaSets as well, so a change of them must be observed like one of the spec. */
function raisedForAnnotations(metadata: ObjectMeta, { metadata: before }: Stored<ApiObject>): ObjectMeta {
  const isRaised = metadata.generation !== before.generation
  if (isRaised || isDeepStrictEqual(metadata.annotations ?? {}, before.annotations ?? {})) return metadata
  return { ...metadata, generation: (before.generation ?? 1) + 1 }
}

function reviewOf(
  { row, namespace, name }: Target,
  { subresource }: UpdateDoor,
  { user }: WriteOptions,
  old: Stored<ApiObject>,
  draft: ApiObject,
): AdmissionReview {
  return { operation: 'UPDATE', row, subresource, namespace, name, user, old, draft }
}
