/** `kubectl debug`: containers that join a pod which already runs. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { CoreEvent, Pod } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { eventually } from '../testing/eventually.ts'
import { describeWith } from '../testing/tools.ts'
import { type KubeletCluster, NODE, startKubeletCluster } from './testing/kubelet-cluster.ts'

let cluster: KubeletCluster

const ephemeralState = (pod: Pod, name: string) =>
  pod.status?.ephemeralContainerStatuses?.find((status) => status.name === name)?.state
const pathOf = (pod: string) => `/api/v1/namespaces/default/pods/${pod}/ephemeralcontainers`

describeWith(['kubectl'], 'kubectl debug', () => {
  beforeAll(async () => {
    cluster = await startKubeletCluster()
  })
  afterAll(() => cluster?.stop())

  it('adds a container to a running pod, and leaves the pod as it was', async () => {
    await cluster.runPod('web')
    await cluster.kubectl.output(
      'debug web --profile=general --image=demo:1 --target=main --container=look --attach=false -- sh -c "echo looking; sleep 1000"',
    )
    const pod = await cluster.untilPod('web', (one) => ephemeralState(one, 'look')?.running !== undefined)
    expect(pod.spec?.ephemeralContainers).toMatchObject([
      { name: 'look', targetContainerName: 'main', image: 'demo:1' },
    ])
    const [status] = pod.status?.ephemeralContainerStatuses ?? []
    // As recorded from a real kubelet: no `started`, and never ready.
    expect(status).toMatchObject({ name: 'look', lastState: {}, ready: false, restartCount: 0, image: 'demo:1' })
    expect(status).not.toHaveProperty('started')
    expect(pod.status).toMatchObject({ phase: 'Running', containerStatuses: [{ name: 'main', restartCount: 0 }] })
    await eventually(async () => expect(await cluster.kubectl.output('logs web -c look')).toBe('looking\n'))
    const { items } = await cluster.client.list<CoreEvent>(resources.coreEvents, { namespace: 'default' })
    const about = items.filter((event) => event.involvedObject.fieldPath === 'spec.ephemeralContainers{look}')
    expect(about.map(({ message }) => message)).toContain('Started container look')
    expect(await cluster.kubectl.output('describe pod web')).toMatch(/Ephemeral Containers:\s+look:\s/)
  })

  it('attaches to it: what is typed gets there, what it says comes back', async () => {
    await cluster.runPod('talk')
    const { stdout } = await cluster.kubectl('debug talk --profile=general --image=demo:1 -i -- cat', {
      stdin: 'hello\n',
      enough: (text) => text.includes('hello'),
    })
    expect(stdout).toContain('hello')
  })

  it('attaches to its terminal, whose output has no frames to take apart', async () => {
    await cluster.runPod('screen')
    const attach = vi.spyOn(cluster.runtime, 'attach')
    await cluster.kubectl('debug screen --profile=general --image=demo:1 -it -- cat', {
      stdin: 'hello\n',
      enough: (text) => text.includes('hello'),
    })
    expect(attach).toHaveBeenCalledWith(expect.any(String), expect.objectContaining({ tty: true }))
    attach.mockRestore()
  })

  it('starts it once, however it ends', async () => {
    await cluster.runPod('once')
    await cluster.kubectl.output(
      'debug once --profile=general --image=demo:1 --container=brief --attach=false -- sh -c "exit 3"',
    )
    const pod = await cluster.untilPod('once', (one) => ephemeralState(one, 'brief')?.terminated !== undefined)
    expect(ephemeralState(pod, 'brief')?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
    expect(pod.status?.phase).toBe('Running')
    // A second one makes the kubelet look at the pod again, and at the first.
    await cluster.kubectl.output(
      'debug once --profile=general --image=demo:1 --container=later --attach=false -- sh -c "sleep 1000"',
    )
    await cluster.untilPod('once', (one) => ephemeralState(one, 'later')?.running !== undefined)
    expect(cluster.runtime.calls.filter((call) => call === 'startContainer brief')).toHaveLength(1)
  })

  it('copies a pod, with another image and all processes in sight', async () => {
    await cluster.runPod('broken')
    await cluster.kubectl.output(
      'debug broken --profile=general --copy-to=mended --same-node --container=main --attach=false -- sh -c "sleep 1000"',
    )
    const copy = await cluster.untilPod('mended', ({ status }) => status?.phase === 'Running')
    expect(copy.spec).toMatchObject({ nodeName: NODE, shareProcessNamespace: true })
    expect(copy.spec?.containers[0]?.command).toEqual(['sh', '-c', 'sleep 1000'])
  })

  it('puts a pod onto a node, with the node’s network, processes and files', async () => {
    const said = await cluster.kubectl.output(
      `debug node/${NODE} --profile=general --image=demo:1 --attach=false -- sh -c "sleep 1000"`,
    )
    const name = /debugging pod (\S+) /.exec(said)?.[1] ?? ''
    const pod = await cluster.untilPod(name, ({ status }) => status?.phase === 'Running')
    expect(pod.spec).toMatchObject({ hostNetwork: true, hostPID: true, nodeName: NODE })
    expect(pod.status?.podIP).toBe('127.0.0.1')
  })

  it.each([
    [
      'has ports',
      { name: 'x', image: 'x', ports: [{ containerPort: 80 }] },
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
    ],
    [
      'has a name that is taken',
      { name: 'main', image: 'x' },
      'spec.ephemeralContainers[0].name: Duplicate value: "main"',
    ],
    [
      'has a target that is not there',
      { name: 'x', image: 'x', targetContainerName: 'nobody' },
      'spec.ephemeralContainers[0].targetContainerName: Not found: "nobody"',
    ],
  ])('refuses one that %s', async (_, container, message) => {
    const pod = await eventually(() =>
      cluster.client.get<Pod>(resources.pods, { namespace: 'default', name: 'broken' }),
    )
    const wanted = { ...pod, spec: { ...pod.spec, ephemeralContainers: [container] } }
    const { stderr } = await cluster.kubectl(`replace --raw ${pathOf('broken')} -f -`, {
      stdin: JSON.stringify(wanted),
    })
    expect(stderr).toContain(message)
  })

  it('keeps those that are there as they are, and everything else of the pod', async () => {
    const before = await cluster.client.get<Pod>(resources.pods, { namespace: 'default', name: 'once' })
    const replace = async (changes: object) => {
      const wanted = { ...before, spec: { ...before.spec, ...changes } }
      return cluster.kubectl(`replace --raw ${pathOf('once')} -f -`, { stdin: JSON.stringify(wanted) })
    }
    const removed = await replace({ ephemeralContainers: before.spec?.ephemeralContainers?.slice(1) })
    expect(removed.stderr).toContain('existing ephemeral containers "brief" may not be removed')
    const changed = await replace({
      ephemeralContainers: before.spec?.ephemeralContainers?.map((one) => ({ ...one, image: 'other' })),
    })
    expect(changed.stderr).toContain('existing ephemeral containers "brief" may not be changed')
    const elsewhere = await replace({ containers: [{ name: 'main', image: 'other' }] })
    expect(elsewhere.code).toBe(0)
    const after = await cluster.client.get<Pod>(resources.pods, { namespace: 'default', name: 'once' })
    expect(after.spec).toEqual(before.spec)
  })

  it('are not for a new pod', async () => {
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'new' },
      spec: { containers: [{ name: 'main', image: 'x' }], ephemeralContainers: [{ name: 'look', image: 'x' }] },
    }
    const { stderr } = await cluster.kubectl('create -f -', { stdin: JSON.stringify(manifest) })
    expect(stderr).toContain('spec.ephemeralContainers: Forbidden: cannot be set on create')
  })
})
