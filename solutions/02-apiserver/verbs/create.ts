/**
 * Create: identity, defaults, admission, validation, addresses, and then one transaction that only succeeds if nobody has
 * the name.
 *
 * Source: apiserver `pkg/registry/generic/registry/store.go` (Create), `pkg/registry/rest/create.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { admit, charge } from '../admission/chain.ts'
import { toRfc3339 } from '../deletion.ts'
import { alreadyExists, invalid } from '../errors.ts'
import type { FieldsEntry } from '../managed-fields/entries.ts'
import { newMetadata } from '../metadata.ts'
import { storeNewService, takesAddresses } from '../services/service-writes.ts'
import { validateMetadata } from '../validation/metadata.ts'
import { type ApiContext, keyOf, present, type Target, type WriteOptions, type Written } from './context.ts'
import { decodeBody, toStorage } from './decode-body.ts'
import { randomSuffix } from './random-suffix.ts'

/** Generated names may meet by chance; after this many meetings it is no chance. */
const MAX_ATTEMPTS = 8

export async function createObject(
  context: ApiContext,
  target: Omit<Target, 'name'>,
  body: unknown,
  options: WriteOptions,
): Promise<Written> {
  const { row } = target
  const { draft: decoded, warnings } = decodeBody(context, row.resource, body, options)
  const isGenerated = !decoded.metadata?.name && Boolean(decoded.metadata?.generateName)
  for (let attempt = 1; ; attempt++) {
    const draft = toStorage(row, isGenerated ? structuredClone(decoded) : decoded)
    const stored = await createDraft(context, target, draft, options)
    if (stored) return { object: present(row, stored), created: true, warnings }
    if (!isGenerated || attempt >= MAX_ATTEMPTS) throw alreadyExists(row.resource, draft.metadata?.name ?? '')
  }
}

/**
 * Prepares and stores a draft, which it changes; undefined when the name is taken.
 *
 * @param entries who owns what, where that is settled already (apply)
 */
export async function createDraft(
  context: ApiContext,
  { row, namespace }: Omit<Target, 'name'>,
  draft: ApiObject,
  options: WriteOptions,
  entries?: readonly FieldsEntry[],
): Promise<Stored<ApiObject> | undefined> {
  const facts = {
    now: toRfc3339(context.clock.now()),
    uid: context.newUid(),
    suffix: randomSuffix(context.random),
  }
  const sent = draft.metadata?.managedFields
  draft.metadata = newMetadata(draft.metadata ?? {}, row, namespace, facts)
  row.applyDefaults?.(draft)
  // Before the kind and admission add what nobody asked for.
  if (entries) context.fields.settle(draft, entries)
  else await context.fields.record({ row, subresource: '', manager: options.manager, live: undefined, draft, sent })
  row.prepareForCreate?.(draft, options.user)
  row.applyDefaults?.(draft)
  const name = draft.metadata?.name ?? ''
  const review = { operation: 'CREATE', row, subresource: '', namespace, name, user: options.user, draft } as const
  await admit(review, context.cluster)
  const errors = [
    ...validateMetadata(draft, row.nameFormat),
    ...(row.validate?.(draft) ?? []),
    ...(row.validateCreate?.(draft) ?? []),
  ]
  if (errors.length > 0) throw invalid(row.resource, name, errors)
  await charge(review, context.cluster, options.dryRun)

  const target = { row, namespace, name }
  if (options.dryRun) return dryRunCreate(context, target, draft)
  const store = async () => {
    const lease = row.ttlSeconds ? await context.leases.leaseFor(row.ttlSeconds) : undefined
    return context.objects.create(keyOf(target), draft, lease)
  }
  return takesAddresses(row) ? storeNewService(context, target, draft, store) : store()
}

async function dryRunCreate(context: ApiContext, target: Target, draft: ApiObject) {
  const taken = await context.objects.get(keyOf(target))
  return taken ? undefined : (draft as Stored<ApiObject>)
}
