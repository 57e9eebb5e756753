/** Whether the judge of the API server's trials can find something wrong: a true record passes, and each mistake in it is told. */
import { describe, expect, it } from 'vitest'
import type { Acknowledged, Sent, WatchSession } from './api-clients.ts'
import { badWatch, type Change, changesOf, lostWrites, staleAnswers } from './judge-api-trial.ts'

const changes: readonly Change[] = [
  { type: 'ADDED', name: 'a', revision: 5, value: 'v1' },
  { type: 'ADDED', name: 'b', revision: 7, value: 'v2' },
  { type: 'MODIFIED', name: 'a', revision: 8, value: 'v3' },
  { type: 'DELETED', name: 'a', revision: 10, value: 'v3' },
  { type: 'ADDED', name: 'a', revision: 11, value: 'v4' },
]

const wrote = (what: Acknowledged['what'], name: string, resourceVersion: number, value?: string): Acknowledged => ({
  ...{ what, name, resourceVersion, value },
  ...{ askedAt: resourceVersion * 2, answeredAt: resourceVersion * 2 + 1 },
})

describe('changes', () => {
  it('are told from what etcd tells: what was not there is added, and what was deleted is shown as it was last', () => {
    const put = (key: string, modRevision: number, value: string) => ({
      ...{ type: 'PUT' as const, key, modRevision },
      version: { value: JSON.stringify({ data: { value } }), createRevision: 0, modRevision, version: 1 },
    })
    const gone = { type: 'DELETE' as const, key: '/p/a', modRevision: 10, version: null }
    const events = [put('/p/a', 5, 'v1'), put('/other', 6, 'x'), put('/p/b', 7, 'v2'), put('/p/a', 8, 'v3'), gone]
    expect(changesOf([...events, put('/p/a', 11, 'v4')] as never, '/p/')).toEqual(changes)
  })
})

describe('acknowledged writes', () => {
  const all = [wrote('create', 'a', 5, 'v1'), wrote('patch', 'a', 8, 'v3'), wrote('delete', 'a', 8)]

  it('pass when etcd has each of them', () => {
    expect(lostWrites(all, changes)).toEqual([])
    expect(staleAnswers(all)).toEqual([])
  })

  it.each<[string, Acknowledged, RegExp]>([
    ['a write that etcd never had', wrote('create', 'c', 9, 'v9'), /"create c" was .* in etcd there is nothing/],
    ['a write at the revision of another', wrote('update', 'b', 8, 'v3'), /in etcd there is nothing/],
    ['another value than the one stored', wrote('patch', 'a', 8, 'v2'), /in etcd there is MODIFIED a = v3 at 8/],
    ['an object that was gone by then', wrote('get', 'a', 10, 'v3'), /in etcd there is DELETED a/],
    ['a deletion that was none', wrote('delete', 'b', 7), /what follows in etcd is nothing/],
    ['a deletion of another version', wrote('delete', 'a', 5), /what follows in etcd is MODIFIED a = v3 at 8/],
  ])('%s is found', (_what, wrong, told) => {
    const problems = lostWrites([...all, wrong], changes)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(told)
  })

  it('a read that is older than what had been acknowledged before it was asked for is found', () => {
    const old = { ...wrote('get', 'a', 5, 'v1'), askedAt: 100, answeredAt: 101 }
    expect(staleAnswers([...all, old])).toHaveLength(1)
    const atTheSameTime = { ...old, askedAt: 0 }
    expect(staleAnswers([...all, atTheSameTime])).toEqual([])
  })
})

describe('a watch', () => {
  const right: readonly Sent[] = changes
    .slice(1)
    .map(({ type, name, revision, value }) => ({ type, name, resourceVersion: revision, value }))
  const session = (
    sent: readonly Sent[],
    listed = new Map<string, string | undefined>([['a', 'v1']]),
  ): WatchSession => ({
    ...{ from: 6, listed, sent: [...sent] },
  })
  const changed = (at: number, by: Partial<Sent>) =>
    right.map((event, index) => (index === at ? { ...event, ...by } : event))

  it('passes when it was shown what was there, and sent every change since', () => {
    expect(badWatch([session(right)], changes)).toEqual([])
  })

  it('may lack the end when it was broken off, and another was begun', () => {
    const again = {
      from: 11,
      listed: new Map([
        ['a', 'v4'],
        ['b', 'v2'],
      ]),
      sent: [],
    }
    expect(badWatch([session(right.slice(0, 2)), again], changes)).toEqual([])
  })

  it.each<[string, readonly Sent[], number]>([
    ['a gap', right.toSpliced(1, 1), 1],
    ['a gap at the start', right.slice(1), 0],
    ['an end that never came', right.slice(0, -1), 3],
    ['an event sent twice', right.toSpliced(1, 0, right[0]!), 1],
    ['the last event sent twice', [...right, right.at(-1)!], 4],
    ['another order', right.toSpliced(0, 2, right[1]!, right[0]!), 0],
    ['an old object in DELETED', changed(2, { value: 'v1' }), 2],
    ['an old version in DELETED', changed(2, { resourceVersion: 8 }), 2],
    ['ADDED for what was there', changed(1, { type: 'ADDED' }), 1],
    ['MODIFIED for what was new', changed(0, { type: 'MODIFIED' }), 0],
    ['another value', changed(1, { value: 'v2' }), 1],
    ['another name', changed(1, { name: 'b' }), 1],
    ['what was listed already', [{ type: 'ADDED', name: 'a', resourceVersion: 5, value: 'v1' }, ...right], 0],
  ])('%s is found', (_what, sent, at) => {
    const problems = badWatch([session(sent)], changes)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^after ${at} of 4 events a watch was sent `))
  })

  it('a gap is found also in the middle of what was broken off', () => {
    const brokenOff = session([right[0]!, right[2]!])
    const again = {
      from: 11,
      listed: new Map([
        ['a', 'v4'],
        ['b', 'v2'],
      ]),
      sent: [],
    }
    expect(badWatch([brokenOff, again], changes)).toHaveLength(1)
  })

  it.each<[string, [string, string][]]>([
    ['that lacks something', []],
    ['with an old value', [['a', 'v0']]],
    [
      'with what was to come',
      [
        ['a', 'v1'],
        ['b', 'v2'],
      ],
    ],
  ])('a list %s is found', (_what, listed) => {
    expect(badWatch([session(right, new Map(listed))], changes)).toEqual([
      expect.stringContaining('a list at 6 showed'),
    ])
  })
})
