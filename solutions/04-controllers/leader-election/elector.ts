/**
 * The given loop around the election: tries, leads, renews, and stops leading when it cannot renew in time.
 *
 * A process that lost the Lease stops its controllers and stands for election again.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Lease, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { hasReason } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { type Clock, pause } from '#kit/contracts/clock.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'

import { electionStep, type Observation, observe, RENEW_DEADLINE_MS, RETRY_PERIOD_MS, released } from './election.ts'

export interface ElectorOptions {
  /** Name of the Lease in kube-system. */
  readonly component: string
  readonly client: ApiClient
  readonly clock: Clock
  readonly log: Log
  /** Default: host name and a random part, so that a restarted process is another candidate. */
  readonly identity?: string
  /** Starts the work. What it returns is stopped when the Lease is lost. */
  readonly lead: () => RunningComponent
}

export function runAsLeader(options: ElectorOptions): RunningComponent {
  const { component, client, clock, log, lead } = options
  const identity = options.identity ?? `${hostname()}_${randomUUID()}`
  const ref = { namespace: 'kube-system', name: component }
  const stopping = new AbortController()
  let observation: Observation | undefined
  let work: RunningComponent | undefined

  const read = () =>
    client.get<Lease>(resources.leases, ref).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })

  /** One try. Returns whether we hold the Lease now. */
  async function tryToHold(): Promise<boolean> {
    observation = observe(observation, await read(), clock.now())
    const step = electionStep({ identity, ...ref }, observation, clock.now())
    if (step.do === 'wait') return false
    const held =
      step.do === 'create'
        ? await client.create<Lease>(resources.leases, step.lease)
        : await client.update<Lease>(resources.leases, step.lease)
    observation = observe(observation, held, clock.now())
    return true
  }

  /** A server that does not answer must not keep us believing that we lead. */
  function inTime(attempt: Promise<boolean>): Promise<boolean> {
    const limit = pause(clock, RENEW_DEADLINE_MS, stopping.signal).then((): never => {
      throw new Error(`no answer within ${RENEW_DEADLINE_MS} ms`)
    })
    return Promise.race([attempt, limit])
  }

  async function run(): Promise<void> {
    let heldUntilMs = Number.NEGATIVE_INFINITY
    while (!stopping.signal.aborted) {
      const triedAtMs = clock.now()
      try {
        if (await inTime(tryToHold())) heldUntilMs = triedAtMs + RENEW_DEADLINE_MS
        else heldUntilMs = Number.NEGATIVE_INFINITY
      } catch (error) {
        if (isNotImplemented(error)) {
          log.error('leader election does not run, so this process works without it', error)
          work ??= lead()
          return
        }
        if (!hasReason(error, 'Conflict', 'AlreadyExists')) log.warn(`leader election: ${describeError(error)}`)
      }
      if (stopping.signal.aborted) return
      const leads = clock.now() < heldUntilMs
      if (leads && !work) {
        log.info(`${identity} became leader`)
        work = lead()
      } else if (!leads && work) {
        log.warn(`${identity} lost the lease ${component}`)
        await stopWork()
      }
      await pause(clock, RETRY_PERIOD_MS, stopping.signal)
    }
  }

  async function stopWork(): Promise<void> {
    const stopped = work?.stop()
    work = undefined
    await stopped
  }

  async function release(): Promise<void> {
    const lease: Stored<Lease> | undefined = observation?.lease
    if (lease?.spec?.holderIdentity !== identity) return
    await client.update<Lease>(resources.leases, released(lease, clock.now()))
  }

  const running = run()
  return {
    async stop() {
      if (stopping.signal.aborted) return
      stopping.abort()
      await running
      await stopWork()
      await release().catch((error: unknown) => log.warn(`the lease was not given back: ${describeError(error)}`))
    },
  }
}
