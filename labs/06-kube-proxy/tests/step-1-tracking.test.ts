import { describe, expect } from 'vitest'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { endpointsByServicePort, usableEndpoints } from '#proxy/endpoints.ts'
import { servicePortsOf } from '#proxy/service-ports.ts'
import { endpoint, serviceObject, servicePort, sliceObject } from './fixtures.ts'

const fromServiceport = 'pkg/proxy/serviceport.go'

describe('Services', () => {
  lesson(
    'a Service becomes one record for each port',
    {
      scenario: 'A Service of type ClusterIP has the ports http (80) and dns (53, UDP).',
      rule: 'Rules are made for each port on its own; the port name is part of its identity, and TCP is the default.',
      source: fromServiceport,
    },
    () => {
      const ports = [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ]
      expect(servicePortsOf(serviceObject({ ports }))).toEqual([
        servicePort(),
        servicePort({ name: 'default/a:dns', port: 53, protocol: 'UDP' }),
      ])
    },
  )

  lesson(
    'a Service with one port may leave it without a name',
    {
      scenario: 'A Service has a single port and no name for it.',
      rule: 'The identity of such a port is "namespace/name", without a colon.',
      source: 'proxy.ServicePortName.String',
    },
    () => {
      expect(servicePortsOf(serviceObject({ ports: [{ port: 80 }] }))).toEqual([servicePort({ name: 'default/a' })])
    },
  )

  lesson(
    'a Service has the namespace in its name',
    {
      scenario: 'Two namespaces have a Service "web" each.',
      rule: 'A name is unique within its namespace only: "team-a/web:http" and "team-b/web:http" are two Service ports.',
      source: 'proxy.ServicePortName.String',
    },
    () => {
      const namesIn = (namespace: string) =>
        servicePortsOf({ ...serviceObject({}), metadata: { namespace, name: 'web' } }).map(({ name }) => name)
      expect({ 'in team-a': namesIn('team-a'), 'in team-b': namesIn('team-b') }).toEqual({
        'in team-a': ['team-a/web:http'],
        'in team-b': ['team-b/web:http'],
      })
    },
  )

  lesson(
    'a Service without a cluster IP needs no rules',
    {
      scenario: 'Three Services: a headless one, one of type ExternalName, and one that has no address yet.',
      rule: 'Only a Service with a cluster IP is captured. Headless ones are for DNS alone.',
      source: 'pkg/proxy/util/utils.go ShouldSkipService',
    },
    () => {
      const { clusterIP, ...spec } = serviceObject({}).spec!
      expect({
        headless: servicePortsOf(serviceObject({ clusterIP: 'None' })),
        ExternalName: servicePortsOf(serviceObject({ type: 'ExternalName', externalName: 'example.org' })),
        'no address yet': servicePortsOf({ metadata: { name: 'a' }, spec }),
      }).toEqual({ headless: [], ExternalName: [], 'no address yet': [] })
    },
  )

  lesson(
    'a Service keeps what leads to it from outside',
    {
      scenario:
        'A Service of type LoadBalancer has a node port, external IPs, source ranges and three ingress addresses.',
      rule: 'An ingress with ipMode Proxy, or with only a host name, never arrives as a destination, so it makes no rules.',
      source: 'KEP-1860, pkg/proxy/serviceport.go',
    },
    () => {
      const service = serviceObject(
        {
          type: 'LoadBalancer',
          ports: [{ name: 'http', port: 80, nodePort: 30080 }],
          externalIPs: ['192.0.2.9'],
          loadBalancerSourceRanges: ['198.51.100.0/24'],
          externalTrafficPolicy: 'Local',
          healthCheckNodePort: 32000,
        },
        // The types are a little older than `ipMode`.
        { loadBalancer: { ingress: [{ ip: '203.0.113.7' }, proxied('203.0.113.8'), { hostname: 'lb.example.org' }] } },
      )
      expect(servicePortsOf(service)).toEqual([
        servicePort({
          nodePort: 30080,
          externalIPs: ['192.0.2.9'],
          loadBalancerIPs: ['203.0.113.7'],
          sourceRanges: ['198.51.100.0/24'],
          healthCheckNodePort: 32000,
          externalPolicyLocal: true,
        }),
      ])
    },
  )

  lesson(
    'a Service that is no LoadBalancer any more ignores what is left of it',
    {
      scenario: 'A Service was of type LoadBalancer; it is of type NodePort now, but its status still has the address.',
      rule: 'Load balancer addresses and source ranges count only for type LoadBalancer.',
      source: fromServiceport,
    },
    () => {
      const service = serviceObject(
        { type: 'NodePort', loadBalancerSourceRanges: ['198.51.100.0/24'] },
        { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } },
      )
      expect(servicePortsOf(service)).toEqual([servicePort()])
    },
  )

  lesson(
    'a Service has affinity only if it asks for it, by default for three hours',
    {
      scenario: 'Three Services: no affinity, affinity by client IP, and the same with 600 seconds.',
      rule: 'sessionAffinity ClientIP without a timeout means 10800 seconds; anything else means none.',
      source: 'core/v1 DefaultClientIPServiceAffinitySeconds',
    },
    () => {
      const affinityOf = (spec: object) => servicePortsOf(serviceObject(spec))[0]?.affinitySeconds
      const sessionAffinityConfig = { clientIP: { timeoutSeconds: 600 } }
      expect({
        'None, though with 600 s': affinityOf({ sessionAffinity: 'None', sessionAffinityConfig }),
        ClientIP: affinityOf({ sessionAffinity: 'ClientIP' }),
        'ClientIP with 600 s': affinityOf({ sessionAffinity: 'ClientIP', sessionAffinityConfig }),
      }).toEqual({ 'None, though with 600 s': 0, ClientIP: 10_800, 'ClientIP with 600 s': 600 })
    },
  )

  lesson(
    'a Service keeps traffic local only where its policy says so',
    {
      scenario: 'Services with Local policies, one of them with no way in from outside.',
      rule: 'The external policy counts only for NodePort, LoadBalancer or with external IPs; the internal one always.',
      source: fromServiceport,
    },
    () => {
      const localOf = (spec: object) => {
        const [port] = servicePortsOf(serviceObject(spec))
        return { external: port?.externalPolicyLocal, internal: port?.internalPolicyLocal }
      }
      const external = { externalTrafficPolicy: 'Local' }
      expect({
        'no policy': localOf({}),
        'external, no way in': localOf(external),
        'external, NodePort': localOf({ ...external, type: 'NodePort' }),
        'external, external IP': localOf({ ...external, externalIPs: ['192.0.2.9'] }),
        internal: localOf({ internalTrafficPolicy: 'Local' }),
      }).toEqual({
        'no policy': { external: false, internal: false },
        'external, no way in': { external: false, internal: false },
        'external, NodePort': { external: true, internal: false },
        'external, external IP': { external: true, internal: false },
        internal: { external: false, internal: true },
      })
    },
  )
})

describe('EndpointSlices', () => {
  lesson(
    'endpoints by Service port are a plain object',
    {
      scenario: 'Somebody looks the endpoints of "default/a:http" up, as the given src/rules.ts does.',
      rule: "The result is a Record, `{ 'default/a:http': […] }`: with a Map, looking up by brackets finds nothing.",
      source: 'kit/contracts/proxy.ts EndpointsByServicePort',
    },
    () => {
      const slice = sliceObject('a-1', [{ addresses: ['10.244.1.5'], nodeName: 'node-1' }])
      const result = endpointsByServicePort([slice], 'node-1')
      expect({ 'kind of result': Object.prototype.toString.call(result) }).toEqual({
        'kind of result': '[object Object]',
      })
      expect({ 'its keys': Object.keys(result) }).toEqual({ 'its keys': ['default/a:http'] })
    },
  )

  lesson(
    'the slices of one Service are gathered under its port',
    {
      scenario: 'Service "a" has two slices; one endpoint is on this node, one is not ready.',
      rule: 'The label names the Service, the slice names the port; an endpoint is local if its nodeName is ours.',
      source: 'pkg/proxy/endpointslicecache.go',
    },
    () => {
      const slices = [
        sliceObject('a-1', [{ addresses: ['10.244.1.5'], nodeName: 'node-1', conditions: { ready: true } }]),
        sliceObject('a-2', [
          { addresses: ['10.244.2.7'], nodeName: 'node-2', conditions: { ready: false, serving: false } },
        ]),
      ]
      expect(endpointsByServicePort(slices, 'node-1')).toEqual({
        'default/a:http': [endpoint('10.244.1.5'), endpoint('10.244.2.7', { ready: false, serving: false })],
      })
    },
  )

  lesson(
    'slices of two namespaces are kept apart',
    {
      scenario: 'team-a/web has an endpoint, and so has team-b/web. Their slices carry the same label.',
      rule: "The label holds the Service's name only; its namespace is that of the slice.",
      source: 'pkg/proxy/endpointslicecache.go',
    },
    () => {
      const labels = { 'kubernetes.io/service-name': 'web' }
      const sliceIn = (namespace: string, ip: string) =>
        sliceObject('web-1', [{ addresses: [ip], nodeName: 'node-1' }], {
          metadata: { namespace, name: 'web-1', labels },
        })
      expect(
        endpointsByServicePort([sliceIn('team-a', '10.244.1.5'), sliceIn('team-b', '10.244.1.6')], 'node-1'),
      ).toEqual({
        'team-a/web:http': [endpoint('10.244.1.5')],
        'team-b/web:http': [endpoint('10.244.1.6')],
      })
    },
  )

  lesson(
    'a slice with two ports gives endpoints to both',
    {
      scenario: 'A slice has the ports http (8080) and admin (9090), one port without a number, and one endpoint.',
      rule: 'Each port of a slice is a list of endpoints of its own; a port without a number is left out.',
      source: 'pkg/proxy/endpointslicecache.go',
    },
    () => {
      const ports = [{ name: 'http', port: 8080 }, { name: 'admin', port: 9090 }, { name: 'any' }]
      const slice = sliceObject('a-1', [{ addresses: ['10.244.1.5'], nodeName: 'node-1' }], { ports })
      expect(endpointsByServicePort([slice], 'node-1')).toEqual({
        'default/a:http': [endpoint('10.244.1.5')],
        'default/a:admin': [endpoint('10.244.1.5', { port: 9090 })],
      })
    },
  )

  lesson(
    'an endpoint may leave its conditions out',
    {
      scenario: 'An endpoint has no conditions at all, another one says only that it terminates.',
      rule: 'ready and serving count as true when they are missing, terminating as false.',
      source: 'discovery/v1 EndpointConditions',
    },
    () => {
      const slice = sliceObject('a-1', [
        { addresses: ['10.244.1.5'], nodeName: 'node-1' },
        { addresses: ['10.244.2.7'], conditions: { ready: false, terminating: true } },
      ])
      expect(endpointsByServicePort([slice], 'node-1')['default/a:http']).toEqual([
        endpoint('10.244.1.5'),
        endpoint('10.244.2.7', { ready: false, terminating: true }),
      ])
    },
  )

  lesson(
    'slices of other address families, or of no Service, are left out',
    {
      scenario: 'One slice has IPv6 addresses, one belongs to no Service.',
      rule: "These rules are for IPv4, and a slice without the label kubernetes.io/service-name is somebody else's.",
      source: 'pkg/proxy/endpointslicecache.go',
    },
    () => {
      const slices = [
        sliceObject('a-6', [{ addresses: ['fd00::5'] }], { addressType: 'IPv6' }),
        sliceObject('x', [{ addresses: ['10.244.1.5'] }], { metadata: { namespace: 'default', name: 'x' } }),
      ]
      expect(endpointsByServicePort(slices, 'node-1')).toEqual({})
    },
  )

  lesson(
    'slices make the same list in whatever order they come',
    {
      scenario: 'Twelve endpoints in random slices, in random order, one of them in two slices at once.',
      rule: 'Equal endpoints must give equal rules: ordered by "ip:port", each once.',
      source: 'pkg/proxy/endpointslicecache.go',
    },
    (context) => {
      const random = createRandom(20260)
      context.seed(random.seed)
      const ips = Array.from({ length: 12 }, (_, i) => `10.244.1.${i + 1}`)
      for (let round = 0; round < 20; round++) {
        const shuffled = [...ips].sort(() => random.next() - 0.5)
        const cut = random.below(11) + 1
        const slices = [shuffled.slice(0, cut), shuffled.slice(cut - 1)].map((part, i) =>
          sliceObject(
            `a-${i}`,
            part.map((ip) => ({ addresses: [ip], nodeName: 'node-1' })),
          ),
        )
        const found = endpointsByServicePort(slices, 'node-1')['default/a:http']?.map(({ ip }) => ip)
        expect(found).toEqual([...ips].sort((a, b) => (`${a}:8080` < `${b}:8080` ? -1 : 1)))
      }
    },
  )
})

describe('usable endpoints', () => {
  const ready = endpoint('10.244.1.5')
  const unready = endpoint('10.244.1.6', { ready: false, serving: false })
  const draining = endpoint('10.244.2.7', { ready: false, terminating: true })
  const gone = endpoint('10.244.2.8', { ready: false, serving: false, terminating: true })

  lesson(
    'new connections go to ready endpoints',
    {
      scenario: 'One endpoint is ready, one is not, one terminates but still serves.',
      rule: 'While any endpoint is ready, new connections go to ready ones only.',
      source: 'KEP-1669',
    },
    () => expect(usableEndpoints([ready, unready, draining])).toEqual([ready]),
  )

  lesson(
    'new connections go to endpoints on their way out when nothing else is left',
    {
      scenario:
        'No endpoint is ready. One is starting, one terminates and still serves, one terminates and no longer does.',
      rule: 'Only then do terminating endpoints that serve get traffic; those that are merely not ready never do.',
      source: 'KEP-1669',
    },
    () => {
      const starting = endpoint('10.244.1.9', { ready: false, serving: true })
      expect(usableEndpoints([unready, draining, gone, starting])).toEqual([draining])
      expect(usableEndpoints([unready, gone])).toEqual([])
    },
  )
})

function proxied(ip: string): { ip: string } {
  return { ip, ipMode: 'Proxy' } as { ip: string }
}
