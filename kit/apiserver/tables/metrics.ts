/** What nodes and pods use. Source: metrics-server `pkg/api/table.go`. */
import type { ApiObject } from '../../api/objects.ts'
import { addQuantities, formatQuantity, parseQuantity } from '../../api/quantity.ts'
import { column, nameColumn, type Printer } from './columns.ts'

interface Used {
  readonly cpu: string
  readonly memory: string
}

interface Metrics extends ApiObject {
  readonly window?: string
  readonly usage?: Used
  readonly containers?: readonly { readonly usage: Used }[]
}

/** NodeMetrics have figures of their own, PodMetrics those of their containers together. */
export const metricsPrinter: Printer<Metrics> = {
  columns: [
    nameColumn,
    column('CPU', 'Cores used, on average over the window.'),
    column('Memory', 'Memory in use at its end.'),
    column('Window', 'How long the use of cpu was measured.'),
  ],
  cells: ({ metadata, usage, containers = [], window = '' }) => {
    const all = usage ? [usage] : containers.map((container) => container.usage)
    return [metadata?.name ?? '', total(all, 'cpu'), total(all, 'memory'), window]
  },
}

function total(all: readonly Used[], what: keyof Used): string {
  const amounts = all.map((usage) => parseQuantity(usage[what]))
  return formatQuantity(amounts.reduce(addQuantities, parseQuantity('0')))
}
