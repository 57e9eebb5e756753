/**
 * Whether what clients of the API server were told fits what etcd holds: every write that was acknowledged, every event, every read.
 *
 * Resource versions are etcd's revisions, so all of it has one order, which is known; nothing has to be guessed.
 */
import type { Acknowledged, Sent, WatchSession } from './api-clients.ts'
import type { WatchedEvent } from './watch-guarantees.ts'

/** One change of an object, as etcd tells it. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly name: string
  readonly revision: number
  readonly value: string | undefined
}

/** @param events all of etcd's, from the first revision */
export function changesOf(events: readonly WatchedEvent[], prefix: string): Change[] {
  const values = new Map<string, string | undefined>()
  return events
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ type, key, modRevision, version }): Change => {
      const name = key.slice(prefix.length)
      const isNew = !values.has(name)
      // What is deleted is shown as it was last.
      const value = version
        ? (JSON.parse(version.value) as { data?: { value?: string } }).data?.value
        : values.get(name)
      if (type === 'DELETE') values.delete(name)
      else values.set(name, value)
      return { type: type === 'DELETE' ? 'DELETED' : isNew ? 'ADDED' : 'MODIFIED', name, revision: modRevision, value }
    })
}

/** Acknowledged writes that etcd does not know as they were acknowledged. */
export function lostWrites(acknowledged: readonly Acknowledged[], changes: readonly Change[]): string[] {
  const known = new Map(changes.map((change) => [`${change.name}@${change.revision}`, change]))
  return acknowledged.flatMap(({ what, name, resourceVersion, value }) => {
    const told = `"${what} ${name}" was acknowledged as ${value ?? 'done'} at ${resourceVersion}`
    if (what === 'delete') {
      const next = changes.find((change) => change.name === name && change.revision > resourceVersion)
      return next?.type === 'DELETED' ? [] : `${told}, and what follows in etcd is ${describe(next)}`
    }
    const change = known.get(`${name}@${resourceVersion}`)
    return change && change.type !== 'DELETED' && change.value === value
      ? []
      : `${told}; in etcd there is ${describe(change)}`
  })
}

/** Answers older than what had been acknowledged about the same object before they were asked for. */
export function staleAnswers(acknowledged: readonly Acknowledged[]): string[] {
  // A deletion's own revision is not told, only that of what it deleted; that is a lower bound, and holds as one.
  return acknowledged.flatMap((later) => {
    const earlier = acknowledged.find(
      ({ name, answeredAt, resourceVersion }) =>
        name === later.name && answeredAt < later.askedAt && resourceVersion > later.resourceVersion,
    )
    if (!earlier) return []
    return `"${later.what} ${later.name}" was answered with ${later.resourceVersion}, after "${earlier.what}" with ${earlier.resourceVersion} had been`
  })
}

/** Where a watcher was not shown what was there, and sent exactly the changes since, each once and in order. */
export function badWatch(sessions: readonly WatchSession[], changes: readonly Change[]): string[] {
  return sessions.flatMap((session, index) => {
    const isLast = index === sessions.length - 1
    return [...badList(session, changes), ...badEvents(session, changes, isLast)]
  })
}

function badList({ from, listed }: WatchSession, changes: readonly Change[]): string[] {
  const there = new Map<string, string | undefined>()
  for (const { type, name, value, revision } of changes) {
    if (revision > from) break
    if (type === 'DELETED') there.delete(name)
    else there.set(name, value)
  }
  const text = (values: WatchSession['listed']) =>
    [...values]
      .map(([name, value]) => `${name}=${value}`)
      .sort()
      .join()
  return text(there) === text(listed) ? [] : [`a list at ${from} showed ${text(listed)}, instead of ${text(there)}`]
}

/** A session that was broken off may lack the end, not the middle. */
function badEvents({ from, sent }: WatchSession, changes: readonly Change[], isLast: boolean): string[] {
  const due = changes.filter(({ revision }) => revision > from)
  const at = Array.from({ length: isLast ? Math.max(due.length, sent.length) : sent.length }, (_, index) => index).find(
    (index) => !isSame(sent[index], due[index]),
  )
  if (at === undefined) return []
  const { type, name, resourceVersion, value } = sent[at] ?? {}
  const instead = type ? `${type} ${name} = ${value} at ${resourceVersion}` : 'nothing'
  return [`after ${at} of ${due.length} events a watch was sent ${instead}, instead of ${describe(due[at])}`]
}

function isSame(event: Sent | undefined, change: Change | undefined): boolean {
  if (!event || !change || event.resourceVersion !== change.revision) return false
  return event.type === change.type && event.name === change.name && event.value === change.value
}

function describe(change: Change | undefined): string {
  return change ? `${change.type} ${change.name} = ${change.value} at ${change.revision}` : 'nothing'
}
