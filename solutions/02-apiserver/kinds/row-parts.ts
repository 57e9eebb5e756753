/** What rows of the registry are made of. */
import type { ApiObject } from '#kit/api/objects.ts'
import type { KindRow, SubresourceRow, Verb } from '#kit/contracts/apiserver.ts'

export const ALL_VERBS: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]

/** A kind that is stored under its plural, and takes every verb: most of them. */
export function plainRow(resource: KindRow['resource'], particulars: Partial<Omit<KindRow, 'resource'>> = {}): KindRow {
  return { resource, verbs: ALL_VERBS, subresources: [], storagePrefix: resource.plural, ...particulars }
}

/** A kind whose status has a door of its own. `emptyStatus` is what a new object's status says. */
export function rowWithStatus(
  resource: KindRow['resource'],
  emptyStatus: Readonly<Record<string, unknown>>,
  particulars: Partial<Omit<KindRow, 'resource'>> = {},
): KindRow {
  return plainRow(resource, {
    subresources: [own(resource, 'status')],
    prepareForCreate(draft) {
      draft.status = { ...emptyStatus }
    },
    prepareForUpdate: keepStatus,
    ...particulars,
  })
}

/** A subresource that carries its parent's kind: status, finalize. */
export function own(resource: KindRow['resource'], name: string, verbs: readonly Verb[] = ['get', 'patch', 'update']) {
  const { group, version, kind } = resource
  return { name, verbs, kind: { group, version, kind } } satisfies SubresourceRow
}

export function other(
  name: string,
  verbs: readonly Verb[],
  group: string,
  version: string,
  kind: string,
): SubresourceRow {
  return { name, verbs, kind: { group, version, kind } }
}

/** Every method is passed on. */
export function proxy(optionsKind: string): SubresourceRow {
  return other('proxy', ['create', 'delete', 'get', 'patch', 'update'], '', 'v1', optionsKind)
}

export const scale = other('scale', ['get', 'patch', 'update'], 'autoscaling', 'v1', 'Scale')

/** Before a creation most kinds lose their status: it is the controllers' to write. */
export function dropStatus(draft: ApiObject): void {
  draft.status = {}
}

/** An update of the main resource leaves the status alone. */
export function keepStatus(draft: ApiObject, old: ApiObject): void {
  if (old.status === undefined) delete draft.status
  else draft.status = old.status
}

/** The text of a field, or "": `textOf(object, 'status', 'phase')`. */
export function textOf(object: ApiObject, ...path: string[]): string {
  const value = path.reduce<unknown>((at, field) => (at as Record<string, unknown> | undefined)?.[field], object)
  return typeof value === 'string' ? value : ''
}
