/**
 * What a printer is: the columns of one kind, and how an object fills them.
 *
 * Columns with priority 1 are the ones that `kubectl get -o wide` adds; the server always sends them all.
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, meta/v1 `TableColumnDefinition`.
 */
import type { ApiObject } from '../../api/objects.ts'

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'boolean' | 'date'
  readonly format: '' | 'name'
  readonly description: string
  readonly priority: 0 | 1
}

export type Cell = string | number | boolean | null

/** Marks a row whose object has come to its end, which lets clients leave it out. */
export interface RowCondition {
  readonly type: 'Completed'
  readonly status: 'True'
  readonly reason: string
  readonly message: string
}

/** Objects may lack fields that their type calls required: old ones, or ones whose validation is lax. */
export interface Printer<T = ApiObject> {
  readonly columns: readonly Column[]
  /** One cell per column. */
  cells(object: T, nowMs: number): readonly Cell[]
  conditions?(object: T): readonly RowCondition[] | undefined
}

export function column(name: string, description: string, type: Column['type'] = 'string'): Column {
  return { name, type, format: '', description, priority: 0 }
}

/** A column that only `-o wide` shows. */
export function wideColumn(name: string, description: string): Column {
  return { ...column(name, description), priority: 1 }
}

export const nameColumn: Column = { ...column('Name', 'The name, unique within its namespace.'), format: 'name' }
export const ageColumn: Column = column('Age', 'Time since the object was created.')

/** What cells say for "there is none". */
export const NONE = '<none>'

/** Up to three items, then how many there are beyond them: "a,b,c + 2 more...". */
export function firstThree(items: readonly string[]): string {
  const shown = items.slice(0, 3).join(',')
  return items.length > 3 ? `${shown} + ${items.length - 3} more...` : shown
}
