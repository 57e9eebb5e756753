/**
 * kube-proxy's composition root and its loop: watches Services and EndpointSlices, and makes the node's rules follow.
 *
 * Level-triggered: whatever changed, the whole set of rules is computed anew, and only what differs is written. Changes that
 * come close together are answered by one update.
 *
 * Guarantees: nothing is written before the first lists are complete, and a start begins with the rules that are there; so a
 * restart leaves no gap. Every 30 seconds, and when the network stack was replaced, the rules in the kernel are read again,
 * so damage does not last.
 *
 * Source: kubernetes `pkg/proxy/iptables/proxier.go`, `pkg/util/async/bounded_frequency_runner.go`.
 */
import type { EndpointSlice, Service } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { startListWatch } from '#kit/client/list-watch.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { type Clock, systemClock, type Timer } from '#kit/contracts/clock.ts'
import { describeError, type Log, silentLog } from '#kit/contracts/log.ts'
import type { ProxyConfig, ServicePortInfo } from '#kit/contracts/proxy.ts'
import { parseIptablesSave, type RuleApplier, type Rules } from '#kit/contracts/proxy-rules.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { endpointsByServicePort } from './endpoints.ts'
import { changesBetween } from './minimal-update.ts'
import { buildRules } from './rules.ts'
import { servicePortsOf } from './service-ports.ts'

export interface KubeProxyOptions {
  readonly client: ApiClient
  readonly nodeName: string
  readonly config: ProxyConfig
  readonly applier: RuleApplier
  readonly clock?: Clock
  readonly log?: Log
}

/** Services without a cluster IP, and those that another proxy looks after, need no rules. */
const NOT_OURS = '!service.kubernetes.io/headless,!service.kubernetes.io/service-proxy-name'
/** Changes are collected for so long before they are applied: a rolling update is many small changes. */
const COLLECT_MS = 50
/** After a failure: doubles from the first to the last. A node that is down stays down for a while. */
const RETRY_FIRST_MS = 1_000
const RETRY_LAST_MS = 30_000
const FULL_SYNC_MS = 30_000

export async function startKubeProxy(options: KubeProxyOptions): Promise<RunningComponent> {
  const { client, nodeName, config, applier, clock = systemClock, log = silentLog } = options
  /** The rules that the kernel has, as far as we know; undefined: look first. */
  let present: Rules | undefined
  let resets = 0
  let retryMs = RETRY_FIRST_MS
  let listed = false
  let stopped = false
  let timer: Timer | undefined
  let dueMs = Number.POSITIVE_INFINITY
  let running: Promise<void> | undefined
  const complaints = new Map<string, string>()

  const changed = () => syncIn(COLLECT_MS)
  const handlers = { added: changed, updated: changed, deleted: changed }
  const watching = { client, clock, log, labelSelector: NOT_OURS, handlers }
  const services = startListWatch<Service>({ ...watching, resource: resources.services })
  const slices = startListWatch<EndpointSlice>({ ...watching, resource: resources.endpointSlices })
  const stopListening = applier.onReset(() => {
    log.warn('the network stack is new: writing all rules again')
    resets++
    present = undefined
    syncIn(0)
  })
  Promise.all([services.synced, slices.synced]).then(() => {
    listed = true
    syncIn(0)
  })

  /** Makes sure that a sync begins at most this long from now. */
  function syncIn(delayMs: number): void {
    if (stopped || !listed || clock.now() + delayMs >= dueMs) return
    timer?.cancel()
    dueMs = clock.now() + delayMs
    timer = clock.setTimer(delayMs, () => {
      dueMs = Number.POSITIVE_INFINITY
      running = (running ?? Promise.resolve()).then(sync)
    })
  }

  async function sync(): Promise<void> {
    if (stopped) return
    const resetsBefore = resets
    try {
      const wanted = wantedRules()
      const changes = changesBetween(present ?? parseIptablesSave(await applier.save()), wanted)
      // Should anything go wrong from here on, nobody knows what the kernel has.
      present = undefined
      if (changes !== '') {
        await applier.restore(changes)
        log.info(`applied ${changes.trimEnd().split('\n').length} lines`)
      }
      if (resets === resetsBefore) present = wanted
      retryMs = RETRY_FIRST_MS
    } catch (error) {
      log.error('rules not applied', error)
      syncIn(retryMs)
      retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
    }
  }

  function wantedRules(): Rules {
    const ports = services.list().flatMap((service) => servicePortsOf(service as Service))
    const endpoints = endpointsByServicePort(slices.list() as readonly EndpointSlice[], nodeName)
    return buildRules(ports, endpoints, config, complain)
  }

  /** Once for each Service and reason: a sync comes often. */
  function complain({ name }: ServicePortInfo, error: unknown): void {
    const reason = describeError(error)
    if (complaints.get(name) === reason) return
    complaints.set(name, reason)
    log.error(`no rules for ${name}`, error)
  }

  let fullSync = clock.setTimer(FULL_SYNC_MS, lookAgain)
  function lookAgain(): void {
    present = undefined
    syncIn(0)
    fullSync = clock.setTimer(FULL_SYNC_MS, lookAgain)
  }

  return {
    async stop() {
      stopped = true
      timer?.cancel()
      fullSync.cancel()
      stopListening()
      services.stop()
      slices.stop()
      await running
    },
  }
}
