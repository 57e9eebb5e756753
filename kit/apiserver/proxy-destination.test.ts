/** Whom a `/proxy` request is meant for, without a server. */
import { describe, expect, it } from 'vitest'
import {
  type ProxySources,
  parseProxyName,
  pathBehindProxy,
  proxyDestination,
} from '#apiserver/subresources/proxy-destination.ts'
import type { ApiObject } from '../api/objects.ts'
import { isProxyPath } from './proxy-headers.ts'

const pod = (ip: string, ports: object[] = []) => ({
  spec: { containers: [{ name: 'a' }, { name: 'b', ports }] },
  status: { podIP: ip, podIPs: [{ ip }] },
})
const address = (ip: string, name: string, namespace = 'shop') => ({ ip, targetRef: { kind: 'Pod', namespace, name } })

const objects: Readonly<Record<string, unknown>> = {
  'nodes//n': {
    status: {
      addresses: [{ type: 'InternalIP', address: '10.0.0.5' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  },
  'pods/shop/web': pod('10.1.0.1', [{ containerPort: 8080 }]),
  'pods/shop/other': pod('10.1.0.2'),
  'pods/shop/pending': { spec: { containers: [] }, status: {} },
  'pods/shop/local': pod('127.0.0.1'),
  'pods/shop/metadata': pod('169.254.169.254'),
  'pods/shop/mapped': pod('::ffff:127.0.0.1'),
  'services/shop/web': {
    spec: {
      ports: [
        { name: 'http', port: 80 },
        { name: 'tls', port: 443 },
      ],
    },
  },
  'endpoints/shop/web': {
    subsets: [
      { notReadyAddresses: [address('10.1.0.9', 'web')], ports: [{ name: 'http', port: 8080 }] },
      {
        addresses: [address('10.1.0.1', 'web'), address('10.1.0.2', 'other')],
        ports: [
          { name: 'http', port: 8080 },
          { name: 'tls', port: 8443 },
        ],
      },
    ],
  },
  'services/shop/lies': { spec: { ports: [{ port: 80 }] } },
  'endpoints/shop/lies': {
    subsets: [
      {
        addresses: [{ ip: '10.9.9.9' }, address('10.9.9.9', 'web'), address('10.1.0.1', 'web', 'office')],
        ports: [{ port: 80 }],
      },
    ],
  },
}

const sources = (random = 0): ProxySources => ({
  get: async (resource, namespace, name) => objects[`${resource}/${namespace}/${name}`] as ApiObject | undefined,
  random: () => random,
})
const to = async (kind: 'Node' | 'Pod' | 'Service', name: string, random = 0) => {
  const namespace = kind === 'Node' ? '' : 'shop'
  const { scheme, address: host, port } = await proxyDestination(sources(random), kind, { namespace, name, path: '' })
  return `${scheme}://${host}${port ? `:${port}` : ''}`
}

describe('a name behind which something is to be found', () => {
  it.each([
    ['web', { scheme: '', name: 'web', port: '' }],
    ['web:http', { scheme: '', name: 'web', port: 'http' }],
    ['https:web:443', { scheme: 'https', name: 'web', port: '443' }],
    ['https:web:', { scheme: 'https', name: 'web', port: '' }],
    ['ftp:web:21', undefined],
    [':80', undefined],
    ['a:b:c:d', undefined],
  ])('%s', (text, parsed) => expect(parseProxyName(text)).toEqual(parsed))
})

describe('a path that is for somebody else', () => {
  it.each([
    ['/api/v1/namespaces/shop/pods/web/proxy', true, ''],
    ['/api/v1/namespaces/shop/services/https:web:443/proxy/', true, '/'],
    ['/api/v1/nodes/n/proxy/metrics//x%2Fy', true, '/metrics//x%2Fy'],
    ['/api/v1/namespaces/shop/pods/proxy', false, ''],
    ['/api/v1/namespaces/shop/configmaps/web/proxy/', false, '/'],
    ['/api/v1/namespaces/shop/pods/web/proxyless', false, ''],
  ])('%s', (path, isOne, rest) => expect([isProxyPath(path), pathBehindProxy(path)]).toEqual([isOne, rest]))
})

describe('the destination', () => {
  it('of a node is its kubelet, or another port of the machine', async () => {
    expect(await proxyDestination(sources(), 'Node', { namespace: '', name: 'n', path: '' })).toMatchObject({
      scheme: 'https',
      address: '10.0.0.5',
      port: 10250,
      toKubelet: true,
    })
    expect(await to('Node', 'n:10250')).toBe('https://10.0.0.5:10250')
    expect(await to('Node', 'http:n:9100')).toBe('http://10.0.0.5:9100')
  })

  it('of a pod is its address, at the port that is asked for or the first that it names', async () => {
    expect(await to('Pod', 'web')).toBe('http://10.1.0.1:8080')
    expect(await to('Pod', 'web:81')).toBe('http://10.1.0.1:81')
    expect(await to('Pod', 'https:other:')).toBe('https://10.1.0.2')
  })

  it('of a Service is one of its ready endpoints, each as likely as the others', async () => {
    expect(await to('Service', 'web:http', 0)).toBe('http://10.1.0.1:8080')
    expect(await to('Service', 'web:80', 0.99)).toBe('http://10.1.0.2:8080')
    expect(await to('Service', 'https:web:443', 0.5)).toBe('https://10.1.0.2:8443')
  })

  it.each([
    ['Pod', 'pending', 'address not allowed'],
    ['Pod', 'local', 'address not allowed'],
    ['Pod', 'metadata', 'address not allowed'],
    ['Pod', 'mapped', 'address not allowed'],
    ['Pod', 'web:http', 'invalid port "http"'],
    ['Pod', 'none', 'pods "none" not found'],
    ['Service', 'web', 'no endpoints available for service "web"'],
    ['Service', 'web:81', 'no service port 81 found for service "web"'],
    // Whoever may write Endpoints could otherwise send the server anywhere.
    ['Service', 'lies:80', 'no endpoints available for service "lies:80"'],
    ['Service', 'none', 'endpoints "none" not found'],
  ] as const)('of %s %s is refused', async (kind, name, message) => {
    await expect(to(kind, name)).rejects.toThrow(message)
  })
})
