/**
 * The composition root: etcd below, the core in the middle, HTTPS on top.
 *
 * Source: kubernetes `cmd/kube-apiserver/app/server.go`.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { decodeObject } from '#kit/apiserver/decode-object.ts'
import { startHttpServer } from '#kit/apiserver/http-server.ts'
import { measureStore, objectCounts } from '#kit/apiserver/metrics/store-metrics.ts'
import { fieldsOfKind } from '#kit/apiserver/openapi/field-types.ts'
import { storeAnswers } from '#kit/apiserver/store-health.ts'
import type { HttpServer, HttpServerOptions } from '#kit/contracts/apiserver.ts'
import { type Clock, systemClock } from '#kit/contracts/clock.ts'
import type { KeyValueStore } from '#kit/contracts/key-value-store.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { EtcdClientOptions } from '#kit/etcd-api/client.ts'
import { createClusterView } from './admission/cluster-view.ts'
import { type AccountTokenOptions, createAccountTokens } from './auth/account-tokens.ts'
import type { TokenTable } from './auth/authenticate.ts'
import { createPolicyView } from './auth/policy-view.ts'
import { createRequestHandler } from './handle-request.ts'
import { kindRows, servedRows } from './kinds/registry.ts'
import { Latch } from './latch.ts'
import { FieldBook } from './managed-fields/field-book.ts'
import { startMeasuring } from './measured-usage.ts'
import { OptionalSteps } from './optional-steps.ts'
import { ServiceAddresses } from './services/addresses.ts'
import { startCompactor } from './storage/compactor.ts'
import { connectToEtcd } from './storage/connect-to-etcd.ts'
import { KindCaches } from './storage/kind-caches.ts'
import { ObjectStore } from './storage/object-store.ts'
import { TtlLeases } from './storage/ttl-leases.ts'
import { startUpkeep } from './upkeep.ts'
import type { ApiContext } from './verbs/context.ts'

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
  const { clock = systemClock, log, tls, kubelet } = options
  const connected = 'endpoints' in options.etcd ? await connectToEtcd(options.etcd, clock, log) : options.etcd
  const { store, lines: storeMetrics } = measureStore(connected, kindRows)
  const prepared = new Latch()
  const context = createContext(store, { ...options, clock, firstRoles: prepared.opened })
  const handle = createRequestHandler({ context, kinds: servedRows, tokens: options.tokens ?? new Map(), log })
  const server = await startHttpServer({
    handle,
    kinds: servedRows,
    bindAddresses: options.bindAddresses,
    port: options.port,
    ...(tls && { tls }),
    ...(kubelet && { kubelet }),
    documentAt: (path, serverAddress) => context.accountTokens?.document(path, serverAddress),
    furtherMetrics: () => [...storeMetrics(), ...objectCounts(kindRows, (row) => context.caches.of(row).cache.size)],
    ready: () => prepared.isOpen,
    storeAnswers: () => storeAnswers(store, clock),
    log,
  })
  const compactor = startCompactor(store, clock, log)
  const clientCertificateAuthority = tls?.clientCertificateAuthority
  const upkeep = startUpkeep({
    context,
    cluster: { ...options, port: server.port },
    furniture: { hostname: hostname(), serverUid: randomUUID(), clientCertificateAuthority },
    log,
  })
  void upkeep.firstRound.then(() => prepared.open())
  log.info(`serving on port ${server.port}`)
  return {
    port: server.port,
    async stop() {
      const upkeepStopped = upkeep.stop()
      compactor.stop()
      context.usage?.stop()
      context.caches.stop()
      await server.stop()
      await upkeepStopped
      store.close()
    },
  }
}

export interface ContextOptions
  extends Pick<
    ApiServerOptions,
    'log' | 'serviceClusterIpRange' | 'accountTokens' | 'disabledAdmissionPlugins' | 'kubelet'
  > {
  readonly clock: Clock
  /** Until then, nobody is refused for want of a role. */
  readonly firstRoles?: Promise<void>
}

/** The parts of the core, each with what it needs of the others. */
export function createContext(store: KeyValueStore, options: ContextOptions): ApiContext {
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
