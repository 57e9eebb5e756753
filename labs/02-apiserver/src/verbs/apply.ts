/**
 * Server-side apply, as a verb: an update whose new object comes from a configuration; or, if there is nothing yet, a
 * creation.
 *
 * Source: apiserver `pkg/endpoints/handlers/patch.go` (applyPatcher).
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { apiVersionOf } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import { badRequest, conflict } from '../errors.ts'
import { type Configuration, kindText, untypedConfiguration } from '../managed-fields/apply-configuration.ts'
import { isMap } from '../patch/merge-patch.ts'
import { type ApiContext, present, type Target, type WriteOptions, type Written } from './context.ts'
import { createDraft } from './create.ts'
import { toStorage } from './decode-body.ts'
import { exists, type NewObject, type UpdateDoor, updateObject } from './update.ts'

/** Each lost race means that somebody has created or deleted the object just now. */
const MAX_ATTEMPTS = 8

/** @param config a `readConfiguration` */
export async function applyObject(
  context: ApiContext,
  target: Target,
  config: Configuration,
  options: WriteOptions,
  door: UpdateDoor,
): Promise<Written> {
  const { row } = target
  const fromConfig: NewObject = (current) => {
    const { object, entries } = context.fields.apply({ ...writeOf(target, options, door), live: current, config })
    return { draft: toStorage(row, structuredClone(object)), entries, warnings: [] }
  }
  const mayCreate = door.subresource === ''
  let isThere = !mayCreate || (await exists(context, target))
  for (let attempt = 1; ; attempt++) {
    if (!isThere) {
      const created = await createFrom(context, target, config, options, door)
      if (created) return { object: present(row, created), created: true, warnings: [] }
    }
    try {
      return await updateObject(context, target, fromConfig, options, door)
    } catch (error) {
      if (!mayCreate || !hasReason(error, 'NotFound') || attempt >= MAX_ATTEMPTS) throw error
      isThere = false
    }
  }
}

/** Undefined when somebody else was faster. */
async function createFrom(
  context: ApiContext,
  target: Target,
  config: Configuration,
  options: WriteOptions,
  door: UpdateDoor,
): Promise<Stored<ApiObject> | undefined> {
  const { row, name } = target
  await options.authorizeCreation?.()
  const { object, entries } = context.fields.apply({ ...writeOf(target, options, door), live: undefined, config })
  const { uid } = object.metadata ?? {}
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`
    throw conflict(row.resource, name, why)
  }
  return createDraft(context, target, toStorage(row, structuredClone(object)), options, entries)
}

function writeOf({ row }: Target, { manager = '', force = false }: WriteOptions, { subresource }: UpdateDoor) {
  return { row, subresource, manager, force }
}

/** The body as an object of a kind. What the kind does not have is an error here: nobody could own it. */
export function readConfiguration(
  context: Pick<ApiContext, 'decode'>,
  { name }: Target,
  kind: Kind,
  body: unknown,
): Configuration {
  if (!isMap(body)) throw badRequest('error decoding YAML: the configuration must be an object')
  const sent = body as ApiObject
  if (sent.apiVersion !== apiVersionOf(kind) || sent.kind !== kind.kind) {
    throw badRequest(`invalid object type: ${kindText(sent.apiVersion ?? '', sent.kind ?? '')}`)
  }
  if (sent.metadata?.managedFields) throw badRequest('metadata.managedFields must be nil')
  if (sent.metadata?.name && sent.metadata.name !== name) {
    throw badRequest(`the name of the object (${sent.metadata.name}) does not match the name on the URL (${name})`)
  }
  const { object, unknownFields, typeProblem } = context.decode(kind, sent)
  const problems = unknownFields.map((field) => `.${field}: field not declared in schema`)
  if (typeProblem) problems.push(typeProblem)
  if (problems.length > 0) throw untypedConfiguration(sent, problems)
  return { sent, object: { ...object, metadata: { ...object.metadata, name } } }
}

interface Kind {
  readonly group: string
  readonly version: string
  readonly kind: string
}
