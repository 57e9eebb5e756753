/** Other amounts of cpu and memory for containers that run: `kubectl patch --subresource resize`. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Container, Pod } from '../api/objects.ts'
import { resources as resourceOf } from '../api/resources.ts'
import { describeWith } from '../testing/tools.ts'
import { type KubeletCluster, NODE, startKubeletCluster } from './testing/kubelet-cluster.ts'

let cluster: KubeletCluster

const main = (resources: Container['resources'], changes: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'demo:1',
  command: ['sh', '-c', 'trap "exit 0" TERM; sleep 1000'],
  resources: resources ?? {},
  ...changes,
})

async function resize(pod: string, resources: Container['resources']) {
  const patch = JSON.stringify({ spec: { containers: [{ name: 'main', resources }] } })
  return cluster.kubectl(`patch pod ${pod} --subresource resize --patch '${patch}'`)
}

const statusOf = (pod: Pod) => pod.status?.containerStatuses?.[0]
/** What the runtime says that the pod's newest container has. */
async function runtimeResources(pod: Pod) {
  const containers = await cluster.runtime.listContainers({ podUid: pod.metadata?.uid ?? '' })
  const newest = containers.toSorted((a, b) => b.metadata.attempt - a.metadata.attempt)[0]!
  return (await cluster.runtime.containerStatus(newest.id))?.resources
}

describeWith(['kubectl'], 'resize', () => {
  beforeAll(async () => {
    cluster = await startKubeletCluster()
  })
  afterAll(() => cluster?.stop())

  it('changes what a running container may use, without a restart', async () => {
    const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } }
    const before = await cluster.runPod('web', { containers: [main(resources)] })
    expect(statusOf(before)?.resources).toEqual(resources)
    const wanted = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '500m', memory: '128Mi' } }
    expect((await resize('web', wanted)).stderr).toBe('')
    const after = await cluster.untilPod('web', (pod) => statusOf(pod)?.resources?.limits?.cpu === '500m')
    expect(statusOf(after)).toMatchObject({ restartCount: 0, containerID: statusOf(before)?.containerID })
    expect(statusOf(after)?.resources).toEqual(wanted)
    expect(after.status).not.toHaveProperty('resize')
    expect(await runtimeResources(after)).toEqual({
      cpuShares: 256,
      cpuQuotaUs: 50_000,
      cpuPeriodUs: 100_000,
      memoryLimitBytes: 128 * 1024 * 1024,
    })
  })

  it('restarts the container when its policy for the resource says so, and only then', async () => {
    const resources = { requests: { cpu: '100m', memory: '32Mi' } }
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]
    await cluster.runPod('anew', { containers: [main(resources, { resizePolicy })] })
    await resize('anew', { requests: { cpu: '300m' } })
    const after = await cluster.untilPod(
      'anew',
      (pod) => statusOf(pod)?.restartCount === 1 && statusOf(pod)?.ready === true,
    )
    expect(await runtimeResources(after)).toMatchObject({ cpuShares: 307 })
  })

  it('says that it cannot be, when the node does not have as much', async () => {
    await cluster.runPod('huge', { containers: [main({ requests: { cpu: '100m' } })] })
    await resize('huge', { requests: { cpu: '9000' } })
    const after = await cluster.untilPod('huge', ({ status }) => status?.resize === 'Infeasible')
    expect(await runtimeResources(after)).toMatchObject({ cpuShares: 102 })
    expect(statusOf(after)?.resources?.requests?.cpu).toBe('100m')
  })

  it('waits until there is room beside the other pods', async () => {
    await cluster.kubectl.output('delete pods --all')
    const [, allCpu = 0] =
      /^(\d+)$/.exec(await cluster.kubectl.output(`get node ${NODE} -o jsonpath={.status.allocatable.cpu}`)) ?? []
    await cluster.runPod('greedy', { containers: [main({ requests: { cpu: `${Number(allCpu) * 1000 - 500}m` } })] })
    await cluster.runPod('patient', { containers: [main({ requests: { cpu: '100m' } })] })
    await resize('patient', { requests: { cpu: '750m' } })
    await cluster.untilPod('patient', ({ status }) => status?.resize === 'Deferred')
    await cluster.kubectl.output('delete pod greedy')
    // The next look, ten seconds later at most; a patch makes it come at once.
    await cluster.kubectl.output('annotate pod patient look=again')
    const after = await cluster.untilPod('patient', ({ status }) => status?.resize === undefined)
    expect(await runtimeResources(after)).toMatchObject({ cpuShares: 768 })
  })

  it.each([
    [
      'gives the pod another quality of service',
      { requests: { cpu: '200m', memory: '64Mi' } },
      'Pod QOS Class may not change as a result of resizing',
    ],
    ['takes a limit away', { limits: { memory: null } }, 'resource limits cannot be removed'],
    [
      'changes anything else',
      { limits: { 'ephemeral-storage': '1Gi' } },
      'spec: Forbidden: only cpu and memory resources are mutable',
    ],
    ['asks for more than the limit', { requests: { cpu: '2' } }, 'must be less than or equal to cpu limit of 200m'],
  ])('refuses what %s', async (_, resources, message) => {
    const limits = { cpu: '200m', memory: '64Mi' }
    await cluster.client
      .get(resourceOf.pods, { namespace: 'default', name: 'fixed' })
      .catch(() =>
        cluster.runPod('fixed', { containers: [main({ limits, requests: { cpu: '100m', memory: '64Mi' } })] }),
      )
    const { stderr } = await resize('fixed', resources as unknown as Container['resources'])
    expect(stderr).toContain(message)
  })

  it('leaves everything else of the pod alone, and the pod’s own door closed', async () => {
    const { stdout } = await cluster.kubectl(
      `patch pod fixed --subresource resize -o json --patch '{"metadata":{"labels":{"a":"b"}},"spec":{"activeDeadlineSeconds":5}}'`,
    )
    const pod = JSON.parse(stdout) as Pod
    expect([pod.metadata?.labels, pod.spec?.activeDeadlineSeconds]).toEqual([undefined, undefined])
    const patch = '{"spec":{"containers":[{"name":"main","resources":{"requests":{"cpu":"50m"}}}]}}'
    const { stderr } = await cluster.kubectl(`patch pod fixed --patch '${patch}'`)
    expect(stderr).toContain('pod updates may not change fields other than')
  })
})
