/**
 * A trial of etcd: real processes, clients that write and read, watchers, and one fault after another. Afterwards everything that clients and
 * watchers were told must fit together, and the members must agree.
 *
 * The seed decides what clients ask and which faults come when; the machine decides the rest, so a seed makes a failure likely to come
 * back, not certain.
 * Source: Jepsen's etcd tests; etcd `tests/robustness`.
 */
import { createRandom } from '../sim/random.ts'
import type { Fault, Stage } from './faults.ts'
import { differencesOf, type Standing } from './judge-trial.ts'
import type { StoreAnswer, StoreOperation } from './store-model.ts'
import { CLIENT_TIMEOUT_MS, PATIENCE_MS, TrialCluster, type TrialClusterOptions } from './trial-cluster.ts'
import { isWanted, type WatchedEvent, type WatchRecording } from './watch-guarantees.ts'
import { type RecordingWatcher, readWholeHistory, startRecordingWatcher } from './watch-recorder.ts'
import { PREFIX, startWorkload, type Workload } from './workload.ts'

export interface TrialOptions extends TrialClusterOptions {
  readonly seed: number
  readonly faults: readonly Fault[]
  /** Whether watchers ask how far they have got. Etcd before 3.4.25 and 3.5.8 answered that wrongly (etcd issue 15220). */
  readonly askProgress?: boolean
  /** Told of every step. */
  readonly progress?: (what: string) => void
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

/** Events that are on their way arrive sooner than this. */
const WATCH_PATIENCE_MS = 10_000

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
  readonly #cluster: TrialCluster
  readonly #happened: string[] = []
  readonly #watchers: RecordingWatcher[] = []
  #stage!: Stage
  #workload!: Workload

  constructor(options: TrialOptions) {
    this.#options = options
    this.#random = createRandom(options.seed)
    this.#cluster = new TrialCluster(options)
  }

  story(): string {
    const { seed, members } = this.#options
    return `Seed ${seed}, ${members} members: ${this.#happened.join('; ') || 'nothing happened yet'}.`
  }

  lastWords(): string {
    return this.#cluster.lastWords()
  }

  async begin(): Promise<void> {
    await this.#cluster.begin()
    this.#stage = this.#setStage()
    this.#startWatchers()
    this.#startWorkload()
    await this.#stage.answered(30)
  }

  #startWatchers(): void {
    const { names, endpoints } = this.#cluster
    const askProgressEvery = this.#options.askProgress === false ? 0 : 5
    const watch = (name: string, turn: number, what: Partial<WatchRecording> = {}) => {
      const order = [...endpoints.slice(turn), ...endpoints.slice(0, turn)]
      this.#watchers.push(startRecordingWatcher({ name, endpoints: order, askProgressEvery, ...what }))
    }
    for (const [turn, name] of names.entries()) watch(`all keys, first through ${name}`, turn)
    watch('puts only, without previous values', 0, { filters: ['NODELETE'], prevKv: false })
    watch('deletions of one key', 1, { key: `${PREFIX}0`, filters: ['NOPUT'] })
  }

  #startWorkload(): void {
    const { names } = this.#cluster
    this.#workload = startWorkload({
      members: names,
      endpoint: (name) => this.#cluster.endpoint(name),
      isUp: (name) => this.#cluster.isUp(name),
      random: this.#random,
      keys: 5,
      clientsPerMember: names.length > 3 ? 1 : 2,
      timeoutMs: CLIENT_TIMEOUT_MS,
      thinkMs: 12,
    })
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
    this.#cluster.network.heal()
    await this.#stage.answered(30)
  }

  /** Everybody is well again: what do they say? */
  async end(): Promise<TrialRecord> {
    this.#options.progress?.('comparing')
    await this.#workload.stop()
    const { names } = this.#cluster
    for (const name of names) await this.#cluster.eventually(`member ${name} reads`, () => this.#ask(name))
    const { revision } = await this.#cluster.eventually('a last read', () => this.#ask(names[0]!))
    const history = await readWholeHistory(this.#cluster.endpoint(this.#random.pick(names)), revision, PATIENCE_MS)
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
      await this.#cluster.stop()
    }
  }

  #setStage(): Stage {
    const cluster = this.#cluster
    return {
      names: cluster.names,
      random: this.#random,
      network: cluster.network,
      kill: (name) => cluster.kill(name),
      start: (name) => cluster.start(name),
      pause: (name) => cluster.pause(name),
      wake: (name) => cluster.wake(name),
      leader: () => cluster.leader(),
      newLeader: async (except) => void (await cluster.leader(except)),
      answered: (times) => this.#counted('clients are answered', ({ answered }) => answered, times),
      tried: (times) => this.#counted('clients try', ({ answered, failed }) => answered + failed, times),
    }
  }

  #counted(what: string, count: (counts: Workload['counts']) => number, times: number): Promise<void> {
    const enough = count(this.#workload.counts) + times
    return this.#workload.until(`${what} ${times} times`, () => count(this.#workload.counts) >= enough, PATIENCE_MS)
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
      return this.#cluster.eventually('', arrives, WATCH_PATIENCE_MS).then(
        () => [],
        () => [problem],
      )
    })
    return (await Promise.all(late)).flat()
  }

  /** What each member has at a revision: its hash, and the keys that it reads. */
  async #standings(revision: number, when: string): Promise<Standing[]> {
    const standings: Standing[] = []
    for (const name of this.#cluster.names) {
      const { found } = await this.#cluster.eventually(`member ${name} reads`, () => this.#ask(name))
      const { hash } = await this.#cluster.eventually(`member ${name} tells its hash`, () =>
        this.#cluster.client(name).hashKV({ revision }),
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
}
