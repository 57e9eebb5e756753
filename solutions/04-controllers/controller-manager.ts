/**
 * The composition root of kube-controller-manager: which controllers run, on one set of informers.
 *
 * Guarantee: a controller that cannot start, for instance because its part is not written yet, is named in the log and leaves
 * the others running.
 */
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { type Clock, systemClock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import type { Controller, ControllerContext } from './controller.ts'
import { createInformers } from './informers.ts'
import { startReplicaSetController } from './replicaset/controller.ts'

export interface ControllerManagerOptions {
  readonly client: ApiClient
  readonly log: Log
  readonly clock?: Clock
}

export async function startControllerManager(options: ControllerManagerOptions): Promise<RunningComponent> {
  const { client, log, clock = systemClock } = options
  const informers = createInformers({ client, clock, log })
  const context: ControllerContext = { client, informers, clock, log }
  const starters: Record<string, () => Controller> = {
    replicaset: () => startReplicaSetController(context, 'replicaSets'),
    replicationcontroller: () => startReplicaSetController(context, 'replicationControllers'),
  }
  const controllers = Object.entries(starters).flatMap(([name, start]) => {
    try {
      return [start()]
    } catch (error) {
      log.error(`${name} controller does not run`, error)
      return []
    }
  })
  return {
    async stop() {
      informers.stop()
      await Promise.all(controllers.map((controller) => controller.stop()))
    },
  }
}
