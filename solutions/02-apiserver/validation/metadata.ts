/**
 * Metadata is checked the same way for every kind.
 *
 * Source: apimachinery `pkg/api/validation/objectmeta.go`.
 */
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { FieldError, NameFormat } from '#kit/contracts/apiserver.ts'
import { forbiddenField, goValue, invalidValue, required, tooLong } from './field-errors.ts'
import { labelValueProblem, nameProblem, qualifiedNameProblem } from './names.ts'

/** Of all annotations together. An object has to fit into etcd, and to travel to everybody who watches. */
const ANNOTATIONS_MAX_BYTES = 256 * 1024

/**
 * What is wrong with an object's metadata, all of it:
 * - no name: `metadata.name` "Required value: name or generateName is required"; a bad one: invalid, with the problem that
 *   `nameProblem` tells;
 * - label keys (`metadata.labels`, invalid, showing the key) and label values (`metadata.labels`, invalid, showing the
 *   value); annotation keys (`metadata.annotations`), in lower case; annotations whose keys and values together have more
 *   than `ANNOTATIONS_MAX_BYTES` (`tooLong`);
 * - owners need an apiVersion, kind, name and uid (`metadata.ownerReferences[0].uid`: "uid must not be empty", invalid).
 *
 * @lab 2.5 Validate metadata
 */
export function validateMetadata(object: ApiObject, nameFormat?: NameFormat): FieldError[] {
  const { name, labels = {}, annotations = {}, ownerReferences = [] } = object.metadata ?? {}
  const errors: FieldError[] = []
  const complain = (field: string, value: string, problem: string | undefined) => {
    if (problem) errors.push(invalidValue(field, JSON.stringify(value), problem))
  }

  if (!name) errors.push(required('metadata.name', 'name or generateName is required'))
  else complain('metadata.name', name, nameProblem(name, nameFormat))

  for (const [key, value] of Object.entries(labels)) {
    complain('metadata.labels', key, qualifiedNameProblem(key))
    complain('metadata.labels', value, labelValueProblem(value))
  }
  for (const key of Object.keys(annotations)) {
    complain('metadata.annotations', key, qualifiedNameProblem(key.toLowerCase()))
  }
  if (Buffer.byteLength(Object.entries(annotations).flat().join('')) > ANNOTATIONS_MAX_BYTES) {
    errors.push(tooLong('metadata.annotations', ANNOTATIONS_MAX_BYTES))
  }
  for (const [i, owner] of ownerReferences.entries()) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (!owner[field]) complain(`metadata.ownerReferences[${i}].${field}`, '', `${field} must not be empty`)
    }
  }
  return errors
}

/**
 * An object that is being deleted takes no new finalizers: whoever adds one now could keep it for ever after its
 * deletion was promised. `metadata.finalizers` is then forbidden: "no new finalizers can be added if the object is being
 * deleted, found new finalizers []string{"x"}".
 *
 * @lab 2.5 Refuse finalizers that come too late
 */
export function validateMetadataUpdate(object: ApiObject, old: Stored<ApiObject>): FieldError[] {
  if (!old.metadata.deletionTimestamp) return []
  const before = old.metadata.finalizers ?? []
  const added = (object.metadata?.finalizers ?? []).filter((finalizer) => !before.includes(finalizer))
  if (added.length === 0) return []
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${goValue(added)}`
  return [forbiddenField('metadata.finalizers', detail)]
}
