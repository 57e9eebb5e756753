/**
 * Upstream's components begin with informers: nothing works in them until each has synced. So every informer that
 * kube-controller-manager and kube-scheduler 1.32 start is started here, with the rights of its component, in each of the
 * ways in which client-go does it: as one stream (WatchList), as a list and a watch, and for metadata alone.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiObject } from '../api/objects.ts'
import type { UserInfo } from '../contracts/apiserver.ts'
import { type PlainServer, startPlainServer, type WatchLine, type WireAnswer } from './testing/plain-server.ts'

const users = new Map<string, UserInfo>(
  ['system:kube-controller-manager', 'system:kube-scheduler'].map((name) => [
    name,
    { name, groups: ['system:authenticated'] },
  ]),
)

/** The typed informers of its controllers, and those of garbage collection and quotas, which look at all there is. */
const controllerManager = [
  '/api/v1/configmaps',
  '/api/v1/endpoints',
  '/api/v1/limitranges',
  '/api/v1/namespaces',
  '/api/v1/nodes',
  '/api/v1/persistentvolumeclaims',
  '/api/v1/persistentvolumes',
  '/api/v1/pods',
  '/api/v1/podtemplates',
  '/api/v1/replicationcontrollers',
  '/api/v1/resourcequotas',
  '/api/v1/secrets',
  '/api/v1/serviceaccounts',
  '/api/v1/services',
  '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
  '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
  '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  '/apis/apiregistration.k8s.io/v1/apiservices',
  '/apis/apps/v1/controllerrevisions',
  '/apis/apps/v1/daemonsets',
  '/apis/apps/v1/deployments',
  '/apis/apps/v1/replicasets',
  '/apis/apps/v1/statefulsets',
  '/apis/autoscaling/v2/horizontalpodautoscalers',
  '/apis/batch/v1/cronjobs',
  '/apis/batch/v1/jobs',
  '/apis/certificates.k8s.io/v1/certificatesigningrequests',
  '/apis/coordination.k8s.io/v1/leases',
  '/apis/discovery.k8s.io/v1/endpointslices',
  '/apis/events.k8s.io/v1/events',
  '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas',
  '/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations',
  '/apis/networking.k8s.io/v1/ingressclasses',
  '/apis/networking.k8s.io/v1/ingresses',
  '/apis/networking.k8s.io/v1/networkpolicies',
  '/apis/node.k8s.io/v1/runtimeclasses',
  '/apis/policy/v1/poddisruptionbudgets',
  '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  '/apis/rbac.authorization.k8s.io/v1/rolebindings',
  '/apis/rbac.authorization.k8s.io/v1/roles',
  '/apis/scheduling.k8s.io/v1/priorityclasses',
  '/apis/storage.k8s.io/v1/csidrivers',
  '/apis/storage.k8s.io/v1/csinodes',
  '/apis/storage.k8s.io/v1/csistoragecapacities',
  '/apis/storage.k8s.io/v1/storageclasses',
  '/apis/storage.k8s.io/v1/volumeattachments',
]

const scheduler = [
  '/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dextension-apiserver-authentication',
  '/api/v1/namespaces',
  '/api/v1/nodes',
  '/api/v1/persistentvolumeclaims',
  '/api/v1/persistentvolumes',
  '/api/v1/pods?fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed',
  '/api/v1/replicationcontrollers',
  '/api/v1/services',
  '/apis/apps/v1/replicasets',
  '/apis/apps/v1/statefulsets',
  '/apis/policy/v1/poddisruptionbudgets',
  '/apis/storage.k8s.io/v1/csidrivers',
  '/apis/storage.k8s.io/v1/csinodes',
  '/apis/storage.k8s.io/v1/csistoragecapacities',
  '/apis/storage.k8s.io/v1/storageclasses',
  '/apis/storage.k8s.io/v1/volumeattachments',
]

const informers = [
  ...controllerManager.map((path) => ({ component: 'system:kube-controller-manager', path })),
  ...scheduler.map((path) => ({ component: 'system:kube-scheduler', path })),
]

const query = (path: string, parameters: string) => `${path}${path.includes('?') ? '&' : '?'}${parameters}`
const accepting = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1,application/json`
const namesOf = (objects: unknown) => (objects as ApiObject[]).map(({ metadata }) => metadata?.name)
const endsInitialEvents = ({ object }: WatchLine) =>
  object.metadata?.annotations?.['k8s.io/initial-events-end'] === 'true'

/** All at once, as they are started. Its last event is what a watch ends with when nothing happens. */
async function listAndWatch(server: PlainServer, path: string, headers: Record<string, string>) {
  const list = await server.ask(query(path, 'limit=500&resourceVersion=0'), { headers })
  const version = list.body.metadata?.resourceVersion
  const parameters = `allowWatchBookmarks=true&resourceVersion=${version}&timeoutSeconds=1&watch=true`
  const lines = await server.watch(query(path, parameters), undefined, headers)
  return { list, last: lines.at(-1) }
}

/** The state in events, until the bookmark says that it is whole. */
function watchList(server: PlainServer, path: string, headers: Record<string, string>) {
  const parameters = 'allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&watch=true'
  return server.watch(query(path, parameters), endsInitialEvents, headers)
}

describe("upstream's informers", () => {
  let server: PlainServer
  beforeAll(async () => {
    server = await startPlainServer(users)
  })
  afterAll(() => server?.stop())

  describe('for whole objects', () => {
    const as = (component: string) => ({ Authorization: `Bearer ${component}`, Accept: 'application/json' })
    let results: { lists: Awaited<ReturnType<typeof listAndWatch>>; stream: WatchLine[] }[] = []
    beforeAll(async () => {
      const sync = async ({ component, path }: (typeof informers)[number]) => ({
        lists: await listAndWatch(server, path, as(component)),
        stream: await watchList(server, path, as(component)),
      })
      results = await Promise.all(informers.map(sync))
    })

    it.each(informers.map((informer, i) => ({ ...informer, i })))('$component syncs $path', ({ i }) => {
      const { lists, stream } = results[i]!
      expect(lists.list.status, lists.list.body.message).toBe(200)
      expect(lists.last).toMatchObject({ type: 'BOOKMARK', object: { apiVersion: lists.list.body.apiVersion } })
      expect(namesOf(stream.slice(0, -1).map(({ object }) => object))).toEqual(
        expect.arrayContaining(namesOf(lists.list.body.items)),
      )
    })
  })

  describe('for metadata alone', () => {
    const as = (kind: string) => ({ Authorization: 'Bearer system:kube-controller-manager', Accept: accepting(kind) })
    let results: { list: WireAnswer; stream: WatchLine[] }[] = []
    beforeAll(async () => {
      const sync = async (path: string) => ({
        list: await server.ask(query(path, 'limit=500&resourceVersion=0'), {
          headers: as('PartialObjectMetadataList'),
        }),
        stream: await watchList(server, path, as('PartialObjectMetadata')),
      })
      results = await Promise.all(controllerManager.map(sync))
    })

    it.each(controllerManager.map((path, i) => ({ path, i })))('sync $path', ({ i }) => {
      const { list, stream } = results[i]!
      expect(list.body).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' })
      expect(new Set(stream.map(({ object }) => object.kind))).toEqual(new Set(['PartialObjectMetadata']))
      const seen = namesOf(stream.slice(0, -1).map(({ object }) => object))
      expect(seen).toEqual(expect.arrayContaining(namesOf(list.body.items)))
    })
  })
})
