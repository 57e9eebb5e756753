/**
 * Quotas, limits and disruption budgets as users meet them: the real kubectl, our API server, and our controllers, which keep
 * the numbers right.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startControllerManager } from '#controllers/controller-manager.ts'
import type { Node, Pod, PodDisruptionBudget, ResourceQuota } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { createApiClient } from '../client/api-client.ts'
import { loadKubeconfig } from '../client/kubeconfig.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import { silentLog } from '../contracts/log.ts'
import type { RunningComponent } from '../contracts/running-component.ts'
import { eventually } from '../testing/eventually.ts'
import { describeWith } from '../testing/tools.ts'
import { playKubelets } from './testing/play-kubelets.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

const PATIENCE = { timeout: 60_000 }

describeWith(['kubectl'], 'counting together', () => {
  let server: TestApiServer
  let client: ApiClient
  let manager: RunningComponent
  let kubelets: { stop(): void }

  beforeAll(async () => {
    server = await startTestApiServer()
    await server.client.create<Node>(resources.nodes, { metadata: { name: 'node-2' } })
    await server.kubectl.output('taint node node-1 node-2 node.kubernetes.io/not-ready-')
    // With the rights that it has in a cluster, and no others.
    const { kubeconfig } = await server.kubectlAs('system:kube-controller-manager')
    client = createApiClient(loadKubeconfig(kubeconfig))
    manager = await startControllerManager({ client, log: silentLog, nodeMonitorGracePeriodMs: 3_600_000 })
    kubelets = playKubelets(server.client, ['node-1', 'node-2'])
  }, 60_000)

  afterAll(async () => {
    kubelets?.stop()
    await manager?.stop()
    client?.close()
    await server?.stop()
  })

  async function namespace(name: string): Promise<(command: string, stdin?: string) => Promise<string>> {
    await server.kubectl.output(`create namespace ${name}`)
    await eventually(() => server.client.get(resources.serviceAccounts, { namespace: name, name: 'default' }))
    return async (command, stdin = '') => {
      const { stdout, stderr } = await server.kubectl(`-n ${name} ${command}`, { stdin })
      return stdout + stderr
    }
  }
  const used = async (name: string) =>
    (await server.client.get<ResourceQuota>(resources.resourceQuotas, { namespace: name, name: 'q1' })).status?.used

  it('refuses what a quota does not allow, and allows it when there is room again', PATIENCE, async () => {
    const kubectl = await namespace('frugal')
    await kubectl('create quota q1 --hard=pods=2,services.nodeports=1,count/deployments.apps=1')
    await eventually(async () =>
      expect(await used('frugal')).toMatchObject({ pods: '0', 'count/deployments.apps': '0' }),
    )
    expect(await kubectl('run one --image=i')).toBe('pod/one created\n')
    expect(await kubectl('run two --image=i')).toBe('pod/two created\n')
    expect(await kubectl('run three --image=i')).toBe(
      'Error from server (Forbidden): pods "three" is forbidden: exceeded quota: q1, requested: pods=1, used: pods=2, limited: pods=2\n',
    )
    expect(await kubectl('run three --image=i --dry-run=server')).toContain('exceeded quota: q1')
    expect(await kubectl('create service nodeport web --tcp=80 --tcp=81')).toContain(
      'services "web" is forbidden: exceeded quota: q1, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1',
    )
    expect(await kubectl('create service clusterip web --tcp=80 --tcp=81')).toBe('service/web created\n')
    expect(await kubectl(`patch service web -p '{"spec":{"type":"NodePort"}}'`)).toContain('exceeded quota: q1')
    expect(await kubectl('create deployment a --image=i --replicas=0')).toBe('deployment.apps/a created\n')
    expect(await kubectl('create deployment b --image=i --replicas=0')).toContain('requested: count/deployments.apps=1')
    await kubectl('delete pod one --wait=false')
    await eventually(async () => expect((await used('frugal'))?.pods).toBe('1'))
    expect(await kubectl('run three --image=i')).toBe('pod/three created\n')
    expect(await kubectl('get quota q1 --no-headers')).toContain('count/deployments.apps: 1/1, pods: 2/2')
    await kubectl('scale deployment a --replicas=1')
    const why = 'get events --field-selector reason=FailedCreate -o jsonpath={.items[*].message}'
    await eventually(async () =>
      expect(await kubectl(why)).toContain('exceeded quota: q1, requested: pods=1, used: pods=2, limited: pods=2'),
    )
  })

  it('wants to be told what a quota counts, unless a LimitRange says it for all', PATIENCE, async () => {
    const kubectl = await namespace('limited')
    await kubectl('create quota q1 --hard=requests.cpu=1,limits.memory=1Gi')
    await eventually(async () => expect(await used('limited')).toMatchObject({ 'requests.cpu': '0' }))
    expect(await kubectl('run main --image=i')).toBe(
      'Error from server (Forbidden): pods "main" is forbidden: failed quota: q1: must specify limits.memory for: main; requests.cpu for: main\n',
    )
    const limits = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'l' },
      spec: {
        limits: [
          {
            type: 'Container',
            default: { memory: '128Mi' },
            defaultRequest: { cpu: '100m' },
            max: { memory: '256Mi' },
            maxLimitRequestRatio: { memory: '2' },
          },
        ],
      },
    }
    await kubectl('apply -f -', JSON.stringify(limits))
    expect(await kubectl('run main --image=i')).toBe('pod/main created\n')
    expect(await kubectl('get pod main -o jsonpath={.spec.containers[0].resources}')).toBe(
      '{"limits":{"memory":"128Mi"},"requests":{"cpu":"100m","memory":"128Mi"}}',
    )
    expect(
      await kubectl(
        `get pod main -o jsonpath='{.metadata.annotations.kubernetes\\.io/limit-ranger} {.status.qosClass}'`,
      ),
    ).toBe('LimitRanger plugin set: cpu, memory request for container main; memory limit for container main Burstable')
    const wide = { resources: { requests: { memory: '64Mi' }, limits: { memory: '1Gi' } } }
    const overrides = JSON.stringify({ spec: { containers: [{ name: 'wide', image: 'i', ...wide }] } })
    expect(await kubectl(`run wide --image=i --overrides='${overrides}'`)).toBe(
      'Error from server (Forbidden): pods "wide" is forbidden: [maximum memory usage per Container is 256Mi, but limit is 1Gi, memory max limit to request ratio per Container is 2, but provided ratio is 16.000000]\n',
    )
  })

  it('drains a node only as fast as a budget allows', PATIENCE, async () => {
    const kubectl = await namespace('steady')
    await server.kubectl.output('cordon node-2')
    await kubectl('create deployment web --image=i --replicas=3')
    await kubectl('create pdb web --selector=app=web --min-available=2')
    const budget = () =>
      server.client.get<PodDisruptionBudget>(resources.podDisruptionBudgets, { namespace: 'steady', name: 'web' })
    await eventually(async () =>
      expect((await budget()).status).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1, expectedPods: 3 }),
    )
    expect(await kubectl('get pdb web --no-headers')).toMatch(/^web +2 +N\/A +1 +/)

    await server.kubectl.output('uncordon node-2')

    let fewest = 3
    const watched = setInterval(async () => {
      const { items } = await server.client.list<Pod>(resources.pods, { namespace: 'steady' })
      const healthy = items.filter(
        ({ metadata, status }) => !metadata.deletionTimestamp && status?.phase === 'Running',
      ).length
      fewest = Math.min(fewest, healthy)
    }, 5)
    const drained = await server.kubectl(
      'drain node-1 --ignore-daemonsets --force --timeout=40s --pod-selector=app=web',
    )
    clearInterval(watched)
    expect(drained.stderr + drained.stdout).toContain('node/node-1 drained')
    expect(drained.stderr).toContain(
      "(will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.",
    )
    expect(fewest, 'healthy pods at the worst moment').toBeGreaterThanOrEqual(2)
    await server.kubectl.output('uncordon node-1')
  })

  it('refuses an eviction in the words of the budget', PATIENCE, async () => {
    const kubectl = await namespace('strict')
    await kubectl('create deployment web --image=i --replicas=2')
    await kubectl('create pdb web --selector=app=web --max-unavailable=0')
    await eventually(async () => expect(await kubectl('get pods --no-headers')).toMatch(/Running.*\n.*Running/))
    await eventually(async () => expect(await kubectl('get pdb web -o jsonpath={.status.currentHealthy}')).toBe('2'))
    const [pod] = (await server.client.list<Pod>(resources.pods, { namespace: 'strict' })).items
    const { name = '' } = pod?.metadata ?? {}
    const evict = () =>
      server.client.create(
        resources.pods,
        { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'strict' } },
        { namespace: 'strict', name, subresource: 'eviction' },
      )
    await expect(evict()).rejects.toMatchObject({
      code: 429,
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: 'The disruption budget web needs 2 healthy pods and has 2 currently',
          },
        ],
      },
    })
    await kubectl('create pdb other --selector=app=web --max-unavailable=1')
    await expect(evict()).rejects.toMatchObject({
      code: 500,
      message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    })
  })
})
