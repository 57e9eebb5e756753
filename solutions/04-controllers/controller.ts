/**
 * What every controller is made of, and what it is given: a way to see (informers), a way to act (executor), a clock
 * and a log.
 */

import { createEventRecorder } from '#kit/client/event-recorder.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { Log } from '#kit/contracts/log.ts'
import { type ControlLoop, createControlLoop } from './control-loop.ts'
import { createExecutor, type Executor } from './executor.ts'
import type { Informer } from './informer.ts'
import type { Informers } from './informers.ts'

export interface ControllerContext {
  readonly client: ApiClient
  readonly informers: Informers
  readonly clock: Clock
  readonly log: Log
}

/** A controller that is running. */
export interface Controller {
  readonly name: string
  stop(): Promise<void>
}

export interface ControllerParts {
  readonly loop: ControlLoop
  readonly executor: Executor
}

/**
 * Makes the loop and the executor of one controller, and starts the loop when the copies that it decides from are
 * complete: deciding earlier would mean to create what is already there.
 *
 * @param component as it signs its Events: "replicaset-controller"
 */
export function createController(
  context: ControllerContext,
  component: string,
  needs: readonly Pick<Informer<unknown>, 'synced'>[],
  reconcile: (key: string, executor: Executor) => Promise<number | undefined>,
): ControllerParts & Controller {
  const { client, clock, log } = context
  const events = createEventRecorder({ client, clock, log, component })
  const executor = createExecutor(client, events)
  const name = component.replace(/-controller$/, '')
  const loop = createControlLoop({ name, clock, log, reconcile: (key) => reconcile(key, executor) })
  void Promise.all(needs.map((informer) => informer.synced)).then(() => loop.start())
  return {
    name,
    loop,
    executor,
    async stop() {
      await loop.stop()
      await events.flush()
    },
  }
}
