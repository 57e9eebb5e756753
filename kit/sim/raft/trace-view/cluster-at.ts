/**
 * What every member knew and had on its disk at one event of a trace: rebuilt by reading the trace from its beginning.
 */
import type { Entry, MemberId, RaftStatus, SnapshotMetadata } from '../../../raft/messages.ts'
import type { RaftTrace, TraceEvent } from '../../raft-trace.ts'

export interface MemberView {
  readonly id: MemberId
  isUp: boolean
  /** What it knew last; undefined before it first started. */
  status: RaftStatus | undefined
  disk: DiskView
  appliedIndex: number
}

export interface DiskView {
  term: number
  votedFor: MemberId | null
  snapshot: SnapshotMetadata | undefined
  /** By rising index, without gaps; those that a snapshot covers are gone. */
  entries: readonly Entry[]
}

/** The cluster right after `events[place]`. */
export function clusterAt({ members, events }: RaftTrace, place: number): MemberView[] {
  const views = new Map(members.map((id) => [id, unstarted(id)]))
  for (const event of events.slice(0, place + 1)) {
    const view = 'member' in event ? views.get(event.member) : undefined
    if (view) follow(view, event)
  }
  return [...views.values()]
}

function unstarted(id: MemberId): MemberView {
  const disk = { term: 0, votedFor: null, snapshot: undefined, entries: [] }
  return { id, isUp: false, status: undefined, disk, appliedIndex: 0 }
}

function follow(view: MemberView, event: TraceEvent): void {
  if (event.kind === 'start') view.isUp = true
  if (event.kind === 'crash') {
    view.isUp = false
    view.status = undefined
    view.appliedIndex = view.disk.snapshot?.index ?? 0
  }
  if (event.kind === 'state') {
    view.isUp = true
    view.status = event.status
  }
  if (event.kind === 'apply') view.appliedIndex = event.entry.index
  if (event.kind === 'persist') view.disk = written(view.disk, event)
}

function written(disk: DiskView, event: Extract<TraceEvent, { kind: 'persist' }>): DiskView {
  const snapshot = event.snapshot ?? disk.snapshot
  const from = event.from ?? Number.POSITIVE_INFINITY
  const kept = disk.entries.filter(({ index }) => index < from && index > (event.snapshot?.index ?? 0))
  return { term: event.term, votedFor: event.votedFor, snapshot, entries: [...kept, ...event.entries] }
}
