/**
 * What watchers may rely on, each guarantee a check of its own that says what it found.
 *
 * A recording is what one client was sent, in order, over all the connections that it had to make. It is compared with the whole history of
 * the store, as a healthy member tells it afterwards.
 *
 * Source: etcd, "Watch API guarantees" (https://etcd.io/docs/v3.5/learning/api_guarantees/); etcd `tests/robustness/validate/watch.go`.
 */
import { isSame, type Version } from './store-model.ts'

export interface WatchedEvent {
  readonly type: 'PUT' | 'DELETE'
  readonly key: string
  readonly modRevision: number
  /** Of a put. */
  readonly version: Version | null
  /** Missing: the answer did not tell. Null: there was nothing before. */
  readonly previous?: Version | null
}

export interface WatchResponse {
  readonly kind: 'events' | 'progress'
  /** The header's: the store's revision when it was sent; of a progress notice, how far the watcher has got. */
  readonly revision: number
  readonly events: readonly WatchedEvent[]
}

/** One connection, to whichever member. */
export interface WatchSession {
  /** The first revision asked for. */
  readonly startRevision: number
  readonly responses: readonly WatchResponse[]
}

export interface WatchRecording {
  readonly name: string
  /** Undefined: all keys. */
  readonly key?: string
  readonly filters: readonly ('NOPUT' | 'NODELETE')[]
  readonly prevKv: boolean
  readonly sessions: readonly WatchSession[]
}

/** All changes, in order, each with what was there before. */
export type History = readonly WatchedEvent[]

export interface WatchGuarantee {
  readonly name: string
  readonly rule: string
  /** What was found wrong; nothing, if the guarantee was kept. */
  check(recording: WatchRecording, history: History): string[]
}

export const watchGuarantees: readonly WatchGuarantee[] = [
  {
    name: 'ordered',
    rule: 'Events are ordered by revision; an event never appears on a watch if it precedes one that was posted.',
    check: ({ sessions }) =>
      sessions.flatMap(({ startRevision, responses }) => disorder(eventsOf(responses), startRevision)),
  },
  {
    name: 'unique',
    rule: 'An event never appears on a watch twice.',
    check: (recording) => repeated(allEvents(recording).map(describeEvent)).map((event) => `${event} was sent twice`),
  },
  {
    name: 'atomic',
    rule: 'All events of a revision arrive together: no response holds a part of them.',
    check: ({ sessions }) => sessions.flatMap(({ responses }) => splits(responses)),
  },
  {
    name: 'reliable',
    rule: 'No event between those that were sent is left out, whatever connections were lost.',
    check: (recording, history) => missing(recording, history),
  },
  {
    name: 'resumable',
    rule: 'A watch taken up again after the last revision it had begins with the next one.',
    check: (recording, history) => recording.sessions.flatMap((session) => badBeginning(recording, session, history)),
  },
  {
    name: 'bookmarkable',
    rule: 'A progress notice of a revision means that all events up to it have been sent.',
    check: ({ sessions }) => sessions.flatMap(({ responses }) => lies(responses)),
  },
  {
    name: 'previous values',
    rule: 'An event tells the key as it was just before, when the watch asked for that.',
    check: (recording, history) => wrongPrevious(recording, history),
  },
  {
    name: 'filtered',
    rule: 'A watch gets only what it asked for.',
    check: (recording) =>
      allEvents(recording)
        .filter((event) => !isWanted(recording, event))
        .map((event) => `${describeEvent(event)} was not asked for`),
  },
  {
    name: 'true',
    rule: 'Every event happened, exactly as it was told.',
    check: (recording, history) => untrue(recording, history),
  },
]

/** All that a recording has wrong, each with the guarantee it breaks. */
export function brokenGuarantees(recording: WatchRecording, history: History): string[] {
  return watchGuarantees.flatMap(({ name, rule, check }) => {
    const [first, ...more] = check(recording, history)
    if (first === undefined) return []
    const others = more.length > 0 ? ` (and ${more.length} more)` : ''
    return `The watch "${recording.name}" is not ${name}: ${first}${others}. ${rule}`
  })
}

function disorder(events: readonly WatchedEvent[], startRevision: number): string[] {
  return events.flatMap((event, index) => {
    const before = events[index - 1]
    if (event.modRevision < startRevision) {
      return `${describeEvent(event)} was sent to a watch that begins at revision ${startRevision}`
    }
    if (!before || before.modRevision <= event.modRevision) return []
    return `${describeEvent(event)} was sent after ${describeEvent(before)}`
  })
}

/** Revisions of which a response has some events and a later one the others. */
function splits(responses: readonly WatchResponse[]): string[] {
  const revisions = responses.flatMap(({ events }) => [...new Set(events.map(({ modRevision }) => modRevision))])
  return repeated(revisions).map((revision) => `revision ${revision} was sent in pieces`)
}

function missing(recording: WatchRecording, history: History): string[] {
  const sent = new Set(allEvents(recording).map(describeEvent))
  const from = Math.min(...recording.sessions.map(({ startRevision }) => startRevision))
  const to = Math.max(0, ...allEvents(recording).map(({ modRevision }) => modRevision), ...noticesOf(recording))
  return history
    .filter((event) => isWanted(recording, event) && event.modRevision >= from && event.modRevision <= to)
    .filter((event) => !sent.has(describeEvent(event)))
    .map((event) => `${describeEvent(event)} was left out, and the watch went on`)
}

function badBeginning(
  recording: WatchRecording,
  { startRevision, responses }: WatchSession,
  history: History,
): string[] {
  const first = eventsOf(responses).find((event) => isWanted(recording, event))
  const due = history.find((event) => event.modRevision >= startRevision && isWanted(recording, event))
  if (!first || !due || due.modRevision === first.modRevision) return []
  return [
    `asked to go on from revision ${startRevision}, it began with ${describeEvent(first)} instead of ${describeEvent(due)}`,
  ]
}

function lies(responses: readonly WatchResponse[]): string[] {
  let noticed = 0
  return responses.flatMap(({ kind, revision, events }) => {
    if (kind === 'progress') noticed = Math.max(noticed, revision)
    const late = events.filter(({ modRevision }) => modRevision <= noticed)
    const early = events.filter(({ modRevision }) => modRevision > revision)
    return [
      ...late.map(
        (event) => `${describeEvent(event)} came after a notice that all up to revision ${noticed} had been sent`,
      ),
      ...early.map((event) => `${describeEvent(event)} came in a response of revision ${revision}, before it happened`),
    ]
  })
}

function wrongPrevious(recording: WatchRecording, history: History): string[] {
  const known = new Map(history.map((event) => [describeEvent(event), event.previous ?? null]))
  return allEvents(recording).flatMap((event) => {
    const { previous = null } = event
    if (!recording.prevKv) return previous ? `${describeEvent(event)} tells a previous value that nobody asked for` : []
    const expected = known.get(describeEvent(event))
    if (expected === undefined || isSame(previous, expected)) return []
    return `${describeEvent(event)} says that before it there was ${describeVersion(previous)}; there was ${describeVersion(expected)}`
  })
}

function untrue(recording: WatchRecording, history: History): string[] {
  const known = new Map(history.map((event) => [`${event.modRevision} ${event.key}`, event]))
  return allEvents(recording).flatMap((event) => {
    const real = known.get(`${event.modRevision} ${event.key}`)
    if (real && real.type === event.type && isSame(event.version, real.version)) return []
    return `${describeEvent(event)} (${describeVersion(event.version)}) never happened${real ? `; what did is ${describeEvent(real)} (${describeVersion(real.version)})` : ''}`
  })
}

/** Whether a watch asked for an event. */
export function isWanted({ key, filters }: WatchRecording, event: WatchedEvent): boolean {
  return (key === undefined || key === event.key) && !filters.includes(event.type === 'PUT' ? 'NOPUT' : 'NODELETE')
}

function eventsOf(responses: readonly WatchResponse[]): readonly WatchedEvent[] {
  return responses.flatMap(({ events }) => events)
}

export function allEvents({ sessions }: WatchRecording): readonly WatchedEvent[] {
  return sessions.flatMap(({ responses }) => eventsOf(responses))
}

/** Revisions up to which everything was said to have been sent. */
function noticesOf({ sessions }: WatchRecording): number[] {
  const responses = sessions.flatMap((session) => session.responses)
  return responses.filter(({ kind }) => kind === 'progress').map(({ revision }) => revision)
}

function repeated<Item>(items: readonly Item[]): Item[] {
  const seen = new Set<Item>()
  return items.filter((item) => seen.size === seen.add(item).size)
}

export function describeEvent({ type, key, modRevision }: WatchedEvent): string {
  return `${type} ${key} at revision ${modRevision}`
}

function describeVersion(version: Version | null): string {
  if (!version) return 'nothing'
  return `${version.value}, version ${version.version}, of revision ${version.modRevision}, created at ${version.createRevision}`
}
