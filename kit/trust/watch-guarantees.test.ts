/** Each check is seen to fail when, and only when, its own guarantee is broken. */
import { describe, expect, it } from 'vitest'
import { replayHistory } from './store-history.ts'
import {
  brokenGuarantees,
  type WatchedEvent,
  type WatchRecording,
  type WatchResponse,
  watchGuarantees,
} from './watch-guarantees.ts'

const put = (
  key: string,
  value: string,
  modRevision: number,
  createRevision: number,
  version: number,
): WatchedEvent => ({
  type: 'PUT',
  key,
  modRevision,
  version: { value, createRevision, modRevision, version },
})

/** Revision 4 has two events. */
const { history, problems } = replayHistory([
  put('x', '1', 2, 2, 1),
  put('y', '2', 3, 3, 1),
  put('x', '3', 4, 2, 2),
  put('y', '3', 4, 3, 2),
  { type: 'DELETE', key: 'x', modRevision: 5, version: null },
  put('x', '4', 6, 6, 1),
])
const at = (revision: number) => history.filter(({ modRevision }) => modRevision === revision)

const events = (...some: readonly WatchedEvent[]): WatchResponse => ({
  kind: 'events',
  revision: Math.max(...some.map(({ modRevision }) => modRevision)),
  events: some,
})
const progress = (revision: number): WatchResponse => ({ kind: 'progress', revision, events: [] })
const session = (startRevision: number, ...responses: WatchResponse[]) => ({ startRevision, responses })
const recording = (...sessions: WatchRecording['sessions']): WatchRecording => ({
  name: 'w',
  filters: [],
  prevKv: true,
  sessions,
})

const right = recording(
  session(2, events(...at(2), ...at(3)), progress(3), events(...at(4))),
  session(5, events(...at(5)), events(...at(6)), progress(6)),
)

it('the example is in order', () => {
  expect(problems).toEqual([])
  expect(brokenGuarantees(right, history)).toEqual([])
})

it('watches with filters, one key or no previous values are held against what they asked for', () => {
  const bare = (some: readonly WatchedEvent[]) => some.map(({ previous, ...event }) => event)
  const puts = history.filter(({ type }) => type === 'PUT')
  const ofX = history.filter(({ key }) => key === 'x')
  const sent = (some: readonly WatchedEvent[]) => [session(2, ...some.map((event) => events(event)))]
  const twoTogether = [
    session(2, events(...bare(at(2))), events(...bare(at(3))), events(...bare(at(4))), events(...bare(at(6)))),
  ]
  expect(puts).toHaveLength(5)
  expect(brokenGuarantees({ ...right, filters: ['NODELETE'], prevKv: false, sessions: twoTogether }, history)).toEqual(
    [],
  )
  expect(brokenGuarantees({ ...right, key: 'x', sessions: sent(ofX) }, history)).toEqual([])
  expect(brokenGuarantees({ ...right, key: 'x', filters: ['NOPUT'], sessions: sent(at(5)) }, history)).toEqual([])
})

const wrongPrevious = { ...at(6)[0]!, previous: at(2)[0]!.version }
const otherValue = put('y', 'other', 3, 3, 1)
const doctored: [string, WatchRecording, Record<string, RegExp>][] = [
  [
    'a revision is skipped',
    recording(session(2, events(...at(2)), events(...at(4)))),
    { reliable: /^PUT y at revision 3 was left out, and the watch went on$/ },
  ],
  [
    'a revision is skipped on reconnection',
    recording(session(2, events(...at(2), ...at(3))), session(4, events(...at(5)))),
    {
      reliable: /^PUT x at revision 4 was left out/,
      resumable:
        /^asked to go on from revision 4, it began with DELETE x at revision 5 instead of PUT x at revision 4$/,
    },
  ],
  [
    'an event comes again after reconnection',
    recording(session(2, events(...at(2), ...at(3))), session(4, events(...at(3)), events(...at(4)))),
    {
      ordered: /^PUT y at revision 3 was sent to a watch that begins at revision 4$/,
      unique: /^PUT y at revision 3 was sent twice$/,
      resumable: /began with PUT y at revision 3/,
    },
  ],
  [
    'events change places',
    recording(session(2, events(...at(3), ...at(2)))),
    {
      ordered: /^PUT x at revision 2 was sent after PUT y at revision 3$/,
      resumable: /began with PUT y at revision 3/,
    },
  ],
  [
    'a revision comes in two responses',
    recording(session(2, events(...at(2), ...at(3), at(4)[0]!), events(at(4)[1]!))),
    { atomic: /^revision 4 was sent in pieces$/ },
  ],
  [
    'half of a revision is left out',
    recording(session(2, events(...at(2), ...at(3), at(4)[0]!), events(...at(5)))),
    { reliable: /^PUT y at revision 4 was left out/ },
  ],
  [
    'a notice lies',
    recording(session(2, events(...at(2)), progress(4), events(...at(3)), events(...at(4)), events(...at(5)))),
    { bookmarkable: /^PUT y at revision 3 came after a notice that all up to revision 4 had been sent$/ },
  ],
  [
    'a notice covers what is never sent',
    recording(session(2, events(...at(2), ...at(3)), progress(4))),
    { reliable: /^PUT x at revision 4 was left out/ },
  ],
  [
    'a response is older than its events',
    recording(session(2, { ...events(...at(2), ...at(3)), revision: 2 })),
    { bookmarkable: /^PUT y at revision 3 came in a response of revision 2, before it happened$/ },
  ],
  [
    'a previous value is of another time',
    recording(session(6, events(wrongPrevious))),
    { 'previous values': /^PUT x at revision 6 says that before it there was 1, .* there was nothing$/ },
  ],
  [
    'a previous value is missing',
    recording(session(5, events({ ...at(5)[0]!, previous: null }))),
    { 'previous values': /says that before it there was nothing; there was 3, version 2/ },
  ],
  [
    'a previous value that nobody asked for',
    { ...recording(session(5, events(...at(5)))), prevKv: false },
    { 'previous values': /nobody asked for/ },
  ],
  [
    'a filter is forgotten',
    { ...recording(session(5, events(...at(5)))), filters: ['NODELETE'] },
    { filtered: /^DELETE x at revision 5 was not asked for$/ },
  ],
  [
    'an event of another key',
    { ...recording(session(2, events(...at(2)), events({ ...at(3)[0]!, previous: null }))), key: 'x' },
    { filtered: /^PUT y at revision 3 was not asked for$/ },
  ],
  [
    'an event that never happened',
    recording(session(2, events(...at(2), otherValue))),
    { true: /^PUT y at revision 3 \(other, .*\) never happened; what did is PUT y at revision 3 \(2, / },
  ],
]

describe.each(doctored)('when %s', (_what, wrong, expected) => {
  it.each(watchGuarantees)('"$name" says so, if it is its business', ({ name, check }) => {
    const found = check(wrong, history)
    const pattern = expected[name]
    if (pattern) expect(found[0]).toMatch(pattern)
    else expect(found).toEqual([])
  })
})

it('tells which watch broke which guarantee, and what that is', () => {
  const [, skipped] = doctored[0]!
  expect(brokenGuarantees(skipped, history)).toEqual([
    'The watch "w" is not reliable: PUT y at revision 3 was left out, and the watch went on. No event between those that were sent is left out, whatever connections were lost.',
  ])
})
