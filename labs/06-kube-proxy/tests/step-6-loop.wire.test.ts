/**
 * The whole of kube-proxy against an API server over HTTP, with a network stack in memory: Services and EndpointSlices go
 * in, and packets tell what came out.
 */
import { afterEach, beforeEach, describe, expect } from 'vitest'
import type { EndpointSlice, Service } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Log } from '#kit/contracts/log.ts'
import type { Rules } from '#kit/contracts/proxy-rules.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { type SimApiServer, startSimApiServer } from '#kit/sim/api-server.ts'
import { MemoryIptables } from '#kit/sim/memory-iptables.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { startKubeProxy } from '#proxy/proxier.ts'
import { CLUSTER_IP, config, destinations, packet, serviceObject, sliceObject } from './fixtures.ts'

const source = 'pkg/proxy/iptables/proxier.go'
const webSlice = (...ips: string[]) =>
  sliceObject(
    'a-1',
    ips.map((ip) => ({ addresses: [ip], nodeName: 'node-1' })),
  )

describe('kube-proxy', () => {
  let server: SimApiServer
  let stack: WatchedStack
  let running: RunningComponent | undefined

  beforeEach(async () => {
    server = await startSimApiServer()
    stack = new WatchedStack()
  })

  afterEach(async () => {
    await running?.stop()
    await server.stop()
  })

  const start = async (client: ApiClient = server.client()) => {
    running = await startKubeProxy({
      client,
      nodeName: 'node-1',
      config,
      applier: stack.iptables,
      log: stack.log,
    })
  }
  const create = (slice: EndpointSlice) => server.client().create<EndpointSlice>(resources.endpointSlices, slice)
  const update = async (endpoints: EndpointSlice['endpoints']) => {
    const slice = await server
      .client()
      .get<EndpointSlice>(resources.endpointSlices, { namespace: 'default', name: 'a-1' })
    await server.client().update(resources.endpointSlices, { ...slice, endpoints })
  }

  lesson(
    'the rules follow Services and endpoints',
    {
      scenario: 'A Service gets two endpoints, one becomes unready, and at last the Service is deleted.',
      rule: 'Rules follow every change; a deleted Service leaves no chain behind.',
      source,
    },
    async () => {
      await start()
      await server.client().create(resources.services, serviceObject({}))
      await stack.until((rules) => destinations(rules, packet()).rejected === 1000)
      await create(webSlice('10.244.1.5', '10.244.1.6'))
      await stack.until((rules) => destinations(rules, packet())['10.244.1.6:8080'] === 500)
      await update([
        { addresses: ['10.244.1.5'], nodeName: 'node-1' },
        { addresses: ['10.244.1.6'], nodeName: 'node-1', conditions: { ready: false, serving: false } },
      ])
      await stack.until((rules) => destinations(rules, packet())['10.244.1.5:8080'] === 1000)
      await server.client().delete(resources.services, { namespace: 'default', name: 'a' })
      await stack.until((rules) => !Object.keys(rules.nat).some((chain) => /^KUBE-(SVC|SEP)-/.test(chain)))
      expect(destinations(stack.iptables.rules, packet())).toEqual({ [`${CLUSTER_IP}:80`]: 1000 })
    },
  )

  lesson(
    'kube-proxy writes nothing before it knows everything',
    {
      scenario: 'The list of Services is there, the one of EndpointSlices still on its way.',
      rule: 'Half of the truth would look like Services without endpoints, and refuse traffic that works.',
      source: `${source} (isInitialized)`,
    },
    async () => {
      await server.client().create(resources.services, serviceObject({}))
      await create(webSlice('10.244.1.5'))
      const slow = server.client()
      const list = slow.list.bind(slow) as ApiClient['list']
      let release = () => {}
      const released = new Promise<void>((resolve) => {
        release = resolve
      })
      let servicesListed = () => {}
      const listed = new Promise<void>((resolve) => {
        servicesListed = resolve
      })
      slow.list = async (resource, options) => {
        if (resource === resources.endpointSlices) await released
        else setTimeout(servicesListed, 200)
        return list(resource, options)
      }
      await start(slow)
      await listed
      expect({ 'written so far': stack.iptables.applied }).toEqual({ 'written so far': [] })
      release()
      await stack.until((rules) => destinations(rules, packet())['10.244.1.5:8080'] === 1000)
      expect({ 'times written': stack.iptables.applied.length }).toEqual({ 'times written': 1 })
    },
  )

  lesson(
    'kube-proxy leaves no gap when it restarts',
    {
      scenario: 'kube-proxy stops and starts again. Meanwhile one of two endpoints went away.',
      rule: 'Rules stay while it is away. The first write after a start already knows everything, and changes only what differs.',
      source,
    },
    async () => {
      await server.client().create(resources.services, serviceObject({}))
      await create(webSlice('10.244.1.5', '10.244.1.6'))
      await start()
      await stack.until((rules) => destinations(rules, packet())['10.244.1.6:8080'] === 500)
      await running?.stop()
      await update([{ addresses: ['10.244.1.5'], nodeName: 'node-1' }])
      stack.iptables.applied.length = 0
      await start()
      await stack.until((rules) => destinations(rules, packet())['10.244.1.5:8080'] === 1000)
      expect({ 'times written': stack.iptables.applied.length }).toEqual({ 'times written': 1 })
      expect(stack.iptables.applied[0]).not.toContain(':KUBE-SERVICES')
    },
  )

  lesson(
    'kube-proxy writes all rules again when the network stack was replaced',
    {
      scenario: 'The node restarts: its network stack is empty.',
      rule: 'What the kernel has is read again, never assumed.',
      source,
    },
    async () => {
      await server.client().create(resources.services, serviceObject({}))
      await create(webSlice('10.244.1.5'))
      await start()
      await stack.until((rules) => destinations(rules, packet())['10.244.1.5:8080'] === 1000)
      stack.iptables.reset()
      await stack.until(
        (rules) => rules.nat.PREROUTING !== undefined && destinations(rules, packet())['10.244.1.5:8080'] === 1000,
      )
    },
  )

  lesson(
    'kube-proxy ignores headless Services and those of another proxy',
    {
      scenario: 'Three Services exist: ours, a headless one, and one with the label of another proxy.',
      rule: 'Only Services without those labels are watched at all.',
      source: 'pkg/proxy/config, service.kubernetes.io/service-proxy-name',
    },
    async () => {
      const other = serviceObject({ clusterIP: '10.96.5.9' }) as Service
      const labels = { 'service.kubernetes.io/service-proxy-name': 'other' }
      await server
        .client()
        .create(resources.services, { ...other, metadata: { namespace: 'default', name: 'b', labels } })
      await server.client().create(resources.services, serviceObject({}))
      await start()
      await stack.until((rules) => destinations(rules, packet()).rejected === 1000)
      expect(JSON.stringify(stack.iptables.rules)).not.toContain('10.96.5.9')
    },
  )
})

/** Waits until the rules satisfy a condition; fails with whatever the proxy complains about first. */
class WatchedStack {
  readonly iptables = new MemoryIptables(() => this.#changed())
  readonly log: Log = { info() {}, warn() {}, error: (_, cause) => this.#failed(cause) }
  #changed: () => void = () => {}
  #failed: (cause: unknown) => void = () => {}

  until(satisfied: (rules: Rules) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#failed = reject
      this.#changed = () => {
        if (satisfied(this.iptables.rules)) resolve()
      }
      this.#changed()
    })
  }
}
