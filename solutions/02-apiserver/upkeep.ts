/**
 * Looks after what a cluster must have (bootstrap.ts, auth/bootstrap-policy.ts) and what others look for in it (furnish.ts):
 * when the server starts, and then every ten seconds, as somebody may have deleted it.
 *
 * Guarantee: nothing that fails here ends the server, not even a part that is not written yet. It is logged, and tried again,
 * ever less often.
 *
 * Source: kubernetes `pkg/controlplane/instance.go` (PostStartHooks).
 */
import type { Timer } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { bootstrapRoles, reconcileRoles } from './auth/bootstrap-policy.ts'
import { type BootstrapOptions, bootstrap, repairAddresses } from './bootstrap.ts'
import { type FurnishOptions, furnish } from './furnish.ts'
import { kindRows, servedRows } from './kinds/registry.ts'
import type { ApiContext } from './verbs/context.ts'

/** As often as upstream. */
const PERIOD_MS = 10_000
const FIRST_RETRY_MS = 100

export interface UpkeepOptions {
  readonly context: ApiContext
  readonly cluster: BootstrapOptions
  readonly furniture: FurnishOptions
  readonly log: Log
}

export interface Upkeep {
  /** Never rejects: a server whose cluster could not be prepared serves all the same. */
  readonly firstRound: Promise<void>
  /** Begins nothing more at once; resolves when what was going on has ended. */
  stop(): Promise<void>
}

export function startUpkeep({ context, cluster, furniture, log }: UpkeepOptions): Upkeep {
  let timer: Timer | undefined
  let stopped = false
  let isStart = true
  let retryMs = FIRST_RETRY_MS
  let furnishing = Promise.resolve()

  async function keepUp(): Promise<void> {
    const done = await prepareCluster(context, cluster, isStart, log)
    isStart &&= !done
    retryMs = done ? FIRST_RETRY_MS : Math.min(retryMs * 2, PERIOD_MS)
    if (stopped) return
    // Nobody waits for the furniture.
    if (done) furnishing = furnishCluster(context, furniture, log)
    timer = context.clock.setTimer(done ? PERIOD_MS : retryMs, () => {
      round = keepUp()
    })
  }

  const firstRound = repairStored(context, log).then(keepUp)
  let round = firstRound
  return {
    firstRound,
    async stop() {
      stopped = true
      timer?.cancel()
      await round
      await furnishing
    },
  }
}

/** Before the first Service is created, so that the ranges are right by then. */
async function repairStored(context: ApiContext, log: Log): Promise<void> {
  try {
    await context.caches.synced()
    await repairAddresses(context)
  } catch (error) {
    log.error('reading what is stored', error)
  }
}

/** @returns whether all of it is there now */
async function prepareCluster(context: ApiContext, options: BootstrapOptions, isStart: boolean, log: Log) {
  try {
    await bootstrap(context, kindRows, options)
    await bootstrapRoles(context, kindRows)
    if (isStart) await reconcileRoles(context, kindRows)
    return true
  } catch (error) {
    log.error('preparing the cluster', error)
    return false
  }
}

async function furnishCluster(context: ApiContext, options: FurnishOptions, log: Log): Promise<void> {
  try {
    await furnish(context, servedRows, options)
  } catch (error) {
    log.warn(`furnishing the cluster: ${describeError(error)}`)
  }
}
