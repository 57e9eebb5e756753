/**
 * The whole history of a store, as a watch from its first revision tells it, held against itself and against what clients were told.
 *
 * It makes sense by itself: every revision is there, and each change follows from the one before. It holds every acknowledged write, at the
 * revision that was acknowledged. And it holds nothing that nobody asked for.
 */
import { describeRequest } from './describe-operation.ts'
import { hasChanged, isSame, isWrite, keysOf, type StoreOperation, type Version } from './store-model.ts'
import { describeEvent, type History, type WatchedEvent } from './watch-guarantees.ts'

/** What is wrong with the events themselves; and the events with what was there before, told by replaying them. */
export function replayHistory(events: readonly WatchedEvent[]): { history: History; problems: string[] } {
  const versions = new Map<string, Version>()
  const problems: string[] = []
  let revision = 1
  const history = events.map((event) => {
    const previous = versions.get(event.key) ?? null
    const { modRevision, key, version } = event
    if (modRevision !== revision && modRevision !== revision + 1) {
      problems.push(`after revision ${revision} the history goes on with ${describeEvent(event)}`)
    }
    revision = modRevision
    if (event.type === 'DELETE') {
      if (!previous) problems.push(`${describeEvent(event)} deletes what was not there`)
      versions.delete(key)
    } else {
      const createRevision = previous?.createRevision ?? modRevision
      const expected = { value: version!.value, modRevision, createRevision, version: (previous?.version ?? 0) + 1 }
      if (!isSame(version, expected)) problems.push(`${describeEvent(event)} does not follow from what was there`)
      versions.set(key, version!)
    }
    return { ...event, previous }
  })
  return { history, problems }
}

/** Acknowledged writes that are not in the history as they were acknowledged. */
export function lostWrites(operations: readonly StoreOperation[], history: History): string[] {
  const known = new Map(history.map((event) => [`${event.modRevision} ${event.key}`, event]))
  return operations.flatMap(({ request, answer, client, member }) => {
    if (!answer || !hasChanged(request, answer)) return []
    return keysOf(request).flatMap((key) => {
      const event = known.get(`${answer.revision} ${key}`)
      const value = 'value' in request ? request.value : undefined
      if (event && event.version?.value === value) return []
      const found = event
        ? `what stands there is ${describeEvent(event)} = ${event.version?.value}`
        : 'the store does not know of it'
      return `"${describeRequest(request)}" was acknowledged to ${client} by member ${member} as revision ${answer.revision}, and is lost: ${found}`
    })
  })
}

/** Events that no request explains. */
export function inventedEvents(operations: readonly StoreOperation[], history: History): string[] {
  const writes = operations.filter(({ request }) => isWrite(request))
  const values = new Set(writes.map(({ request }) => ('value' in request ? request.value : undefined)))
  const deletes = writes.filter(({ request }) => request.kind === 'delete')
  const acknowledged = new Set(deletes.map(({ request, answer }) => `${answer?.revision} ${keysOf(request)[0]}`))
  const open = new Set(deletes.filter(({ answer }) => !answer).map(({ request }) => keysOf(request)[0]))
  const seen = new Map<string, number>()
  return history.flatMap((event) => {
    const { type, key, modRevision, version } = event
    if (type === 'DELETE') {
      return acknowledged.has(`${modRevision} ${key}`) || open.has(key)
        ? []
        : `${describeEvent(event)}: nobody deleted it`
    }
    const { value } = version!
    if (!values.has(value)) return `${describeEvent(event)}: nobody wrote ${value}`
    const first = seen.get(value) ?? modRevision
    seen.set(value, first)
    return first === modRevision
      ? []
      : `${value} was written once, and is there at revision ${first} and at ${modRevision}`
  })
}
