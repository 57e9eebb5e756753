import { expect, it } from 'vitest'
import { inventedEvents, lostWrites, replayHistory } from './store-history.ts'
import type { StoreAnswer, StoreOperation, StoreRequest } from './store-model.ts'
import type { WatchedEvent } from './watch-guarantees.ts'

const put = (
  key: string,
  value: string,
  modRevision: number,
  createRevision = modRevision,
  version = 1,
): WatchedEvent => ({
  type: 'PUT',
  key,
  modRevision,
  version: { value, createRevision, modRevision, version },
})
const deletion = (key: string, modRevision: number): WatchedEvent => ({
  type: 'DELETE',
  key,
  modRevision,
  version: null,
})
const asked = (request: StoreRequest, answer?: Partial<StoreAnswer>): StoreOperation => ({
  client: 'c1',
  member: 'b',
  request,
  calledAt: 0,
  returnedAt: answer ? 1 : Infinity,
  fromMs: 0,
  toMs: 1,
  ...(answer && { answer: { revision: 0, found: {}, ...answer } }),
})
const putX = (value: string, revision?: number) =>
  asked({ kind: 'put', key: 'x', value }, revision === undefined ? undefined : { revision })

it('tells what was there before each event', () => {
  const { history, problems } = replayHistory([
    put('x', '1', 2),
    put('x', '2', 3, 2, 2),
    deletion('x', 4),
    put('x', '3', 5),
  ])
  expect(problems).toEqual([])
  expect(history.map(({ previous }) => previous?.value)).toEqual([undefined, '1', '2', undefined])
})

it.each([
  [
    'a revision that is not there',
    [put('x', '1', 2), put('x', '2', 4, 2, 2)],
    /^after revision 2 the history goes on with PUT x at revision 4$/,
  ],
  ['a version that does not count', [put('x', '1', 2), put('x', '2', 3, 2, 3)], /does not follow from what was there/],
  ['a creation that moves', [put('x', '1', 2), put('x', '2', 3, 3, 2)], /does not follow/],
  ['a deletion of nothing', [deletion('x', 2)], /deletes what was not there/],
])('refuses %s', (_name, events, problem) => {
  expect(replayHistory(events).problems[0]).toMatch(problem)
})

it('finds acknowledged writes that are gone, or something else', () => {
  const { history } = replayHistory([put('x', '1', 2), put('x', '2', 3, 2, 2)])
  expect(lostWrites([putX('1', 2), putX('2', 3), putX('never answered')], history)).toEqual([])
  expect(lostWrites([putX('9', 4)], history)).toEqual([
    '"put x = 9" was acknowledged to c1 by member b as revision 4, and is lost: the store does not know of it',
  ])
  expect(lostWrites([putX('9', 3)], history)[0]).toMatch(/what stands there is PUT x at revision 3 = 2$/)
  const bothKeys = asked(
    { kind: 'swap', keys: ['x', 'y'], ifRevision: 2, value: '2' },
    { revision: 3, succeeded: true },
  )
  expect(lostWrites([bothKeys], history), 'one of its keys').toHaveLength(1)
})

it('finds what nobody did', () => {
  const { history } = replayHistory([put('x', '1', 2), deletion('x', 3), put('x', '1', 4)])
  const deleted = asked({ kind: 'delete', key: 'x' }, { revision: 3, found: { x: null } })
  expect(inventedEvents([putX('1', 2), deleted], history)).toEqual([
    '1 was written once, and is there at revision 2 and at 4',
  ])
  expect(inventedEvents([putX('1', 2)], history)[0]).toBe('DELETE x at revision 3: nobody deleted it')
  expect(inventedEvents([deleted], history)[0]).toBe('PUT x at revision 2: nobody wrote 1')
  expect(
    inventedEvents([putX('1'), asked({ kind: 'delete', key: 'x' })], history.slice(0, 2)),
    'unanswered, but asked for',
  ).toEqual([])
})
