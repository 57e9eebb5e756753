/**
 * The watches of one gRPC stream: many watchers, one pipe.
 *
 * The stream pulls: whenever the store has changed, or the client has room again, each watcher is moved on (watch/watcher.ts). One that is near the end of
 * the history is moved at once; one that has far to go takes turns with all others like it, on any stream (turns.ts). So what happens now is told
 * now, however many others are still reading about last week.
 * Source: etcd `server/etcdserver/api/v3rpc/watch.go`; synced and unsynced watchers in `server/storage/mvcc/watchable_store.go`.
 */
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import type { WatchRequest } from '#kit/etcd-api/messages.ts'
import type { WatchCreateRequest, WatchResponse } from '../mvcc/types.ts'
import { openWatcher, stepWatcher, type Watcher } from '../watch/watcher.ts'
import type { Engine } from './engine.ts'
import type { Turns } from './turns.ts'
import { fragmentsOf, type HistoryReader, historyOf, REVISIONS_PER_STEP } from './watch-batch.ts'
import { keyedRequest, refusalOf } from './watch-request.ts'

/** What a watch writes to: a gRPC stream. */
export interface WatchPipe {
  /** False: full for now; `drained` is called when there is room again. */
  write(response: WatchResponse): boolean
}

export interface WatchStreamOptions {
  readonly engine: Pick<Engine, 'header'> & { readonly machine: Pick<Engine['machine'], 'store'> }
  readonly pipe: WatchPipe
  readonly clock: Clock
  /** Shared by all streams of a member. */
  readonly turns: Turns
  /** Hears of what goes wrong in a turn; whatever else goes wrong is thrown at the caller. */
  readonly fail: (error: unknown) => void
  /** How often those who ask for `progress_notify` are told, while nothing else is. */
  readonly progressIntervalMs: number
}

/** Stands for all watches of the stream, or for one that never came to be. */
const NO_WATCH = -1

interface OpenWatch {
  watcher: Watcher
  /** Nothing was sent since progress was last looked at. */
  isQuiet: boolean
}

export class WatchStream {
  readonly #options: WatchStreamOptions
  /** In the order of their turns. */
  readonly #watches = new Map<number, OpenWatch>()
  #nextId = 0
  #isFull = false
  #progressAsked = false
  #progressTimer: Timer | undefined

  constructor(options: WatchStreamOptions) {
    this.#options = options
    this.#scheduleProgress()
  }

  receive({ createRequest, cancelRequest, progressRequest }: WatchRequest<string>): void {
    if (createRequest) this.#create(createRequest)
    if (cancelRequest) this.#cancel(cancelRequest.watchId)
    if (progressRequest) this.#progressAsked = this.#watches.size > 0
    this.pump()
  }

  /** The client has read what was under way. */
  drained(): void {
    this.#isFull = false
    this.pump()
  }

  /** Sends what is new to those who are near it; the others get their turns. */
  pump(): void {
    const history = historyOf(this.#options.engine.machine.store)
    let isAnyBehind = false
    for (const [watchId, watch] of this.#watches) {
      if (this.#isFull) return
      const distance = this.#distance(watch)
      if (distance > 0 && distance <= REVISIONS_PER_STEP) this.#step(watchId, watch, history)
      isAnyBehind ||= distance > 0 && this.#distance(watch) > 0 && this.#watches.has(watchId)
    }
    if (isAnyBehind) this.#options.turns.request(this.#catchUp)
    else this.#reportProgress()
  }

  close(): void {
    this.#progressTimer?.cancel()
    this.#options.turns.withdraw(this.#catchUp)
    this.#watches.clear()
  }

  #create(request: WatchCreateRequest): void {
    const { store } = this.#options.engine.machine
    const refusal = refusalOf(request, (watchId) => this.#watches.has(watchId))
    if (refusal) {
      this.#send(NO_WATCH, { created: true, canceled: true, cancelReason: refusal })
      return
    }
    const watchId = request.watchId === 0 ? this.#freeId() : request.watchId
    const watcher = openWatcher(keyedRequest(request), store.revision)
    this.#watches.set(watchId, { watcher, isQuiet: true })
    this.#send(watchId, { created: true })
  }

  #cancel(watchId: number): void {
    if (this.#watches.delete(watchId)) this.#send(watchId, { canceled: true })
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextId)) this.#nextId++
    return this.#nextId++
  }

  /** How many revisions there are that the watcher has not seen; also more than none when some of them are gone. */
  #distance({ watcher }: OpenWatch): number {
    const { revision, compactRevision } = this.#options.engine.machine.store
    return Math.max(revision, compactRevision - 1) + 1 - watcher.nextRevision
  }

  /** One step of whoever has waited longest. */
  readonly #catchUp = (): void => {
    try {
      const behind = [...this.#watches].find(([, watch]) => this.#distance(watch) > 0)
      if (behind && !this.#isFull) {
        const [watchId, watch] = behind
        this.#watches.delete(watchId)
        this.#watches.set(watchId, watch)
        this.#step(watchId, watch, historyOf(this.#options.engine.machine.store))
      }
      this.pump()
    } catch (error) {
      this.#options.fail(error)
    }
  }

  #step(watchId: number, watch: OpenWatch, history: HistoryReader): void {
    const step = stepWatcher(watch.watcher, history(watch.watcher.nextRevision))
    if (step.kind === 'compacted') {
      this.#send(watchId, { canceled: true, compactRevision: step.compactRevision })
      this.#watches.delete(watchId)
      return
    }
    watch.watcher = step.next
    if (step.events.length === 0) return
    watch.isQuiet = false
    this.#send(watchId, { events: step.events })
  }

  #send(watchId: number, part: Partial<WatchResponse>): void {
    const { engine, pipe } = this.#options
    const response = { ...EMPTY_RESPONSE, ...part, watchId, header: engine.header() }
    const mayFragment = this.#watches.get(watchId)?.watcher.request.fragment
    const responses = mayFragment ? fragmentsOf(response) : [response]
    for (const one of responses) if (!pipe.write(one)) this.#isFull = true
  }

  /** Everything up to here has been sent on this stream, whichever watcher it belonged to. */
  #reportProgress(): void {
    if (!this.#progressAsked || this.#isFull) return
    const { revision } = this.#options.engine.machine.store
    const isAnyToBegin = [...this.#watches.values()].some(({ watcher }) => watcher.nextRevision > revision + 1)
    if (isAnyToBegin) return
    this.#progressAsked = false
    this.#send(NO_WATCH, {})
  }

  #scheduleProgress(): void {
    const { clock, progressIntervalMs } = this.#options
    this.#progressTimer = clock.setTimer(progressIntervalMs, () => {
      for (const [watchId, watch] of this.#watches) {
        const { progressNotify } = watch.watcher.request
        if (progressNotify && watch.isQuiet && this.#distance(watch) === 0) this.#send(watchId, {})
        watch.isQuiet = true
      }
      this.#scheduleProgress()
    })
  }
}

const EMPTY_RESPONSE = {
  created: false,
  canceled: false,
  compactRevision: 0,
  cancelReason: '',
  fragment: false,
  events: [],
}
