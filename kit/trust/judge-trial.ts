/**
 * Whether everything that was recorded in a trial fits together: what clients were told, what watchers were sent, and what members hold.
 */
import type { TrialRecord } from './etcd-trial.ts'
import { assertLinearizable } from './explain-history.ts'
import { inventedEvents, lostWrites, replayHistory } from './store-history.ts'
import type { StoreAnswer } from './store-model.ts'
import { brokenGuarantees } from './watch-guarantees.ts'

/** Throws with everything that is wrong. */
export function judgeTrial({ operations, watches, differences, history: events, story }: TrialRecord): void {
  assertLinearizable(operations, story)
  const { history, problems } = replayHistory(events)
  const found = [
    ...problems,
    ...lostWrites(operations, history),
    ...inventedEvents(operations, history),
    ...watches.flatMap((watch) => brokenGuarantees(watch, history)),
    ...differences,
  ]
  if (found.length === 0) return
  const more = found.length > 10 ? `\n- and ${found.length - 10} more` : ''
  throw new Error(
    `${found
      .slice(0, 10)
      .map((problem) => `- ${problem}`)
      .join('\n')}${more}\n${story}`,
  )
}

/** What one member had at some time. */
export interface Standing {
  readonly who: string
  readonly hash: number
  readonly found: StoreAnswer['found']
}

/** Where members that should be equal are not. */
export function differencesOf([first, ...others]: readonly Standing[]): string[] {
  const keys = (found: StoreAnswer['found']) =>
    Object.entries(found).map(([key, version]) => `${key}@${version?.modRevision}`)
  return others.flatMap(({ who, hash, found }) => {
    const differs = `${who} differs from ${first!.who}`
    if (keys(found).join() !== keys(first!.found).join())
      return `${differs}: it has ${keys(found)}, not ${keys(first!.found)}`
    return hash === first!.hash ? [] : `${differs}: at one revision, its hash is ${hash}, not ${first!.hash}`
  })
}
