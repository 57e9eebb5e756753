/**
 * The server-side Table: `kubectl get` asks for rows and columns instead of objects, so that every client shows a kind in
 * the same way without knowing it.
 *
 * Guarantee: a row per item in the list's order, a cell per column; the list's metadata (resourceVersion, continue) is kept.
 * Source: apiserver `pkg/endpoints/handlers/response.go` (`asTable`, `asPartialObjectMetadata`), meta/v1 `Table`.
 */
import type { ApiObject } from '../../api/objects.ts'
import type { Cell, Column, Printer, RowCondition } from './columns.ts'
import { printerFor } from './printers.ts'

/** What goes into each row's `object`: nothing, metadata only (the default), or all of it. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

export interface TableRow {
  readonly cells: readonly Cell[]
  readonly conditions?: readonly RowCondition[]
  readonly object?: object
}

export interface Table {
  readonly kind: 'Table'
  readonly apiVersion: string
  readonly metadata: object
  /** Null in all but the first event of a watch. */
  readonly columnDefinitions: readonly Column[] | null
  readonly rows: readonly TableRow[]
}

export interface TableOptions {
  readonly nowMs: number
  readonly includeObject: IncludeObject
  /** "v1", or "v1beta1" for old clients. */
  readonly tableVersion: string
  readonly withoutColumns?: boolean
}

/** An object, or a list of them (recognised by its `items`). */
type ObjectOrList = ApiObject & { items?: readonly ApiObject[] }

/**
 * @param apiVersion of the items, "apps/v1"
 * @param kind of the items, "Deployment"
 */
export function tableOf(answer: ObjectOrList, apiVersion: string, kind: string, options: TableOptions): Table {
  const printer = printerFor(apiVersion, kind)
  const rows = (answer.items ?? [answer]).map((item) => rowOf(item, printer, options))
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.tableVersion}`,
    metadata: answer.items ? (answer.metadata ?? {}) : { resourceVersion: answer.metadata?.resourceVersion },
    columnDefinitions: options.withoutColumns ? null : printer.columns,
    rows,
  }
}

function rowOf(
  item: ApiObject,
  printer: Printer<object>,
  { nowMs, includeObject, tableVersion }: TableOptions,
): TableRow {
  const conditions = printer.conditions?.(item)
  return {
    cells: printer.cells(item, nowMs),
    ...(conditions && { conditions }),
    ...(includeObject === 'Metadata' && { object: partialObjectMetadata(item, tableVersion) }),
    ...(includeObject === 'Object' && { object: item }),
  }
}

/** The object with everything but its metadata left out. */
export function partialObjectMetadata(object: ApiObject, version = 'v1') {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata ?? {} }
}

export function partialObjectMetadataList(list: ObjectOrList, version = 'v1') {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: list.metadata ?? {},
    items: (list.items ?? []).map((item) => partialObjectMetadata(item, version)),
  }
}
