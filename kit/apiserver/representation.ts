/**
 * Turns the object of an answer into the form that was negotiated: itself, a Table, or its metadata alone.
 *
 * Source: apiserver `pkg/endpoints/handlers/response.go`, `doTransformObject`.
 */
import type { ApiObject } from '../api/objects.ts'
import { apiVersionOf } from '../api/resources.ts'
import { StatusError } from '../api/status-error.ts'
import type { KindRow } from '../contracts/apiserver.ts'
import type { Representation } from './negotiation.ts'
import { type IncludeObject, partialObjectMetadata, partialObjectMetadataList, tableOf } from './tables/table.ts'

export interface RepresentationOptions {
  /** The query parameter. */
  readonly includeObject?: string | undefined
  /** In a watch, only the first Table names its columns. */
  readonly withoutColumns?: boolean
  readonly nowMs: number
}

export function represent(
  object: ApiObject,
  row: KindRow,
  { as, version }: Representation,
  { includeObject, withoutColumns = false, nowMs }: RepresentationOptions,
): ApiObject {
  if (as === 'Table') {
    // Subresources such as scale carry a kind that is not the row's.
    const isRowsKind = Array.isArray(object.items) || object.kind === row.resource.kind
    const apiVersion = isRowsKind ? apiVersionOf(row.resource) : (object.apiVersion ?? '')
    const kind = isRowsKind ? row.resource.kind : (object.kind ?? '')
    const include = parseIncludeObject(includeObject)
    return {
      ...tableOf(object, apiVersion, kind, { nowMs, includeObject: include, tableVersion: version, withoutColumns }),
    }
  }
  if (as === 'PartialObjectMetadata') {
    return Array.isArray(object.items)
      ? partialObjectMetadataList(object, version)
      : partialObjectMetadata(object, version)
  }
  return object
}

function parseIncludeObject(value: string | undefined): IncludeObject {
  if (!value) return 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  throw new StatusError(
    400,
    'BadRequest',
    `Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`,
  )
}
