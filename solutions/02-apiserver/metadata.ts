/**
 * The metadata that belongs to the server. Users name and label their objects; identity, birth, age and death are the
 * server's to write down, whatever the user sends.
 *
 * Guarantees: `uid`, `creationTimestamp` and the two deletion fields never change by a user's create or update;
 * `generation` counts changes of what the user wants (not of status), starting at 1.
 *
 * Source: apiserver `pkg/registry/rest/create.go` (BeforeCreate), `update.go` (BeforeUpdate), `meta.go`, `names/generate.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, ObjectMeta, Stored } from '#kit/api/objects.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { badRequest, conflict, invalid } from './errors.ts'

/** What the outside world adds to a creation; a parameter, so that the rules stay pure. */
export interface CreationFacts {
  /** RFC 3339 in whole seconds: "2026-01-01T00:00:00Z". */
  readonly now: string
  readonly uid: string
  /** Five characters, for `generateName`. */
  readonly suffix: string
}

/** Names become DNS labels, whose limit is 63; the suffix takes five of them. */
const MAX_GENERATED_PREFIX = 63 - 5

/**
 * The name for an object that left it to the server: the prefix (at most 58 characters of it) and the suffix.
 *
 * @lab 2.2 Make a name from generateName
 */
export function generatedName(prefix: string, suffix: string): string {
  return prefix.slice(0, MAX_GENERATED_PREFIX) + suffix
}

/** What these rules need to know about a kind. */
export type KindTraits = Pick<KindRow, 'resource' | 'hasGeneration' | 'allowUnconditionalUpdate'>

/**
 * The metadata of a new object, from what the user sent:
 * - namespace: the one of the path (`namespace`, "" for cluster-scoped kinds, which then have none); a different one in
 *   the object is a 400 ("the namespace of the provided object does not match the namespace sent on the request");
 * - name: from `generateName` when there is none;
 * - `uid` and `creationTimestamp` from `facts`; no deletion fields, no `managedFields`, no `selfLink`;
 * - `generation` is 1 for kinds that have one, else absent;
 * - a `resourceVersion` other than "" or "0" is an error (500, as upstream: "resourceVersion should not be set on objects to
 *   be created"); it is left out in any case.
 *
 * @lab 2.2 Give a new object its identity
 */
export function newMetadata(sent: ObjectMeta, kind: KindTraits, namespace: string, facts: CreationFacts): ObjectMeta {
  const { deletionTimestamp, deletionGracePeriodSeconds, managedFields, selfLink, generation, ...rest } = sent
  const { resourceVersion, namespace: sentNamespace, ...usersPart } = rest
  if (resourceVersion && resourceVersion !== '0') {
    throw new StatusError(500, 'InternalError', 'resourceVersion should not be set on objects to be created')
  }
  if ((sentNamespace ?? namespace) !== namespace) throw namespaceMismatch()
  return {
    ...usersPart,
    ...(!sent.name && sent.generateName && { name: generatedName(sent.generateName, facts.suffix) }),
    ...(kind.resource.namespaced && { namespace }),
    uid: facts.uid,
    creationTimestamp: facts.now,
    ...(kind.hasGeneration && { generation: 1 }),
  }
}

/**
 * The metadata of `old` after an update to `draft`:
 * - the server's fields (`uid`, `creationTimestamp`, `generateName`, `resourceVersion`, the deletion fields,
 *   `managedFields`) are the old object's; a field that the old object has not, the new one has not either (absent, not undefined);
 * - a `uid` that was sent and differs is a Conflict: the user means another object that had this name
 *   ("Precondition failed: UID in precondition: <sent>, UID in object meta: <old>");
 * - a name or namespace that was sent and differs is a 400 ("the name of the object (<sent>) does not match the name on the
 *   URL (<old>)"; for the namespace as at creation);
 * - a `resourceVersion` that was sent and differs is a Conflict; none at all means "overwrite", unless the kind forbids it
 *   (`allowUnconditionalUpdate: false`; 422 `metadata.resourceVersion`: "Invalid value: 0x0: must be specified for an update");
 * - `generation` rises by one when `countsAsChange` says so, for kinds that have one.
 *
 * `definedOnly` helps to leave fields out.
 *
 * @lab 2.2 Keep an object's identity through an update
 */
export function updatedMetadata(draft: ApiObject, old: Stored<ApiObject>, kind: KindTraits): ObjectMeta {
  const sent = draft.metadata ?? {}
  const kept = old.metadata
  const { resource } = kind
  if (sent.name && sent.name !== kept.name) {
    throw badRequest(`the name of the object (${sent.name}) does not match the name on the URL (${kept.name})`)
  }
  if (sent.namespace && sent.namespace !== kept.namespace) throw namespaceMismatch()
  if (sent.uid && sent.uid !== kept.uid) {
    const why = `Precondition failed: UID in precondition: ${sent.uid}, UID in object meta: ${kept.uid}`
    throw conflict(resource, kept.name, why)
  }
  if (!sent.resourceVersion && kind.allowUnconditionalUpdate === false) {
    const message = 'Invalid value: 0x0: must be specified for an update'
    throw invalid(resource, kept.name, [{ reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message }])
  }
  if (sent.resourceVersion && sent.resourceVersion !== kept.resourceVersion) throw conflict(resource, kept.name)

  const { deletionTimestamp, deletionGracePeriodSeconds, managedFields, selfLink, generation, ...usersPart } = sent
  return {
    ...usersPart,
    ...definedOnly({
      name: kept.name,
      namespace: kept.namespace,
      uid: kept.uid,
      resourceVersion: kept.resourceVersion,
      creationTimestamp: kept.creationTimestamp,
      generateName: kept.generateName,
      deletionTimestamp: kept.deletionTimestamp,
      deletionGracePeriodSeconds: kept.deletionGracePeriodSeconds,
      generation: kind.hasGeneration ? (kept.generation ?? 1) + (countsAsChange(draft, old) ? 1 : 0) : undefined,
      managedFields: kept.managedFields,
    }),
  }
}

/**
 * Whether an update changes what the user wants: anything outside of `metadata` and `status`. (Labels and annotations
 * do not count, and status is the controllers' report about the spec, not a wish.)
 *
 * @lab 2.2 Say which changes raise the generation
 */
export function countsAsChange(draft: ApiObject, old: ApiObject): boolean {
  const { metadata: _draftMetadata, status: _draftStatus, ...wanted } = draft
  const { metadata: _oldMetadata, status: _oldStatus, ...before } = old
  return !isDeepStrictEqual(wanted, before)
}

/** The fields that have a value, so that no `undefined` is ever written down. */
export function definedOnly<T extends object>(fields: T): { [Field in keyof T]: NonNullable<T[Field]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Field in keyof T]: NonNullable<T[Field]>
  }
}

function namespaceMismatch(): StatusError {
  return badRequest('the namespace of the provided object does not match the namespace sent on the request')
}
