/** An object's entries, and the object without them. */
import type { ApiObject, ObjectMeta } from '#kit/api/objects.ts'
import type { FieldsEntry } from './entries.ts'

/** Of a stored object, whose entries can be trusted. */
export function entriesOf({ metadata }: ApiObject): readonly FieldsEntry[] {
  return (metadata?.managedFields ?? []) as readonly unknown[] as readonly FieldsEntry[]
}

export function withoutEntries(object: ApiObject): ApiObject {
  return { ...object, metadata: withEntries(object.metadata, []) }
}

/** They come last, where they are in the way of nobody who reads the object. */
export function withEntries(metadata: ObjectMeta | undefined, entries: readonly FieldsEntry[]): ObjectMeta {
  const { managedFields: _, ...others } = metadata ?? {}
  return entries.length > 0 ? { ...others, managedFields: entries as FieldsEntry[] } : others
}
