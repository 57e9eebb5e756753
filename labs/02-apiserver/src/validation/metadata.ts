/**
 * Metadata is checked the same way for every kind.
 *
 * Source: apimachinery `pkg/api/validation/objectmeta.go`.
 */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import type { FieldError, NameFormat } from '#kit/contracts/apiserver.ts'

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
  throw new NotImplemented(
    '2.5',
    'validateMetadata',
    'Validate metadata',
    'labs/02-apiserver/src/validation/metadata.ts',
  )
}

/**
 * An object that is being deleted takes no new finalizers: whoever adds one now could keep it for ever after its
 * deletion was promised. `metadata.finalizers` is then forbidden: "no new finalizers can be added if the object is being
 * deleted, found new finalizers []string{"x"}".
 *
 * @lab 2.5 Refuse finalizers that come too late
 */
export function validateMetadataUpdate(object: ApiObject, old: Stored<ApiObject>): FieldError[] {
  throw new NotImplemented(
    '2.5',
    'validateMetadataUpdate',
    'Refuse finalizers that come too late',
    'labs/02-apiserver/src/validation/metadata.ts',
  )
}
