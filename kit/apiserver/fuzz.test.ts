/**
 * Requests that no client would send, from a seed (SEED=… tries others): every one gets an answer, every refusal is a `Status`, none is an
 * "internal error", and afterwards the server still works.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseTokenFile } from '#apiserver/auth/authenticate.ts'
import { startApiServer } from '#apiserver/server.ts'
import type { HttpServer } from '../contracts/apiserver.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'
import { createRandom, type Random } from '../sim/random.ts'

const REQUESTS = 1600
const AT_ONCE = 32

describe('nonsense', () => {
  let server: HttpServer
  beforeAll(async () => {
    server = await startApiServer({
      etcd: createSimEtcdStore(),
      bindAddresses: ['127.0.0.1'],
      port: 0,
      advertiseAddress: '127.0.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      tokens: parseTokenFile('secret,admin,1,"system:masters"'),
      // Nobody creates accounts here.
      disabledAdmissionPlugins: ['ServiceAccount'],
      log: silentLog,
    })
  })
  afterAll(() => server?.stop())

  it('is answered with a Status', async ({ task }) => {
    const seed = Number(process.env.SEED ?? 7)
    task.meta.seed = seed
    const random = createRandom(seed)
    const internalErrors: string[] = []
    const codes = new Map<number, number>()
    const send = async (count: number): Promise<void> => {
      const { path, init } = anyRequest(random)
      const story = `seed ${seed}, request ${count}: ${init.method} ${path} ${init.body}`
      const signal = AbortSignal.timeout(30_000)
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { ...init, signal })
      codes.set(response.status, (codes.get(response.status) ?? 0) + 1)
      if (response.ok && path.includes('watch')) {
        // It goes on; its headers are enough.
        await response.body?.cancel()
        return
      }
      const text = await response.text()
      if (response.ok || text === '404 page not found\n') return
      expect(JSON.parse(text), story).toMatchObject({ kind: 'Status', code: response.status })
      // 504 is the answer to a resourceVersion from the future.
      if (response.status >= 500 && response.status !== 504) internalErrors.push(`${story} → ${text}`)
    }
    for (let count = 0; count < REQUESTS; count += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => send(count + index)))
    }
    // Nonsense that is turned away at the door would test nothing behind it.
    expect(codes.get(200)).toBeGreaterThan(REQUESTS / 20)
    expect(codes.get(422)).toBeGreaterThan(REQUESTS / 50)
    expect(internalErrors).toEqual([])
    const headers = { Authorization: 'Bearer secret' }
    const alive = await fetch(`http://127.0.0.1:${server.port}/api/v1/namespaces/default`, { headers })
    expect(alive.status).toBe(200)
  }, 120_000)
})

const NAMES = [
  'a',
  'a',
  'a',
  'b',
  'node-1',
  'default',
  '..',
  '%2F',
  '%',
  '%00',
  'constructor',
  '__proto__',
  'x'.repeat(300),
]
const SUBRESOURCES = ['status', 'scale', 'binding', 'log', 'exec', 'finalize', 'nosuch']
const PARAMETERS = [
  ...['limit', 'continue', 'resourceVersion', 'resourceVersionMatch', 'labelSelector', 'fieldSelector', 'watch'],
  ...[
    'timeoutSeconds',
    'sendInitialEvents',
    'allowWatchBookmarks',
    'fieldManager',
    'fieldValidation',
    'dryRun',
    'force',
  ],
  ...['propagationPolicy', 'gracePeriodSeconds', 'container', 'command', 'includeObject', 'tailLines'],
]
const VALUES = [
  ...['', '0', '1', '-1', '1e9', '99999999999999999999', 'true', 'x', 'a=b', 'a in (b', 'metadata.name=a', '%ff'],
  ...['spec.nodeName!=b', 'All', 'Strict', 'Exact', 'NotOlderThan', 'None', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ'],
]
const PATCH_TYPES = ['merge-patch+json', 'json-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml']
const ACCEPTS = [
  ...[
    '',
    'application/json',
    'application/yaml',
    'image/png',
    ';;;,,=',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
  ],
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
]
const TRASH = ['{', '[', 'null', '1', '"x"', 'a: [', '\u0000', 'k8s\u0000', '{}', '[]', '---\n---\n']

const core = '/api/v1/namespaces/default'
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
/** Where the objects of a kind are, and one that is right. */
const KINDS: readonly (readonly [path: string, object: object])[] = [
  [
    `${core}/pods`,
    {
      metadata: { name: 'a', labels: { a: 'b' } },
      spec: {
        containers: [
          { name: 'c', image: 'i', env: [{ name: 'A', value: 'b' }], resources: { requests: { cpu: '1' } } },
        ],
        tolerations: [{ key: 'k', operator: 'Exists' }],
      },
    },
  ],
  [
    `${core}/services`,
    { metadata: { name: 'a' }, spec: { type: 'NodePort', ports: [{ port: 80 }], selector: { a: 'b' } } },
  ],
  ['/api/v1/namespaces', { metadata: { name: 'b' } }],
  ['/api/v1/nodes', { metadata: { name: 'node-1' }, spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }],
  [`${core}/configmaps`, { metadata: { generateName: 'a-', finalizers: ['x.y/z'] }, data: { a: 'b' } }],
  [`${core}/secrets`, { metadata: { name: 'a' }, data: { a: 'Yg==' }, stringData: { c: 'd' } }],
  [
    `${core}/endpoints`,
    { metadata: { name: 'a' }, subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
  ],
  [`${core}/events`, { metadata: { name: 'a' }, involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' } }],
  [
    '/apis/apps/v1/namespaces/default/deployments',
    { metadata: { name: 'a' }, spec: { replicas: 2, selector: { matchLabels: { a: 'b' } }, template } },
  ],
  [
    '/apis/apps/v1/namespaces/default/replicasets',
    {
      metadata: {
        name: 'a',
        ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u', controller: true }],
      },
      spec: { replicas: 2, selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }, template },
    },
  ],
  [
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
    { metadata: { name: 'a' }, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80 }] },
  ],
  [
    '/apis/coordination.k8s.io/v1/namespaces/default/leases',
    {
      metadata: { name: 'a' },
      spec: { holderIdentity: 'x', leaseDurationSeconds: 1, renewTime: '2026-01-01T00:00:00.000000Z' },
    },
  ],
]
const JSON_PATCH = [
  { op: 'replace', path: '/spec/replicas', value: 3 },
  { op: 'add', path: '/metadata/labels', value: { x: 'y' } },
  { op: 'test', path: '/metadata/name', value: 'a' },
]
const PATCHES: readonly object[] = [
  { metadata: { labels: { x: 'y' }, finalizers: ['a.b/c'] } },
  {
    spec: {
      replicas: 1,
      template: {
        spec: {
          containers: [
            { name: 'c', $patch: 'delete' },
            { name: 'd', image: 'i' },
          ],
        },
      },
    },
  },
  { spec: { template: { spec: { $setElementOrder: [{ name: 'c' }], containers: [{ name: 'c', image: 'j' }] } } } },
  { metadata: { labels: null, annotations: { a: 'b' } }, $retainKeys: ['metadata'], data: { $patch: 'replace' } },
  { spec: { containers: [{ name: 'c', env: [{ name: 'A', value: 'z' }, { $patch: 'replace' }] }] } },
]
const LEAVES: readonly unknown[] = [
  ...[null, 0, -1, 1.5, 1e300, '', 'x', 'ä'.repeat(100), true, [], {}, [null], { a: {} }, '\u0000', ['a', 'a'], [{}]],
  ...['2026-13-01T00:00:00Z', '1e999', '10.0.0.256', 'a/b/c', '-', 'UPPER'],
]

/** A request that would do, with something wrong about it, most of the time. */
function anyRequest(random: Random): { path: string; init: RequestInit } {
  const [collection, object] = random.pick(KINDS)
  const item = `${collection}/${random.pick(NAMES)}${random.chance(0.15) ? `/${random.pick(SUBRESOURCES)}` : ''}`
  const kind = random.pick([
    'create',
    'create',
    'update',
    'patch',
    'patch',
    'read',
    'read',
    'list',
    'delete',
    'odd',
  ] as const)
  const query = Array.from(
    { length: random.chance(0.4) ? 1 + random.below(3) : 0 },
    () => `${random.pick(PARAMETERS)}=${encodeURIComponent(random.pick(VALUES))}`,
  )
  const parts = {
    create: ['POST', collection, 'json', mutated(object, random)],
    update: ['PUT', item, 'json', mutated(object, random)],
    patch: [
      'PATCH',
      item,
      random.pick(PATCH_TYPES),
      mutated(random.chance(0.3) ? JSON_PATCH : random.pick(PATCHES), random),
    ],
    read: ['GET', item, 'json', undefined],
    list: ['GET', collection, 'json', undefined],
    delete: ['DELETE', item, 'json', mutated({ gracePeriodSeconds: 0, propagationPolicy: 'Orphan' }, random)],
    odd: [
      random.pick(['PUT', 'DELETE', 'OPTIONS', 'PATCH']),
      collection,
      'vnd.kubernetes.protobuf',
      random.pick(TRASH),
    ],
  } as const
  const [method, path, type, body] = parts[kind]
  const headers = {
    Authorization: random.chance(0.98) ? 'Bearer secret' : random.pick(['Bearer wrong', 'Basic x', 'Bearer']),
    'Content-Type': random.chance(0.97) ? `application/${type}` : random.pick(['', 'text/plain', 'application/yaml']),
    Accept: random.pick(ACCEPTS),
  }
  return {
    path: query.length > 0 ? `${path}?${query.join('&')}` : path,
    init: { method, headers, ...(body !== undefined && { body }) },
  }
}

function mutated(object: object, random: Random): string {
  if (random.chance(0.03)) return random.pick(TRASH)
  const copy = structuredClone(object)
  for (let mutations = random.below(3); mutations > 0; mutations--) mutate(copy, random)
  return JSON.stringify(copy)
}

/** Walks a random way down, and puts something else where it ends. */
function mutate(value: unknown, random: Random): void {
  if (typeof value !== 'object' || value === null) return
  const keys = Object.keys(value)
  if (keys.length === 0) return
  const key = random.pick(keys)
  const container = value as Record<string, unknown>
  if (random.chance(0.7) && typeof container[key] === 'object') mutate(container[key], random)
  else if (random.chance(0.2)) delete container[key]
  else container[key] = structuredClone(random.pick(LEAVES))
}
