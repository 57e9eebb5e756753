/**
 * The three kinds of patch, the strategic one only as far as components send it: lists with a well-known key are merged
 * item by item, others are replaced. Lab 2 has the real rules.
 */
import { applyPatch as applyJsonPatch, type Operation } from 'rfc6902'
import { StatusError } from '../../api/status-error.ts'

/** Which field identifies an item of a list. Source: `patchMergeKey` tags of k8s.io/api. */
const MERGE_KEYS: Record<string, string> = {
  conditions: 'type',
  addresses: 'type',
  containers: 'name',
  initContainers: 'name',
  env: 'name',
  volumes: 'name',
  ownerReferences: 'uid',
}

export function applyPatch(target: object, contentType: string, patch: unknown): object {
  const copy = structuredClone(target)
  switch (contentType) {
    case 'application/json-patch+json': {
      const failure = applyJsonPatch(copy, patch as Operation[]).find((error) => error !== null)
      if (failure) throw new StatusError(422, 'Invalid', `the server rejected our request: ${failure.message}`)
      return copy
    }
    case 'application/merge-patch+json':
      return merge(copy, patch, false) as object
    case 'application/strategic-merge-patch+json':
      return merge(copy, patch, true) as object
    default:
      throw new StatusError(415, 'UnsupportedMediaType', `unsupported patch type ${contentType}`)
  }
}

type Fields = Record<string, unknown>

/** RFC 7386, and with `strategic` the merging of keyed lists. */
function merge(target: unknown, patch: unknown, strategic: boolean): unknown {
  if (!isFields(patch)) return patch
  const merged: Fields = isFields(target) ? { ...target } : {}
  for (const [field, value] of Object.entries(patch)) {
    if (strategic && field.startsWith('$')) continue
    if (value === null) delete merged[field]
    else if (strategic && Array.isArray(value)) merged[field] = mergeList(merged[field], value, field)
    else merged[field] = merge(merged[field], value, strategic)
  }
  return merged
}

function mergeList(target: unknown, patch: readonly unknown[], field: string): unknown[] {
  const key = MERGE_KEYS[field]
  if (field === 'finalizers') return [...new Set([...((target as unknown[]) ?? []), ...patch])]
  if (!key || !patch.every(isFields)) return [...patch]
  const items = Array.isArray(target) ? (target as Fields[]).slice() : []
  for (const change of patch as Fields[]) {
    const at = items.findIndex((item) => item[key] === change[key])
    if (change.$patch === 'delete') {
      if (at >= 0) items.splice(at, 1)
    } else if (at >= 0) items[at] = merge(items[at], change, true) as Fields
    else items.push(merge({}, change, true) as Fields)
  }
  return items
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
