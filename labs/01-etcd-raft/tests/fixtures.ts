/**
 * Short ways to say what the tests of this lab need: logs as text, members in a given situation, requests with their defaults.
 */

import { join } from 'node:path'
import type { DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest, WatchCreateRequest } from '#etcd/mvcc/types.ts'
import { createRaftState } from '#etcd/raft/create-state.ts'
import { type RaftLog, termAt } from '#etcd/raft/log.ts'
import { freshProgress, type Progress } from '#etcd/raft/progress.ts'
import { Raft } from '#etcd/raft/raft.ts'
import type { RaftState } from '#etcd/raft/state.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import { repositoryRoot } from '#kit/labs/catalog.ts'
import type {
  AppendRequest,
  AppendResponse,
  Entry,
  InstallSnapshot,
  Message,
  SnapshotMetadata,
  VoteRequest,
} from '#kit/raft/messages.ts'
import type { SimulatorOptions } from '#kit/sim/raft/options.ts'
import { playOrThrow, type Scenario } from '#kit/sim/raft/scenario.ts'
import { RaftSimulator } from '#kit/sim/raft/simulator.ts'
import { writeTracePage } from '#kit/sim/raft/trace-page.ts'
import { leaveWhenFailing, lesson } from '#kit/testing/lesson.ts'

/** `'1:a 1:b 2:c'` is a log of three entries; each word is `term:command`. */
export function entries(text: string, firstIndex = 1): Entry[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word, offset) => {
      const [term, data] = word.split(':')
      return { term: Number(term), index: firstIndex + offset, data: data ?? '' }
    })
}

export function log(text: string): RaftLog {
  return { compactedIndex: 0, compactedTerm: 0, entries: entries(text) }
}

export function logText(held: readonly Entry[]): string {
  return held.map(({ term, data }) => `${term}:${data}`).join(' ')
}

/** What a snapshot up to `index` stands for, in the cluster a, b, c. */
export function snapshotOf(index: number, term: number, voters: readonly string[] = ['a', 'b', 'c']): SnapshotMetadata {
  return { index, term, voters, learners: [] }
}

/**
 * Member `a` of the cluster a, b, c in term 1, which has known a leader and has everything on its disk, with whatever the test says is
 * different. With a `snapshot`, the log begins after it.
 */
export function memberState(situation: Partial<Omit<RaftState, 'log'>> & { log?: string } = {}): RaftState {
  const { log: text = '', ...different } = situation
  const { snapshot } = different
  const held = entries(text, (snapshot?.index ?? 0) + 1)
  const start = { id: 'a', voters: ['a', 'b', 'c'], seed: 7, entries: held }
  const fresh = createRaftState(snapshot ? { ...start, snapshot } : start)
  const state = { ...fresh, term: 1, knowsCluster: true, ...different }
  const persisted = { term: state.term, votedFor: state.votedFor, commitIndex: state.commitIndex }
  const appliedIndex = different.appliedIndex ?? state.commitIndex
  return {
    ...state,
    persisted: different.persisted ?? persisted,
    appliedIndex,
    appliedTerm: different.appliedTerm ?? termAt(state.log, appliedIndex) ?? 0,
  }
}

export function member(situation: Parameters<typeof memberState>[0] = {}): Raft {
  return new Raft(memberState(situation))
}

/** A leader's view of its followers, from `{ b: [matchIndex, nextIndex] }`. It knows where the logs agree, so it need not probe. */
export function progressOf(followers: Record<string, readonly [matchIndex: number, nextIndex: number]>) {
  return Object.fromEntries(
    Object.entries(followers).map(([id, [matchIndex, nextIndex]]) => [id, progressAt({ matchIndex, nextIndex })]),
  )
}

export function progressAt(different: Partial<Progress>): Progress {
  return { ...freshProgress(1), mode: 'replicate', ...different }
}

/** Leader `a` of term 2 whose followers have everything, unless the test says otherwise. */
export function leaderState(situation: Parameters<typeof memberState>[0] = {}): RaftState {
  const length = (situation.snapshot?.index ?? 0) + entries(situation.log ?? '').length
  const all = [length, length + 1] as const
  return memberState({
    term: 2,
    votedFor: 'a',
    role: 'leader',
    leader: 'a',
    progress: progressOf({ a: all, b: all, c: all }),
    ...situation,
  })
}

export function installSnapshot(snapshot: SnapshotMetadata, different: Partial<InstallSnapshot> = {}): InstallSnapshot {
  return { type: 'InstallSnapshot', from: 'b', to: 'a', term: 1, snapshot, ...different }
}

export function voteRequest(different: Partial<VoteRequest> = {}): VoteRequest {
  return {
    type: 'VoteRequest',
    from: 'b',
    to: 'a',
    term: 1,
    lastLogIndex: 0,
    lastLogTerm: 0,
    leadershipTransfer: false,
    ...different,
  }
}

export function appendRequest(different: Partial<AppendRequest> = {}): AppendRequest {
  const nothing = { prevLogIndex: 0, prevLogTerm: 0, entries: [], commitIndex: 0, readRound: 0 }
  return { type: 'AppendRequest', from: 'b', to: 'a', term: 1, ...nothing, ...different }
}

export function appendResponse(different: Partial<AppendResponse> = {}): AppendResponse {
  const accepted = { accepted: true, matchIndex: 0, rejectedIndex: 0, conflict: { index: 0, term: 0 }, readRound: 0 }
  return { type: 'AppendResponse', from: 'b', to: 'a', term: 2, ...accepted, ...different }
}

/** The only message among these of one type; fails the test when there is not exactly one. */
export function onlyMessage<Type extends Message['type']>(messages: readonly Message[], type: Type) {
  const found = messages.filter((message) => message.type === type)
  if (found.length !== 1) {
    const all = messages.map((message) => `${message.type} to ${message.to}`).join(', ')
    throw new Error(`one ${type} should be sent, and ${found.length} are; all that is sent: ${all || 'nothing'}`)
  }
  return found[0] as Extract<Message, { type: Type }>
}

/** The code under test, as a simulation starts it. */
export const createCore: SimulatorOptions['create'] = (start) => new Raft(createRaftState(start))

/** A simulated cluster that runs the code under test. A lesson that fails leaves a page of its last one behind. */
export function simulate(options: Omit<SimulatorOptions, 'create'>): RaftSimulator {
  const cluster = new RaftSimulator({ ...options, create: createCore })
  leaveWhenFailing(({ title, testFile, rule, message }) => {
    const step = `1.${/step-(\d+)-/.exec(testFile)?.[1]}`
    const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
    const path = `.lab/traces/lab-1-${step}-${name}-seed-${options.seed}.html`
    const trace = cluster.trace(title, `npm run lab ${step}`)
    // Where the judge saw nothing wrong, a check of the lesson's failed, which looked at what the last event left.
    const check = message.replace(' // Object.is equality', '')
    const failure = trace.failure ?? { event: trace.events.length - 1, rule, message: check }
    writeTracePage({ ...trace, failure }, join(repositoryRoot, path))
    return path
  })
  return cluster
}

/** A story from the kit, played by the code under test with one seed after the other. */
export function scenarioLesson(story: Scenario): void {
  const { title, scenario, rule, source } = story
  lesson(title, { scenario, rule, source }, ({ seed, trace }) => {
    for (const number of seeds(story.seeds)) {
      seed(number)
      playOrThrow(story, number, createCore, repositoryRoot, ({ path }) => trace(path))
    }
  })
}

export function rangeRequest(different: Partial<RangeRequest> & { key: string }): RangeRequest {
  return {
    rangeEnd: '',
    limit: 0,
    revision: 0,
    sortOrder: 'NONE',
    sortTarget: 'KEY',
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...different,
  }
}

export function putRequest(key: string, value: string, different: Partial<PutRequest> = {}): PutRequest {
  return { key, value, lease: '0', prevKv: false, ignoreValue: false, ignoreLease: false, ...different }
}

export function deleteRequest(key: string, different: Partial<DeleteRangeRequest> = {}): DeleteRangeRequest {
  return { key, rangeEnd: '', prevKv: false, ...different }
}

export function txnRequest(different: Partial<TxnRequest>): TxnRequest {
  return { compare: [], success: [], failure: [], ...different }
}

export function watchRequest(different: Partial<WatchCreateRequest> & { key: string }): WatchCreateRequest {
  return {
    rangeEnd: '',
    startRevision: 0,
    progressNotify: false,
    filters: [],
    prevKv: false,
    watchId: 0,
    fragment: false,
    ...different,
  }
}

/** The message with which something is refused; '' when it is not. A part that is not written yet is no refusal. */
export function refusal(run: () => unknown): string {
  try {
    run()
    return ''
  } catch (error) {
    if (isNotImplemented(error)) throw error
    return error instanceof Error ? error.message : String(error)
  }
}

/** The seeds that a random test tries; each is replayed exactly by its number. */
export function seeds(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, offset) => from + offset)
}
