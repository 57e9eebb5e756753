/**
 * The page of a recorded run, looked at in a real browser: it opens at what broke the rule, without any network, and shows every member at each event.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RaftStatus } from '../../raft/messages.ts'
import { describeWith } from '../../testing/tools.ts'
import type { RaftTrace } from '../raft-trace.ts'
import { renderTracePage, writeTracePage } from './trace-page.ts'
import { clusterAt } from './trace-view/cluster-at.ts'
import { messagesOf, sentenceOf } from './trace-view/sentences.ts'
import { timelineOf } from './trace-view/timeline.ts'

const MEMBERS = ['a', 'b', 'c']

function status(id: string, different: Partial<RaftStatus> = {}): RaftStatus {
  const nothing = { term: 0, leader: null, commitIndex: 0, appliedIndex: 0, lastIndex: 0, compactedIndex: 0 }
  return { id, role: 'follower', voters: MEMBERS, learners: [], ...nothing, ...different }
}

const asked = { term: 1, lastLogIndex: 0, lastLogTerm: 0, leadershipTransfer: false, type: 'VoteRequest' } as const

/** a asks for votes; b's arrives, c's is lost; b crashes; then both a and c lead term 1, which must never be. */
const trace: RaftTrace = {
  title: 'two leaders in <one> term',
  seed: 42,
  replay: 'npm run trace -- 1.1 --seed 42',
  members: MEMBERS,
  events: [
    { atMs: 0, kind: 'start', member: 'a' },
    { atMs: 0, kind: 'start', member: 'b' },
    { atMs: 0, kind: 'start', member: 'c' },
    { atMs: 5, kind: 'partition', groups: [['a', 'b'], ['c']] },
    { atMs: 100, kind: 'state', member: 'a', status: status('a', { role: 'candidate', term: 1 }) },
    { atMs: 100, kind: 'persist', member: 'a', term: 1, votedFor: 'a', entries: [] },
    { atMs: 100, kind: 'send', id: 1, message: { ...asked, from: 'a', to: 'b' } },
    { atMs: 100, kind: 'send', id: 2, message: { ...asked, from: 'a', to: 'c' } },
    { atMs: 103, kind: 'lost', id: 2, why: 'partition' },
    { atMs: 104, kind: 'arrive', id: 1 },
    {
      atMs: 110,
      kind: 'state',
      member: 'a',
      status: status('a', { role: 'leader', term: 1, leader: 'a', lastIndex: 2 }),
    },
    {
      atMs: 111,
      kind: 'persist',
      member: 'a',
      term: 1,
      votedFor: 'a',
      from: 1,
      entries: [
        { term: 1, index: 1, data: '' },
        { term: 1, index: 2, data: 'x=1' },
      ],
    },
    { atMs: 120, kind: 'crash', member: 'b' },
    { atMs: 150, kind: 'heal' },
    { atMs: 160, kind: 'state', member: 'c', status: status('c', { role: 'leader', term: 1, leader: 'c' }) },
  ],
  failure: {
    event: 14,
    rule: 'Election Safety: at most one leader in a term (Raft §5.2)',
    message: 'a and c both lead term 1.',
  },
}

describe('a recorded run', () => {
  it('says what each member knew, and had on its disk, at any event', () => {
    const [a, b, c] = clusterAt(trace, 12)
    expect(a).toMatchObject({ isUp: true, status: { role: 'leader', term: 1 }, disk: { votedFor: 'a' } })
    expect(a!.disk.entries.map(({ data }) => data)).toEqual(['', 'x=1'])
    expect(b).toMatchObject({ isUp: false, status: undefined })
    expect(c).toMatchObject({ isUp: true, status: undefined, disk: { term: 0, entries: [] } })
    expect(clusterAt(trace, 10)[0]!.disk.entries).toEqual([])
  })

  it('replaces, on the disk, what is written again, and drops what a snapshot covers', () => {
    const write = (from: number, words: string) => {
      const entries = words.split(' ').map((data, offset) => ({ term: 2, index: from + offset, data }))
      return { atMs: 1, kind: 'persist', member: 'a', term: 2, votedFor: null, from, entries } as const
    }
    const snapshot = { index: 2, term: 2, voters: MEMBERS, learners: [] }
    const events = [
      write(1, 'p q r'),
      write(3, 's t'),
      { atMs: 2, kind: 'persist', member: 'a', term: 2, votedFor: null, entries: [], snapshot } as const,
    ]
    const disks = events.map((_, place) => clusterAt({ ...trace, events }, place)[0]!.disk)
    expect(disks.map(({ entries }) => entries.map(({ data }) => data).join(' '))).toEqual(['p q r', 'p q s t', 's t'])
    expect(disks[2]!.snapshot).toEqual(snapshot)
  })

  it('knows how long each role, each flight and each partition lasted', () => {
    const { spells, flights, partings, endMs } = timelineOf(trace)
    expect(endMs).toBe(160)
    expect(spells.filter(({ member }) => member === 'a').map(({ role, fromMs, toMs }) => [role, fromMs, toMs])).toEqual(
      [
        ['candidate', 100, 110],
        ['leader', 110, 160],
      ],
    )
    expect(flights.map(({ message, endMs: end, lost }) => [message.to, end, lost])).toEqual([
      ['b', 104, false],
      ['c', 103, true],
    ])
    expect(partings).toEqual([{ groups: [['a', 'b'], ['c']], fromMs: 5, toMs: 150 }])
  })

  it('tells each event as a sentence', () => {
    const messages = messagesOf(trace)
    const sentences = trace.events.map((event) => sentenceOf(event, messages))
    expect(sentences[8]).toBe(
      'VoteRequest in term 1, its log ends at 0 (term 0) from a to c is lost: there is no way to the receiver',
    )
    expect(sentences[9]).toBe('b gets from a VoteRequest in term 1, its log ends at 0 (term 0)')
    expect(sentences[11]).toBe('a has on its disk: term 1, its vote for a, entries 1 to 2')
    expect(sentences[12]).toBe('b crashes: what was not on its disk is gone')
  })

  it('is a page that asks nothing of any network', () => {
    const page = renderTracePage(trace)
    expect(page).toContain('two leaders in &lt;one> term')
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\/|<link|src=/)
  })
})

describeWith(['chromium'], 'the page in a browser', () => {
  let directory: string
  let browser: Browser
  let page: Page
  const problems: string[] = []

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'trace-page-'))
    const path = join(directory, 'run.html')
    writeTracePage(trace, path)
    browser = await puppeteer.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox'],
      userDataDir: join(directory, 'profile'),
    })
    page = await browser.newPage()
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) problems.push(`asks for ${request.url()}`)
    })
    await page.setViewport({ width: 1200, height: 900 })
    await page.goto(pathToFileURL(path).href)
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await rm(directory, { recursive: true, force: true })
  })

  const text = (selector: string) => page.$eval(selector, (element) => element.textContent)
  const roles = () => page.$$eval('.member .role', (elements) => elements.map((element) => element.textContent))

  it('opens at what broke the rule, and says it', async () => {
    expect(await text('#broken')).toContain('a and c both lead term 1.')
    expect(await text('#sentence')).toBe('c is leader in term 1, knows entries up to 0 to be committed')
    expect(await roles()).toEqual(['leader', 'down', 'leader'])
    expect(await page.$$('svg line.failure')).toHaveLength(1)
    expect(problems).toEqual([])
  })

  it('draws messages that arrive, get lost, crashes and partitions', async () => {
    expect(await page.$$('svg .flight.VoteRequest')).toHaveLength(2)
    expect(await page.$$('svg .flight.lost .cross')).toHaveLength(1)
    expect(await page.$$('svg .mark.crash')).toHaveLength(1)
    expect(await text('svg .parting')).toBe('parted: a b | c')
  })

  it('shows every member at an event that is clicked, and steps by the arrow keys', async () => {
    await (await page.$('[data-event="12"]'))!.click()
    expect(await text('#sentence')).toContain('b crashes')
    expect(await text('[data-member="a"] .log')).toContain('x=1')
    expect(new URL(page.url()).hash).toBe('#event=12')
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('ArrowLeft')
    expect(await text('#sentence')).toContain('a is leader')
    expect(await roles()).toEqual(['leader', 'follower', 'follower'])
    expect(problems).toEqual([])
  })
})
