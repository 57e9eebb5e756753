/**
 * The watches of one gRPC stream: many watchers, one pipe.
 *
 * The stream pulls: whenever the store has changed, or the client has room again, each watcher is moved on (watch/watcher.ts) until it has caught up.
 * Source: etcd `server/etcdserver/api/v3rpc/watch.go`.
 */
import type { Clock, Timer } from '#kit/contracts/clock.ts'
import type { WatchRequest } from '#kit/etcd-api/messages.ts'
import type { WatchCreateRequest, WatchResponse } from '../mvcc/types.ts'
import { openWatcher, stepWatcher, type Watcher } from '../watch/watcher.ts'
import type { Engine } from './engine.ts'

/** What a watch writes to: a gRPC stream. */
export interface WatchPipe {
  /** False: full for now; `pump` is called again when there is room. */
  write(response: WatchResponse): boolean
}

/** At most this many revisions are looked at before others have their turn. */
const REVISIONS_PER_STEP = 1000
/** Only those who ask are told of progress that often. */
const PROGRESS_INTERVAL_MS = 600_000

interface OpenWatch {
  watcher: Watcher
  lastSentMs: number
}

export class WatchStream {
  readonly #engine: Engine
  readonly #pipe: WatchPipe
  readonly #clock: Clock
  readonly #watches = new Map<number, OpenWatch>()
  #nextId = 0
  #isFull = false
  #progressAsked = false
  #progressTimer: Timer | undefined

  constructor(engine: Engine, pipe: WatchPipe, clock: Clock) {
    this.#engine = engine
    this.#pipe = pipe
    this.#clock = clock
    this.#scheduleProgress()
  }

  receive({ createRequest, cancelRequest, progressRequest }: WatchRequest<string>): void {
    if (createRequest) this.#create(createRequest)
    if (cancelRequest) this.#cancel(cancelRequest.watchId)
    if (progressRequest) this.#progressAsked = true
    this.pump()
  }

  /** The client has read what was under way. */
  drained(): void {
    this.#isFull = false
    this.pump()
  }

  /** Sends what can be sent now. */
  pump(): void {
    for (const [watchId, watch] of this.#watches) {
      while (!this.#isFull && this.#hasMore(watch)) this.#step(watchId, watch)
      if (this.#isFull) return
    }
    if (!this.#progressAsked || this.#isFull) return
    this.#progressAsked = false
    // Everything up to here has been sent on this stream, whichever watcher it belonged to.
    this.#send(-1, {})
  }

  close(): void {
    this.#progressTimer?.cancel()
    this.#watches.clear()
  }

  #create(request: WatchCreateRequest): void {
    const watchId = request.watchId > 0 ? request.watchId : this.#freeId()
    if (request.watchId > 0 && this.#watches.has(watchId)) {
      const cancelReason = 'etcdserver: watch ID already exists on the stream'
      this.#send(watchId, { created: true, canceled: true, cancelReason })
      return
    }
    const { revision } = this.#engine.machine.store
    this.#watches.set(watchId, { watcher: openWatcher(keyedRequest(request), revision), lastSentMs: this.#clock.now() })
    this.#send(watchId, { created: true })
  }

  #cancel(watchId: number): void {
    if (this.#watches.delete(watchId)) this.#send(watchId, { canceled: true })
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextId)) this.#nextId++
    return this.#nextId++
  }

  #hasMore({ watcher }: OpenWatch): boolean {
    const { revision, compactRevision } = this.#engine.machine.store
    return watcher.nextRevision <= revision || watcher.nextRevision < compactRevision
  }

  #step(watchId: number, watch: OpenWatch): void {
    const { store } = this.#engine.machine
    const { revision, compactRevision } = store
    const changes = store.changesFrom(watch.watcher.nextRevision, REVISIONS_PER_STEP)
    const step = stepWatcher(watch.watcher, { revision, compactRevision, changes })
    if (step.kind === 'compacted') {
      this.#watches.delete(watchId)
      const cancelReason = 'etcdserver: mvcc: required revision has been compacted'
      this.#send(watchId, { canceled: true, compactRevision: step.compactRevision, cancelReason })
      return
    }
    watch.watcher = step.next
    if (step.events.length > 0) this.#send(watchId, { events: step.events })
  }

  #send(watchId: number, part: Partial<WatchResponse>): void {
    const watch = this.#watches.get(watchId)
    if (watch) watch.lastSentMs = this.#clock.now()
    const response = { ...EMPTY_RESPONSE, ...part, watchId, header: this.#engine.header() }
    if (!this.#pipe.write(response)) this.#isFull = true
  }

  #scheduleProgress(): void {
    this.#progressTimer = this.#clock.setTimer(PROGRESS_INTERVAL_MS, () => {
      for (const [watchId, watch] of this.#watches) {
        const isIdle = this.#clock.now() - watch.lastSentMs >= PROGRESS_INTERVAL_MS
        if (watch.watcher.request.progressNotify && isIdle && !this.#hasMore(watch)) this.#send(watchId, {})
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

/** An empty key stands for the first possible one, as upstream has it. */
function keyedRequest(request: WatchCreateRequest): WatchCreateRequest {
  return request.key === '' ? { ...request, key: '\0' } : request
}
