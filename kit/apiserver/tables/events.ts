/**
 * Events in one line: both forms, the core one and that of events.k8s.io, which names the same things differently.
 *
 * Source: kubernetes `pkg/printers/internalversion/printers.go`, `printEvent`; `pkg/apis/events/v1/conversion.go`.
 */
import type { CoreEvent, Event } from '../../api/objects.ts'
import { age } from './ages.ts'
import { type Cell, type Column, column, nameColumn, type Printer, wideColumn } from './columns.ts'

const columns: readonly Column[] = [
  column('Last Seen', 'Time since it happened last.'),
  column('Type', 'Normal or Warning.'),
  column('Reason', 'Why, in one word, for programs.'),
  column('Object', 'What it is about.'),
  wideColumn('Subobject', 'The part of the object that it is about.'),
  wideColumn('Source', 'Who reports it.'),
  column('Message', 'What happened, for people.'),
  wideColumn('First Seen', 'Time since it happened first.'),
  wideColumn('Count', 'How often it happened.'),
  { ...nameColumn, priority: 1 },
]

export const coreEventPrinter: Printer<CoreEvent> = { columns, cells: coreEventCells }

export const eventPrinter: Printer<Event> = {
  columns,
  cells: (event, nowMs) => coreEventCells(toCoreEvent(event), nowMs),
}

function coreEventCells(event: CoreEvent, nowMs: number): readonly Cell[] {
  const firstSeen = age(event.firstTimestamp ?? event.eventTime, nowMs)
  const lastSeen = event.lastTimestamp ? age(event.lastTimestamp, nowMs) : firstSeen
  const { kind = '', name, fieldPath = '' } = event.involvedObject ?? {}
  return [
    event.series ? age(event.series.lastObservedTime, nowMs) : lastSeen,
    event.type ?? '',
    event.reason ?? '',
    name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase(),
    fieldPath,
    sourceText(event),
    (event.message ?? '').trim(),
    firstSeen,
    // An event that was reported once has no count in the newer form.
    event.series?.count ?? (event.count || 1),
    event.metadata?.name ?? '',
  ]
}

/** "kubelet, node-1" */
function sourceText(event: CoreEvent): string {
  const component = event.source?.component || event.reportingComponent || ''
  const instance = event.source?.host || event.reportingInstance
  return instance ? `${component}, ${instance}` : component
}

function toCoreEvent(event: Event): CoreEvent {
  return {
    metadata: event.metadata ?? {},
    involvedObject: event.regarding ?? {},
    ...(event.type !== undefined && { type: event.type }),
    ...(event.reason !== undefined && { reason: event.reason }),
    ...(event.note !== undefined && { message: event.note }),
    ...(event.deprecatedSource && { source: event.deprecatedSource }),
    ...(event.deprecatedFirstTimestamp && { firstTimestamp: event.deprecatedFirstTimestamp }),
    ...(event.deprecatedLastTimestamp && { lastTimestamp: event.deprecatedLastTimestamp }),
    ...(event.deprecatedCount !== undefined && { count: event.deprecatedCount }),
    ...(event.eventTime && { eventTime: event.eventTime }),
    ...(event.series && { series: event.series }),
    ...(event.reportingController !== undefined && { reportingComponent: event.reportingController }),
    ...(event.reportingInstance !== undefined && { reportingInstance: event.reportingInstance }),
  }
}
