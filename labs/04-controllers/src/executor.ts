/**
 * Performs what a reconcile decided, through the API. Given. The only code of the controllers that writes.
 *
 * Actions run in order, those of a `together` at once; the first failure ends the run and is thrown, so that the
 * control loop looks again. Two answers of the server are no failure, because the world is already as it was wanted:
 * deleting or changing what is gone, and creating into a namespace that is being deleted.
 */
import type { Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import { type EventRecorder, eventSubjectOf } from '#kit/client/event-recorder.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Action, AnyObject, EventNote, Write } from '#kit/contracts/controllers.ts'
import { describeError } from '#kit/contracts/log.ts'

/** Told about each write's fate, for instance to count expectations down. */
export type Observer = (write: Write, outcome: { stored?: Stored<AnyObject> } | { error: unknown }) => void

export interface Executor {
  /** Rejects with the first failure. */
  perform(actions: readonly Action[], observe?: Observer): Promise<void>
}

export function createExecutor(client: ApiClient, events: EventRecorder): Executor {
  const say = ({ about, type, reason, message }: EventNote) =>
    events.record(eventSubjectOf(about), type, reason, message)

  async function write(action: Write, observe: Observer): Promise<void> {
    try {
      const stored = await send(client, action)
      observe(action, stored ? { stored } : {})
      if (action.onSuccess) say(fill(action.onSuccess, { name: stored?.metadata.name ?? '' }))
    } catch (error) {
      observe(action, { error })
      if (isAlreadySo(action, error)) return
      const note = 'onFailure' in action ? action.onFailure : undefined
      if (note) say(fill(note, { error: describeError(error) }))
      throw error
    }
  }

  return {
    async perform(actions, observe = () => {}) {
      for (const action of actions) {
        if (action.do === 'note') say(action.note)
        else if (action.do === 'together') await all(action.writes.map((one) => write(one, observe)))
        else await write(action, observe)
      }
    },
  }
}

function send(client: ApiClient, action: Write): Promise<Stored<AnyObject> | undefined> {
  const resource = resources[action.resource]
  switch (action.do) {
    case 'create':
      return client.create<AnyObject>(resource, action.object)
    case 'update':
      return client.update<AnyObject>(resource, action.object, action.subresource)
    case 'patch':
      return client.patch<AnyObject>(resource, action, action.type, action.patch)
    case 'delete':
      return client.delete(resource, action, action.options).then(() => undefined)
  }
}

function isAlreadySo(action: Write, error: unknown): boolean {
  switch (action.do) {
    case 'delete':
      // Conflict: the precondition failed, so the object with that name is another one now.
      return (
        hasReason(error, 'NotFound') || (hasReason(error, 'Conflict') && action.options?.preconditions !== undefined)
      )
    case 'patch':
    case 'update':
      return hasReason(error, 'NotFound')
    case 'create':
      return hasReason(error, 'Forbidden') && error.message.includes('because it is being terminated')
  }
}

/** Waits for all, even after one has failed: their observers must have been told before the next look at the world. */
async function all(writes: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(writes)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed) throw failed.reason
}

function fill(note: EventNote, words: Record<string, string>): EventNote {
  return { ...note, message: note.message.replace(/\{(\w+)\}/g, (placeholder, word) => words[word] ?? placeholder) }
}
