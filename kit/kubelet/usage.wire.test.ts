/** `kubectl top`: figures from a kubelet, by way of the API server. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ApiObject } from '../api/objects.ts'
import { CONTAINER_USAGE } from '../runtime/fake-runtime.ts'
import { eventually } from '../testing/eventually.ts'
import { describeWith } from '../testing/tools.ts'
import { type KubeletCluster, NODE, startKubeletCluster } from './testing/kubelet-cluster.ts'

const METRICS = '/apis/metrics.k8s.io/v1beta1'

let cluster: KubeletCluster

/** A raw answer, parsed. */
async function get<T>(path: string): Promise<T> {
  return JSON.parse(await cluster.kubectl.output(`get --raw ${METRICS}${path}`)) as T
}

describeWith(['kubectl'], 'kubectl top', () => {
  beforeAll(async () => {
    cluster = await startKubeletCluster()
    await cluster.runPod('web', {
      containers: ['main', 'side'].map((name) => {
        return { name, image: 'demo:1', command: ['sh', '-c', 'trap "exit 0" TERM; sleep 1000'] }
      }),
    })
  })
  afterAll(() => cluster?.stop())

  it('has to wait for a second look', async () => {
    const { stderr } = await cluster.kubectl('top nodes')
    expect(stderr).toContain('metrics not available yet')
  })

  it('says what the kubelet says', async () => {
    const text = await cluster.kubectl.output(`get --raw /api/v1/nodes/${NODE}/proxy/metrics/resource`)
    const names = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`)
    // In a real kubelet's order.
    expect(names).toEqual([
      'container_cpu_usage_seconds_total counter',
      'container_memory_working_set_bytes gauge',
      'container_start_time_seconds gauge',
      'node_cpu_usage_seconds_total counter',
      'node_memory_working_set_bytes gauge',
      'pod_cpu_usage_seconds_total counter',
      'pod_memory_working_set_bytes gauge',
      'resource_scrape_error gauge',
    ])
    expect(text).toMatch(
      /^container_memory_working_set_bytes{container="side",namespace="default",pod="web"} \d+ \d+$/m,
    )
  })

  it('says it as JSON, too', async () => {
    const text = await cluster.kubectl.output(`get --raw /api/v1/nodes/${NODE}/proxy/stats/summary`)
    const { workingSetBytes } = CONTAINER_USAGE
    expect(JSON.parse(text)).toMatchObject({
      node: { nodeName: NODE, cpu: { usageCoreNanoSeconds: expect.any(Number) } },
      pods: [
        {
          podRef: { name: 'web', namespace: 'default' },
          containers: [
            { name: 'main', memory: { workingSetBytes } },
            { name: 'side', memory: { workingSetBytes } },
          ],
        },
      ],
    })
  })

  it('shows pods, their containers and nodes', async () => {
    // Two looks, five seconds apart.
    await eventually(async () => expect((await cluster.kubectl('top pods')).stdout).toMatch(/^web /m))
    const { cpuMillicores, workingSetBytes } = CONTAINER_USAGE
    const megabytes = workingSetBytes / 1024 ** 2
    expect(await cluster.kubectl.output('top pods --no-headers')).toBe(
      `web   ${2 * cpuMillicores}m   ${2 * megabytes}Mi   \n`,
    )
    expect(await cluster.kubectl.output('top pod web --containers --no-headers')).toBe(
      ['main', 'side'].map((name) => `web   ${name}   ${cpuMillicores}m   ${megabytes}Mi   \n`).join(''),
    )
    expect(await cluster.kubectl.output('top pods -A --sort-by=memory')).toMatch(/^default\s+web\s/m)
    expect(await cluster.kubectl.output('top nodes')).toMatch(
      new RegExp(`^${NODE}\\s+${2 * cpuMillicores}m\\s+\\d+%`, 'm'),
    )
    expect(await cluster.kubectl.output('get podmetrics.metrics.k8s.io')).toMatch(/^web\s+50m\s+32Mi\s+[\d.]+s$/m)
  })

  it('answers as a real metrics server does', async () => {
    interface Metrics extends ApiObject {
      timestamp: string
      window: string
      containers: { name: string; usage: { cpu: string; memory: string } }[]
    }
    const pod = await get<Metrics>('/namespaces/default/pods/web')
    expect(pod).toMatchObject({ kind: 'PodMetrics', apiVersion: 'metrics.k8s.io/v1beta1' })
    expect(pod.window).toMatch(/^[\d.]+s$/)
    expect(Date.parse(pod.timestamp)).not.toBeNaN()
    expect(pod.containers).toEqual([
      { name: 'main', usage: { cpu: '25m', memory: '16Mi' } },
      { name: 'side', usage: { cpu: '25m', memory: '16Mi' } },
    ])
    expect(await cluster.kubectl.output('explain podmetrics.containers.usage')).toContain(
      'FIELD: usage <map[string]Quantity>',
    )
    expect(await get('/pods?labelSelector=a%3Db')).toMatchObject({ kind: 'PodMetricsList', items: [] })
    expect((await get<{ items: ApiObject[] }>('/nodes')).items.map(({ metadata }) => metadata?.name)).toEqual([NODE])
    const { stderr } = await cluster.kubectl(`get --raw ${METRICS}/namespaces/default/pods/none`)
    expect(stderr).toContain('podmetrics.metrics.k8s.io "default/none" not found')
  })
})
