/**
 * What both controller managers share: one set of informers, the controllers on it, and optionally a Lease that lets
 * only one process at a time run them.
 *
 * Guarantee: a controller that cannot start, for instance because its part is not written yet, is named in the log and
 * leaves the others running.
 */
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { type Clock, systemClock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import type { Controller, ControllerContext } from './controller.ts'
import { createInformers } from './informers.ts'
import { runAsLeader } from './leader-election/elector.ts'

export interface CommonOptions {
  readonly client: ApiClient
  readonly log: Log
  readonly clock?: Clock
  /** Wait for the Lease before doing anything. Default false: this is the only process. */
  readonly leaderElect?: boolean
}

/** Controller name, as in the log → how to start it. */
export type Starters = Readonly<Record<string, (context: ControllerContext) => Controller>>

/** @param component names the Lease in kube-system, and the process */
export function runControllers(component: string, starters: Starters, options: CommonOptions): RunningComponent {
  const { client, log, clock = systemClock } = options
  if (!options.leaderElect) return start()
  return runAsLeader({ component, client, log, clock, lead: start })

  function start(): RunningComponent {
    const informers = createInformers({ client, clock, log })
    const context = { client, informers, clock, log }
    const controllers = Object.entries(starters).flatMap(([name, startController]) => {
      try {
        return [startController(context)]
      } catch (error) {
        log.error(`${name} controller does not run`, error)
        return []
      }
    })
    // A process whose informers are not written yet has nothing to wait for, and would end.
    const alive = setInterval(() => {}, 60_000)
    return {
      async stop() {
        clearInterval(alive)
        informers.stop()
        await Promise.all(controllers.map((controller) => controller.stop()))
      },
    }
  }
}
