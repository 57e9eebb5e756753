/**
 * The composition root: etcd below, the core in the middle, HTTPS on top.
 *
 * Source: kubernetes `cmd/kube-apiserver/app/server.go`.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { decodeObject } from '#kit/apiserver/decode-object.ts'
import { createEtcdKeyValueStore } from '#kit/apiserver/etcd-key-value-store.ts'
import { startHttpServer } from '#kit/apiserver/http-server.ts'
import { measureStore, objectCounts } from '#kit/apiserver/metrics/store-metrics.ts'
import { fieldsOfKind } from '#kit/apiserver/openapi/field-types.ts'
import { storeAnswers } from '#kit/apiserver/store-health.ts'
import type { HttpServer, HttpServerOptions } from '#kit/contracts/apiserver.ts'
import { type Clock, systemClock, type Timer } from '#kit/contracts/clock.ts'
import type { KeyValueStore } from '#kit/contracts/key-value-store.ts'
import { describeError, type Log } from '#kit/contracts/log.ts'
import { createEtcdClient, type EtcdClientOptions } from '#kit/etcd-api/client.ts'
import { createClusterView } from './admission/cluster-view.ts'
import { type AccountTokenOptions, createAccountTokens } from './auth/account-tokens.ts'
import type { TokenTable } from './auth/authenticate.ts'
import { bootstrapRoles, reconcileRoles } from './auth/bootstrap-policy.ts'
import { createPolicyView } from './auth/policy-view.ts'
import { bootstrap, repairAddresses } from './bootstrap.ts'
import { furnish } from './furnish.ts'
import { createRequestHandler } from './handle-request.ts'
import { kindRows, servedRows } from './kinds/registry.ts'
import { FieldBook } from './managed-fields/field-book.ts'
import { startMeasuring } from './measured-usage.ts'
import { OptionalSteps } from './optional-steps.ts'
import { ServiceAddresses } from './services/addresses.ts'
import { startCompactor } from './storage/compactor.ts'
import { KindCaches } from './storage/kind-caches.ts'
import { ObjectStore } from './storage/object-store.ts'
import { TtlLeases } from './storage/ttl-leases.ts'
import type { ApiContext } from './verbs/context.ts'

/** What the cluster must have is looked after as often as upstream does, and after a failure sooner. */
const UPKEEP_MS = 10_000
const ETCD_PATIENCE_MS = 120_000
const ETCD_RETRY_MS = 100

export interface ApiServerOptions extends Pick<HttpServerOptions, 'bindAddresses' | 'port' | 'tls' | 'kubelet'> {
  /** etcd's endpoints; or a store, for tests. */
  readonly etcd: EtcdClientOptions | KeyValueStore
  /** What the Service `kubernetes` leads to. */
  readonly advertiseAddress: string
  readonly serviceClusterIpRange: string
  readonly tokens?: TokenTable
  /** Without it there are no service account tokens. */
  readonly accountTokens?: AccountTokenOptions | undefined
  /** `--disable-admission-plugins`: where nobody creates default accounts or takes taints away, pods need neither. */
  readonly disabledAdmissionPlugins?: readonly string[] | undefined
  readonly clock?: Clock
  readonly log: Log
}

export async function startApiServer(options: ApiServerOptions): Promise<HttpServer> {
  const { log } = options
  const clock = options.clock ?? systemClock
  const connected = 'endpoints' in options.etcd ? await connectToEtcd(options.etcd, clock, log) : options.etcd
  const { store, lines: storeMetrics } = measureStore(connected, kindRows)
  let rolesAreThere = () => {}
  const firstRoles = new Promise<void>((resolve) => {
    rolesAreThere = resolve
  })
  const context = createContext(store, { ...options, clock, firstRoles })
  const handle = createRequestHandler({ context, kinds: servedRows, tokens: options.tokens ?? new Map(), log })
  let isReady = false
  let upkeep: Timer | undefined
  const server = await startHttpServer({
    handle,
    kinds: servedRows,
    bindAddresses: options.bindAddresses,
    port: options.port,
    ...(options.tls && { tls: options.tls }),
    ...(options.kubelet && { kubelet: options.kubelet }),
    documentAt: (path, serverAddress) => context.accountTokens?.document(path, serverAddress),
    furtherMetrics: () => [...storeMetrics(), ...objectCounts(kindRows, (row) => context.caches.of(row).cache.size)],
    ready: () => isReady,
    storeAnswers: () => storeAnswers(store, clock),
    log,
  })
  const compactor = startCompactor(store, clock, log)
  let stopped = false
  let retryMs = ETCD_RETRY_MS
  const serverUid = randomUUID()
  const clientCertificateAuthority = options.tls?.clientCertificateAuthority
  let isStart = true
  let furnishing = Promise.resolve()
  async function keepUp(): Promise<void> {
    const done = await prepareCluster(context, { ...options, port: server.port }, isStart)
    isStart &&= !done
    if (done && !stopped) {
      furnishing = furnish(context, servedRows, { hostname: hostname(), serverUid, clientCertificateAuthority }).catch(
        (error) => log.warn(`furnishing the cluster: ${describeError(error)}`),
      )
    }
    retryMs = done ? ETCD_RETRY_MS : Math.min(retryMs * 2, UPKEEP_MS)
    if (!stopped) upkeep = clock.setTimer(done ? UPKEEP_MS : retryMs, () => void keepUp())
  }
  const bootstrapped = repairStored(context, log)
    .then(keepUp)
    .finally(() => {
      rolesAreThere()
      isReady = true
    })
  log.info(`serving on port ${server.port}`)
  return {
    port: server.port,
    async stop() {
      stopped = true
      compactor.stop()
      context.usage?.stop()
      context.caches.stop()
      await server.stop()
      await bootstrapped
      await furnishing
      upkeep?.cancel()
      store.close()
    },
  }
}

/** etcd and API server start side by side, so the first tries may find nobody at home. */
async function connectToEtcd(options: EtcdClientOptions, clock: Clock, log: Log): Promise<KeyValueStore> {
  const client = createEtcdClient(options)
  const startedMs = clock.now()
  for (;;) {
    try {
      return await createEtcdKeyValueStore(client)
    } catch (error) {
      if (clock.now() - startedMs > ETCD_PATIENCE_MS) throw error
      log.warn(`waiting for etcd: ${describeError(error)}`)
      await new Promise<void>((resolve) => clock.setTimer(ETCD_RETRY_MS, resolve))
    }
  }
}

/** Before the first Service is created, so that the ranges are right by then. */
async function repairStored(context: ApiContext, log: Log): Promise<void> {
  try {
    await context.caches.synced()
    await repairAddresses(context, kindRows)
  } catch (error) {
    log.error('reading what is stored', error)
  }
}

/** A part that is not written yet must not end the server: it is logged, and the rest goes on. @returns success */
async function prepareCluster(context: ApiContext, options: ApiServerOptions, isStart: boolean): Promise<boolean> {
  try {
    await bootstrap(context, kindRows, options)
    await bootstrapRoles(context, kindRows)
    if (isStart) await reconcileRoles(context, kindRows)
    return true
  } catch (error) {
    options.log.error('preparing the cluster', error)
    return false
  }
}

export function createContext(
  store: KeyValueStore,
  options: Pick<
    ApiServerOptions,
    'log' | 'serviceClusterIpRange' | 'accountTokens' | 'disabledAdmissionPlugins' | 'kubelet'
  > & {
    clock: Clock
    firstRoles?: Promise<void>
  },
): ApiContext {
  const { clock, log, serviceClusterIpRange } = options
  const objects = new ObjectStore(store)
  const caches = new KindCaches(kindRows, { store, clock, log })
  const random = Math.random
  const policy = createPolicyView(caches, options.firstRoles)
  const disabledPlugins = options.disabledAdmissionPlugins ?? []
  const optional = new OptionalSteps(log)
  const cluster = createClusterView({ objects, caches, policy, clock, random, optional, disabledPlugins })
  return {
    store,
    objects,
    caches,
    leases: new TtlLeases(store, clock),
    addresses: new ServiceAddresses(objects, serviceClusterIpRange, random),
    clock,
    decode: decodeObject,
    cluster,
    policy,
    fields: new FieldBook({ kinds: kindRows, fieldsOf: fieldsOfKind, clock, optional }),
    optional,
    accountTokens:
      options.accountTokens &&
      createAccountTokens(options.accountTokens, { objects, caches, clock, newUid: randomUUID }),
    usage: options.kubelet && startMeasuring(options.kubelet, caches, clock, log),
    newUid: randomUUID,
    random,
  }
}
