/**
 * A trial of etcd: real processes, clients that write and read, watchers, and one fault after another. Afterwards everything that clients and
 * watchers were told must fit together, and the members must agree.
 *
 * The seed decides what clients ask and which faults come when; the machine decides the rest, so a seed makes a failure likely to come
 * back, not certain.
 * Source: Jepsen's etcd tests; etcd `tests/robustness`.
 */
import { type EtcdProcesses, type EtcdProcessesOptions, startEtcdProcesses } from '../cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '../etcd-api/client.ts'
import { createRandom } from '../sim/random.ts'
import type { Fault, Stage } from './faults.ts'
import { differencesOf, type Standing } from './judge-trial.ts'
import { createPeerNetwork, type PeerNetwork } from './peer-network.ts'
import type { StoreAnswer, StoreOperation } from './store-model.ts'
import { isWanted, type WatchedEvent, type WatchRecording } from './watch-guarantees.ts'
import { type RecordingWatcher, readWholeHistory, startRecordingWatcher } from './watch-recorder.ts'
import { PREFIX, startWorkload, type Workload } from './workload.ts'

export interface TrialOptions {
  readonly seed: number
  readonly members: number
  readonly program?: EtcdProcessesOptions['program']
  readonly flags?: readonly string[]
  readonly faults: readonly Fault[]
  /** Whether watchers ask how far they have got. Etcd before 3.4.25 and 3.5.8 answered that wrongly (etcd issue 15220). */
  readonly askProgress?: boolean
  /** Told of every step. */
  readonly progress?: (what: string) => void
  readonly signal?: AbortSignal
}

/** Flags for our members: whoever is away for a moment needs a snapshot, and whoever restarts begins with one. */
export const SNAPSHOTS_OFTEN = ['--snapshot-count', '40', '--experimental-snapshot-catchup-entries', '10']

/** What was recorded, to be judged. */
export interface TrialRecord {
  readonly operations: readonly StoreOperation[]
  readonly watches: readonly WatchRecording[]
  /** Where members, or what they sent to watchers in the end, differ and should not. */
  readonly differences: readonly string[]
  /** As a fresh watch on a healthy member told it. */
  readonly history: readonly WatchedEvent[]
  readonly story: string
}

const HEARTBEAT_MS = 30
const ELECTION_MS = 300
/** A client gives up after this; what it wanted to write may still happen. */
const CLIENT_TIMEOUT_MS = 800
/** Nothing takes this long on a machine that works at all. */
const PATIENCE_MS = 30_000
/** Events that are on their way arrive sooner than this. */
const WATCH_PATIENCE_MS = 10_000
const LOOK_AGAIN_MS = 20

export async function runTrial(options: TrialOptions): Promise<TrialRecord> {
  const trial = new Trial(options)
  try {
    await trial.begin()
    for (const fault of options.faults) await trial.suffer(fault)
    return await trial.end()
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${trial.story()}\n${trial.lastWords()}`, { cause: error })
  } finally {
    await trial.cleanUp()
  }
}

class Trial {
  readonly #options: TrialOptions
  readonly #random
  readonly #network: PeerNetwork = createPeerNetwork()
  readonly #clients = new Map<string, EtcdClient>()
  readonly #down = new Set<string>()
  readonly #happened: string[] = []
  readonly #watchers: RecordingWatcher[] = []
  readonly #paused = new Set<string>()
  #processes!: EtcdProcesses
  #stage!: Stage
  #workload!: Workload

  constructor(options: TrialOptions) {
    this.#options = options
    this.#random = createRandom(options.seed)
  }

  story(): string {
    const { seed, members } = this.#options
    return `Seed ${seed}, ${members} members: ${this.#happened.join('; ') || 'nothing happened yet'}.`
  }

  /** What members have said on standard error, and not long ago. */
  lastWords(): string {
    const said = (name: string) => this.#processes.output(name).trim().split('\n').slice(-6).join('\n  ')
    return this.#processes?.names.map((name) => `Member ${name} said last:\n  ${said(name)}`).join('\n') ?? ''
  }

  async begin(): Promise<void> {
    const { members, program, flags } = this.#options
    this.#processes = await startEtcdProcesses({
      members,
      ...(program && { program }),
      ...(flags && { flags }),
      heartbeatIntervalMs: HEARTBEAT_MS,
      electionTimeoutMs: ELECTION_MS,
      exposePeer: this.#network.expose,
    })
    this.#stage = this.#setStage()
    const { names, endpoint, endpoints } = this.#processes
    for (const name of names) {
      this.#clients.set(name, createEtcdClient({ endpoints: [endpoint(name)], timeoutMs: CLIENT_TIMEOUT_MS }))
    }
    await this.#leader()
    for (const name of names) {
      const { header } = await this.#eventually(`member ${name} answers`, () => this.#clients.get(name)!.status())
      this.#network.introduce(name, header!.memberId)
    }
    const askProgressEvery = this.#options.askProgress === false ? 0 : 5
    const watch = (name: string, turn: number, what: Partial<WatchRecording> = {}) => {
      const order = [...endpoints.slice(turn), ...endpoints.slice(0, turn)]
      this.#watchers.push(startRecordingWatcher({ name, endpoints: order, askProgressEvery, ...what }))
    }
    for (const [turn, name] of names.entries()) watch(`all keys, first through ${name}`, turn)
    watch('puts only, without previous values', 0, { filters: ['NODELETE'], prevKv: false })
    watch('deletions of one key', 1, { key: `${PREFIX}0`, filters: ['NOPUT'] })
    this.#workload = startWorkload({
      members: names,
      endpoint,
      isUp: (name) => !this.#down.has(name),
      random: this.#random,
      keys: 5,
      clientsPerMember: names.length > 3 ? 1 : 2,
      timeoutMs: CLIENT_TIMEOUT_MS,
      thinkMs: 12,
    })
    await this.#stage.answered(30)
  }

  async suffer(fault: Fault): Promise<void> {
    this.#options.signal?.throwIfAborted()
    this.#options.progress?.(fault.name)
    this.#happened.push(fault.name)
    // Some watchers go elsewhere in the middle of it.
    const moving = this.#watchers.filter(() => this.#random.chance(0.4))
    const running = fault.run(this.#stage)
    for (const watcher of moving) watcher.move()
    await running
    this.#network.heal()
    await this.#stage.answered(30)
  }

  /** Everybody is well again: what do they say? */
  async end(): Promise<TrialRecord> {
    this.#options.progress?.('comparing')
    await this.#workload.stop()
    const { names, endpoint } = this.#processes
    for (const name of names) await this.#eventually(`member ${name} reads`, () => this.#ask(name))
    const { revision } = await this.#eventually('a last read', () => this.#ask(names[0]!))
    const history = await readWholeHistory(endpoint(this.#random.pick(names)), revision, PATIENCE_MS)
    const late = await this.#watchersReach(history)
    const before = await this.#standings(revision, 'before')
    this.#happened.push('all were killed and started again')
    await Promise.all(names.map(this.#stage.kill))
    for (const name of names) this.#stage.start(name)
    const after = await this.#standings(revision, 'after the restart of all')
    return {
      operations: this.#workload.operations,
      watches: this.#watchers.map(({ recording }) => recording),
      history,
      differences: [...late, ...differencesOf([...before, ...after])],
      story: this.story(),
    }
  }

  /** Leaves no process behind, whatever went wrong. */
  async cleanUp(): Promise<void> {
    try {
      await this.#workload?.stop()
    } finally {
      this.#workload?.close()
      for (const watcher of this.#watchers) watcher.stop()
      for (const client of this.#clients.values()) client.close()
      await this.#processes?.stop()
      await this.#network.close()
    }
  }

  #setStage(): Stage {
    const { names } = this.#processes
    return {
      names,
      random: this.#random,
      network: this.#network,
      kill: async (name) => {
        this.#down.add(name)
        await this.#processes.kill(name)
      },
      start: (name) => {
        this.#processes.start(name)
        this.#down.delete(name)
      },
      pause: (name) => {
        this.#paused.add(name)
        this.#processes.signal(name, 'SIGSTOP')
      },
      wake: (name) => {
        this.#processes.signal(name, 'SIGCONT')
        this.#paused.delete(name)
      },
      leader: () => this.#leader(),
      newLeader: async (except) => void (await this.#leader(except)),
      answered: (times) => this.#counted('clients are answered', ({ answered }) => answered, times),
      tried: (times) => this.#counted('clients try', ({ answered, failed }) => answered + failed, times),
    }
  }

  #counted(what: string, count: (counts: Workload['counts']) => number, times: number): Promise<void> {
    const enough = count(this.#workload.counts) + times
    return this.#workload.until(`${what} ${times} times`, () => count(this.#workload.counts) >= enough, PATIENCE_MS)
  }

  /** Whoever takes itself for the leader; of several, the one with the highest term. */
  #leader(except: readonly string[] = []): Promise<string> {
    const awake = this.#processes.names.filter((name) => !this.#down.has(name) && !this.#paused.has(name))
    return this.#eventually(except.length > 0 ? 'there is a new leader' : 'there is a leader', async () => {
      const standings = await Promise.all(
        awake
          .filter((name) => !except.includes(name))
          .map(async (name) => ({
            name,
            status: await this.#clients
              .get(name)!
              .status()
              .catch(() => undefined),
          })),
      )
      const [leader] = standings
        .filter(({ status }) => status && status.leader !== '0' && status.leader === status.header?.memberId)
        .sort((a, b) => b.status!.raftTerm - a.status!.raftTerm)
      if (!leader) throw new Error('none')
      return leader.name
    })
  }

  /** Waits until every watcher has been sent its last event; tells of those that never are. */
  async #watchersReach(history: readonly WatchedEvent[]): Promise<string[]> {
    const late = this.#watchers.map(async (watcher) => {
      const last = history.findLast((event) => isWanted(watcher.recording, event))?.modRevision ?? 0
      const arrives = async () => {
        if (watcher.reached >= last) return
        // One that has missed its last events is told so, and need not wait for them.
        if (this.#options.askProgress !== false) watcher.askProgress()
        throw new Error('not yet')
      }
      const problem = `The watch "${watcher.recording.name}" is not reliable: revision ${last} was never sent to it`
      return this.#eventually('', arrives, WATCH_PATIENCE_MS).then(
        () => [],
        () => [problem],
      )
    })
    return (await Promise.all(late)).flat()
  }

  /** What each member has at a revision: its hash, and the keys that it reads. */
  async #standings(revision: number, when: string): Promise<Standing[]> {
    const standings: Standing[] = []
    for (const name of this.#processes.names) {
      const { found } = await this.#eventually(`member ${name} reads`, () => this.#ask(name))
      const { hash } = await this.#eventually(`member ${name} tells its hash`, () =>
        this.#clients.get(name)!.hashKV({ revision }),
      )
      standings.push({ who: `member ${name} ${when}`, hash, found })
    }
    return standings
  }

  async #ask(name: string): Promise<StoreAnswer> {
    const answer = await this.#workload.ask(name, { kind: 'list' })
    if (!answer) throw new Error('no answer')
    return answer
  }

  async #eventually<Result>(what: string, attempt: () => Promise<Result>, limitMs = PATIENCE_MS): Promise<Result> {
    const deadlineMs = performance.now() + limitMs
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (performance.now() > deadlineMs) throw new Error(`not within ${limitMs / 1000} s: ${what} (${error})`)
        this.#options.signal?.throwIfAborted()
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
      }
    }
  }
}
