/** What a trace's events are as things that last: spells of a role, absences, partitions, flights of messages. */
import type { MemberId, Message, Role } from '../../../raft/messages.ts'
import type { RaftTrace } from '../../raft-trace.ts'

export interface Spell {
  readonly member: MemberId
  readonly role: Role | 'down'
  readonly term: number
  readonly fromMs: number
  readonly toMs: number
}

export interface Flight {
  readonly message: Message
  readonly sentMs: number
  /** The place of the sending in the trace, to be selected. */
  readonly sent: number
  /** When it arrived or was lost; still under way at the end of the trace: undefined. */
  readonly endMs: number | undefined
  readonly lost: boolean
}

export interface Parting {
  readonly groups: readonly (readonly MemberId[])[]
  readonly fromMs: number
  readonly toMs: number
}

export interface Timeline {
  readonly endMs: number
  readonly spells: readonly Spell[]
  readonly flights: readonly Flight[]
  readonly partings: readonly Parting[]
}

export function timelineOf(trace: RaftTrace): Timeline {
  const endMs = trace.events.at(-1)?.atMs ?? 0
  return {
    endMs,
    spells: trace.members.flatMap((member) => spellsOf(trace, member, endMs)),
    flights: flightsOf(trace),
    partings: partingsOf(trace, endMs),
  }
}

function spellsOf({ events }: RaftTrace, member: MemberId, endMs: number): Spell[] {
  const spells: Spell[] = []
  let current: Omit<Spell, 'toMs'> | undefined
  const begin = (role: Spell['role'], term: number, fromMs: number) => {
    if (current?.role === role && current.term === term) return
    if (current) spells.push({ ...current, toMs: fromMs })
    current = { member, role, term, fromMs }
  }
  for (const event of events) {
    if (!('member' in event) || event.member !== member) continue
    if (event.kind === 'crash') begin('down', current?.term ?? 0, event.atMs)
    if (event.kind === 'state') begin(event.status.role, event.status.term, event.atMs)
  }
  if (current) spells.push({ ...current, toMs: endMs })
  return spells
}

function flightsOf({ events }: RaftTrace): Flight[] {
  const ends = new Map<number, { atMs: number; lost: boolean }[]>()
  for (const event of events) {
    if (event.kind !== 'arrive' && event.kind !== 'lost') continue
    ends.set(event.id, [...(ends.get(event.id) ?? []), { atMs: event.atMs, lost: event.kind === 'lost' }])
  }
  return events.flatMap((event, sent) => {
    if (event.kind !== 'send') return []
    const { message, atMs: sentMs, id } = event
    const known = ends.get(id) ?? [{ atMs: undefined, lost: false }]
    return known.map((end) => ({ message, sentMs, sent, endMs: end.atMs, lost: end.lost }))
  })
}

/** Whoever is in no group hears nobody, and so is a group of one. */
function partingsOf({ events, members }: RaftTrace, endMs: number): Parting[] {
  const changes = events.filter((event) => event.kind === 'partition' || event.kind === 'heal')
  return changes.flatMap((event, place) =>
    event.kind === 'partition'
      ? [
          {
            groups: [...event.groups, ...alone(event.groups, members)],
            fromMs: event.atMs,
            toMs: changes[place + 1]?.atMs ?? endMs,
          },
        ]
      : [],
  )
}

function alone(groups: Parting['groups'], members: readonly MemberId[]): MemberId[][] {
  return members.filter((id) => !groups.some((group) => group.includes(id))).map((id) => [id])
}
