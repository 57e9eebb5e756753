/**
 * Upstream's kubelet 1.32 registers and reports on our API server: every request that it was recorded to make in its first
 * minute, with its identity and content types, is answered as it was then.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiObject } from '../api/objects.ts'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'
import { firstDifference, normal } from './testing/replay/compare.ts'
import { World } from './testing/replay/world.ts'
import { hasRecordings, recording } from './testing/upstream.ts'

interface RecordedRequest {
  readonly t: number
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'
  readonly uri: string
  readonly code: number
  readonly requestObject?: ApiObject
}

interface Recording {
  readonly registrationRequests: readonly RecordedRequest[]
  readonly node: ApiObject
  readonly lease: ApiObject
}

const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
}
const KUBELET = 'system:node:node-1'
const PODS = ['t1', 't2', 't3']

describe.skipIf(!hasRecordings)("upstream's kubelet", () => {
  const recorded = hasRecordings ? recording<Recording>('kubelet/node.json.gz') : undefined
  // The recorded server gave its pods one ConfigMap more than Kubernetes does.
  const requests = (recorded?.registrationRequests ?? []).filter(({ uri }) => !uri.includes('openshift'))
  let server: PlainServer
  let world: World

  beforeAll(async () => {
    const groups = ['system:nodes', 'system:authenticated']
    server = await startPlainServer(new Map([[KUBELET, { name: KUBELET, groups }]]))
    world = new World(server.url)
    world.enter('default')
    const create = (path: string, body: object) => server.ask(path, { method: 'POST', body })
    await create('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } })
    await create('/api/v1/namespaces/default/configmaps', { metadata: { name: 'kube-root-ca.crt' } })
  })
  afterAll(() => server?.stop())

  it('was recorded', () => expect(requests.length).toBeGreaterThan(60))

  it('is answered as it was', async () => {
    const answers: string[] = []
    const watches: Promise<void>[] = []
    for (const request of requests.toSorted((a, b) => a.t - b.t)) {
      const { verb, uri, code } = request
      // It asks for a ConfigMap as soon as it has a pod that needs one.
      const pod = uri.includes('/configmaps') ? PODS[0] : /\/pods\/([^/?]+)/.exec(uri)?.[1]
      if (pod && !(await world.current(`/api/v1/namespaces/default/pods/${pod}`)) && code === 200) await createPod(pod)
      if (pod && /"phase":"Failed"/.test(JSON.stringify(request))) await deletePod(pod)
      if (verb === 'watch') watches.push(watchBriefly(uri, answers))
      else answers.push(`${verb} ${uri} ${await send(request)}`)
    }
    await Promise.all(watches)
    const expected = requests.map(({ verb, uri, code }) => `${verb} ${uri} ${code}`)
    expect(answers.toSorted()).toEqual(expected.toSorted())
  })

  it('leaves behind what it left behind', async () => {
    for (const object of [recorded?.node, recorded?.lease]) {
      const isNode = object?.kind === 'Node'
      const path = isNode
        ? '/api/v1/nodes/node-1'
        : '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-1'
      const { body } = await server.ask(path)
      expect(firstDifference(normal(withoutLater(object ?? {})), normal(withoutLater(body)), '')).toBeUndefined()
    }
    for (const pod of PODS) expect((await server.ask(`/api/v1/namespaces/default/pods/${pod}`)).status).toBe(404)
  })

  async function createPod(name: string): Promise<void> {
    const spec = { nodeName: 'node-1', containers: [{ name: name === 't1' ? 'main' : name, image: 'busybox:1' }] }
    const body = { metadata: { name }, spec }
    const { status, body: answer } = await server.ask('/api/v1/namespaces/default/pods', { method: 'POST', body })
    expect(status, answer.message).toBe(201)
  }

  async function deletePod(name: string): Promise<void> {
    await server.ask(`/api/v1/namespaces/default/pods/${name}`, { method: 'DELETE' })
  }

  /** From the newest version, since versions are not the same; to the first silence. */
  async function watchBriefly(uri: string, answers: string[]): Promise<void> {
    const url = new URL(uri, server.url)
    url.searchParams.delete('resourceVersion')
    url.searchParams.set('timeoutSeconds', '1')
    const lines = await server.watch(url.pathname + url.search, undefined, { Authorization: `Bearer ${KUBELET}` })
    const mark = lines.at(-1)
    answers.push(`watch ${uri} ${mark?.type === 'BOOKMARK' ? 200 : JSON.stringify(mark)}`)
  }

  async function send({ verb, uri, requestObject }: RecordedRequest): Promise<number> {
    const [path = ''] = uri.replace(/\/(status|token)(?=\?|$)/, '').split('?')
    const target = verb === 'create' ? undefined : await world.current(path)
    const sent = requestObject && withWireVersion(requestObject)
    const body = await world.resolve(sent, target, '')
    const version = target?.metadata?.resourceVersion
    if (verb === 'update') Object.assign((body as ApiObject).metadata ?? {}, { resourceVersion: version })
    const contentType = verb === 'patch' ? 'application/strategic-merge-patch+json' : 'application/json'
    const answer = await world.send({ method: METHODS[verb], path: uri, as: KUBELET, body, contentType })
    return answer.status
  }
})

/** The audit log, from which the requests are, shows options in the server's own version. */
function withWireVersion(object: ApiObject): ApiObject {
  return object.apiVersion === 'meta.k8s.io/__internal' ? { ...object, apiVersion: 'v1' } : object
}

/** Recorded later, when controllers and more minutes had changed some of it; and without what was made unreadable. */
function withoutLater({ kind, metadata, spec, status }: ApiObject): Record<string, unknown> {
  const { podCIDR, podCIDRs, taints, renewTime, ...specified } = (spec ?? {}) as Record<string, unknown>
  const { images, conditions, nodeInfo, ...reported } = (status ?? {}) as Record<string, unknown>
  const { labels, ownerReferences } = metadata ?? {}
  return { kind, metadata: { labels, ownerReferences }, spec: specified, status: reported }
}
