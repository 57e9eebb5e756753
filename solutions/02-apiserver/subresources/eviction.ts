/**
 * Eviction: a deletion that asks first. Whoever empties a node (`kubectl drain`, autoscalers) evicts its pods, and the
 * disruption budgets decide which may go now; to the others the answer is 429, and the evictor tries again later.
 *
 * The budget is updated first and the pod deleted second: if we die in between, a disruption is counted that did not happen,
 * and the controller forgets it after two minutes.
 *
 * Source: kubernetes `pkg/registry/core/pod/storage/eviction.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import { NO_TIME } from '#kit/api/no-time.ts'
import type { ApiObject, Pod, PodDisruptionBudget, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason, StatusError } from '#kit/api/status-error.ts'
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import { success } from '../call.ts'
import { budgetsOf, mayGoUnhealthy, servesNobody, takeDisruption } from '../counting/disruptions.ts'
import { checkPreconditions, toRfc3339 } from '../deletion.ts'
import { badRequest, budgetIsBusy, notFound } from '../errors.ts'
import { storageKey } from '../storage/keys.ts'
import { type ApiContext, keyOf, type Target } from '../verbs/context.ts'
import { decodeBody } from '../verbs/decode-body.ts'
import { type DeletionOptions, deleteObject, deleteOptionsOf } from '../verbs/delete.ts'
import type { SubresourceCall } from './subresource-call.ts'

const BUDGETS = { storagePrefix: resources.podDisruptionBudgets.plural }
/** A pod that changes under our hands so often is left to the next try. */
const MAX_ATTEMPTS = 20

/** Deletes the pod, or throws: TooManyRequests when a budget says "not now". */
export async function handleEviction(call: SubresourceCall): Promise<ApiResponse> {
  const { context, target } = call
  const deletion = evictionOptions(call)
  await context.optional.run(
    'evictions ask no disruption budget',
    () => evict(context, target, deletion),
    async () => void (await deleteObject(context, target, deletion)),
  )
  return success(201)
}

async function evict(context: ApiContext, target: Target, deletion: DeletionOptions): Promise<void> {
  const version = deletion.preconditions?.resourceVersion
  for (let attempt = 1; ; attempt++) {
    const pod = await podOf(context, target)
    try {
      if (!servesNobody(pod)) return await evictServing(context, target, pod, deletion)
      // Not one that becomes ready while we speak. What has finished or is going cannot become anything any more.
      const mayYetServe = pod.status?.phase === 'Pending' && !pod.metadata.deletionTimestamp
      return await removePod(context, target, mayYetServe ? only(pod, deletion) : deletion)
    } catch (error) {
      if (version || attempt >= MAX_ATTEMPTS || !hasReason(error, 'Conflict')) throw error
    }
  }
}

/** A pod that somebody may be served by: the budget is asked, if there is one. */
async function evictServing(
  context: ApiContext,
  target: Target,
  pod: Stored<Pod>,
  options: DeletionOptions,
): Promise<void> {
  const all = context.caches.of(BUDGETS).cache.entries().values() as Iterable<unknown>
  const [budget, ...more] = budgetsOf(pod, all as Iterable<Stored<PodDisruptionBudget>>)
  if (more.length > 0) {
    const why = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
    throw new StatusError(500, 'Unknown', why)
  }
  if (!budget) return removePod(context, target, options)
  if (!mayGoUnhealthy(pod, budget)) {
    await takeFrom(context, budget, pod, options)
    return removePod(context, target, options)
  }
  try {
    await removePod(context, target, only(pod, options))
  } catch (error) {
    // It has changed, perhaps to ready: then the budget has to be asked, next time.
    if (hasReason(error, 'Conflict') && !options.preconditions?.resourceVersion)
      throw budgetIsBusy(budget.metadata.name)
    throw error
  }
}

async function takeFrom(
  { objects, clock }: ApiContext,
  { metadata }: Stored<PodDisruptionBudget>,
  pod: Stored<Pod>,
  { dryRun }: DeletionOptions,
): Promise<void> {
  const key = storageKey(BUDGETS, metadata.namespace, metadata.name)
  const take = (current: Stored<ApiObject> | undefined): ApiObject => {
    if (!current) throw notFound(resources.podDisruptionBudgets, metadata.name)
    return takeDisruption(
      current as Stored<PodDisruptionBudget>,
      pod.metadata.name,
      toRfc3339(clock.now()),
    ) as ApiObject
  }
  if (dryRun) take(await objects.get(key))
  else await objects.guaranteedUpdate(key, async (current) => ({ put: take(current) }))
}

/** Marks the pod, so that whoever finds it failed knows why, and deletes it. */
async function removePod(context: ApiContext, target: Target, options: DeletionOptions): Promise<void> {
  const { preconditions } = options
  if (options.dryRun) return void (await deleteObject(context, target, options))
  const now = toRfc3339(context.clock.now())
  const marked = await context.objects.guaranteedUpdate(keyOf(target), async (current) => {
    if (!current) throw notFound(target.row.resource, target.name)
    checkPreconditions(preconditions ?? {}, current, target.row)
    return { put: withDisruptionTarget(current, now) }
  })
  const resourceVersion = preconditions?.resourceVersion && marked.metadata.resourceVersion
  await deleteObject(context, target, {
    ...options,
    ...(preconditions && { preconditions: { ...preconditions, ...(resourceVersion && { resourceVersion }) } }),
  })
}

function withDisruptionTarget(current: Stored<ApiObject>, now: string): ApiObject {
  const pod = current as Stored<Pod>
  const type = 'DisruptionTarget'
  const before = pod.status?.conditions?.find((condition) => condition.type === type)
  const condition = {
    type,
    status: 'True',
    lastProbeTime: NO_TIME,
    lastTransitionTime: before?.status === 'True' ? before.lastTransitionTime : now,
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  }
  if (isDeepStrictEqual(before, condition)) return current
  const others = (pod.status?.conditions ?? []).filter((one) => one !== before)
  return { ...pod, status: { ...pod.status, conditions: [...others, condition] } } as ApiObject
}

/** Only if the pod has not changed since; what the evictor itself demands comes first. */
function only({ metadata }: Stored<Pod>, options: DeletionOptions): DeletionOptions {
  const { resourceVersion } = metadata
  return { ...options, preconditions: { resourceVersion, ...options.preconditions } }
}

async function podOf(context: ApiContext, target: Target): Promise<Stored<Pod>> {
  const pod = await context.objects.get(keyOf(target))
  if (!pod) throw notFound(target.row.resource, target.name)
  return pod as Stored<Pod>
}

/** How to delete is said in the eviction, or in the query; whether it is a dry run, in either, but not in both and differently. */
function evictionOptions({ context, request, target, options, subresource }: SubresourceCall): DeletionOptions {
  const { body, query } = request
  const isOlder = (body as ApiObject | undefined)?.apiVersion === 'policy/v1beta1'
  const sent = isOlder ? { ...(body as ApiObject), apiVersion: 'policy/v1' } : body
  const { draft } = decodeBody(context, subresource.kind, sent, options)
  if (draft.metadata?.name !== target.name) throw badRequest('name in URL does not match name in Eviction object')
  const wanted = deleteOptionsOf({ body: draft.deleteOptions ?? {}, query: {} })
  return { ...wanted, dryRun: wanted.dryRun || (query.dryRun ?? []).includes('All') }
}
