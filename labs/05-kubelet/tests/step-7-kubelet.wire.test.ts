/** A whole kubelet, over real HTTP, with the fake runtime: steps 5.1 to 5.7 together. */
import { afterEach, beforeEach, describe, expect } from 'vitest'
import type { CoreEvent, Lease, Node, Pod } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { StatusError } from '#kit/api/status-error.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { container } from './fixtures.ts'
import { isRunning, mainState, type Rig, startRig } from './kubelet-rig.ts'

const SYNC = 'kubernetes pkg/kubelet/kubelet.go'
const timeoutMs = 20_000

let rig: Rig
beforeEach(async () => {
  rig = await startRig()
})
afterEach(() => rig.stop())

describe('a node', () => {
  lesson(
    'registers itself and beats',
    {
      scenario: 'A kubelet starts against an empty cluster.',
      rule: 'Node and Lease exist within moments, and the node is Ready.',
      source: SYNC,
      timeoutMs,
    },
    async () => {
      const node = await Promise.race([rig.api.until<Node>(resources.nodes, 'node-1', () => true), rig.missingPart])
      expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
      const lease = await rig.api.until<Lease>(resources.leases, 'kube-node-lease/node-1', () => true)
      expect(lease.spec?.holderIdentity).toBe('node-1')
    },
  )
})

describe('a pod', () => {
  lesson(
    'runs, and goes when it is deleted',
    {
      scenario: 'kubectl run, kubectl delete.',
      rule: 'Running with an address; then stopped, its last status written, and only then its object gone.',
      source: SYNC,
      timeoutMs,
    },
    async () => {
      await rig.create('web', 'trap "exit 0" TERM; sleep 1000')
      const running = await rig.until('web', isRunning)
      expect(running.status).toMatchObject({ podIP: '10.244.1.2', hostIP: '10.244.0.11', qosClass: 'BestEffort' })
      await rig.delete('web')
      const last = await rig.until('web', ({ status }) => status?.phase === 'Succeeded')
      expect(mainState(last)).toMatchObject({ terminated: { exitCode: 0, reason: 'Completed' } })
      await rig.untilGone('web')
      await expect.poll(() => rig.runtime.listContainers(), { timeout: 10_000 }).toEqual([])
      await expect.poll(() => rig.runtime.listPodSandbox(), { timeout: 10_000 }).toEqual([])
    },
  )

  lesson(
    'tells what happened to it in events',
    {
      scenario: 'A pod ran and was deleted; kubectl describe shows its events.',
      rule: 'Pulled, Created, Started, Killing, each once, with the words of upstream.',
      source: 'kubernetes pkg/kubelet/events/event.go',
      timeoutMs,
    },
    async () => {
      await rig.create('web', 'sleep 1000')
      await rig.until('web', isRunning)
      await rig.delete('web')
      await rig.untilGone('web')
      const events = await rig.api.untilList<CoreEvent>(resources.coreEvents, (all) =>
        all.some(({ reason }) => reason === 'Killing'),
      )
      const ofPod = events.filter(({ involvedObject }) => involvedObject.kind === 'Pod')
      expect(ofPod.map(({ reason, message, count }) => [reason, message, count]).sort()).toEqual([
        ['Created', 'Created container: main', 1],
        ['Killing', 'Stopping container main', 1],
        ['Pulled', 'Container image "brain-and-muscle/demo:1" already present on machine', 1],
        ['Started', 'Started container main', 1],
      ])
    },
  )

  lesson(
    'that crashes ends up in CrashLoopBackOff',
    {
      scenario: 'A container that exits with 3 as soon as it starts.',
      rule: 'The first restart is immediate, the second waits; kubectl shows why.',
      source: 'kubernetes kuberuntime_manager.go, doBackOff',
      timeoutMs,
    },
    async () => {
      await rig.create('web', 'exit 3')
      const looping = await rig.until('web', (pod) => mainState(pod)?.waiting?.reason === 'CrashLoopBackOff')
      const [status] = looping.status?.containerStatuses ?? []
      expect(status).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 3 } } })
      expect(looping.status?.phase).toBe('Running')
    },
  )

  lesson(
    'that is killed for a failing probe waits for its restart like any other',
    {
      scenario: 'A container whose liveness probe always fails, at once.',
      rule: 'The first restart is immediate, the second waits: a probe must not lead around the back-off.',
      source: 'kubernetes kuberuntime_manager.go, doBackOff',
      timeoutMs,
    },
    async () => {
      const livenessProbe = { exec: { command: ['false'] }, failureThreshold: 1, periodSeconds: 1 }
      const command = ['sh', '-c', 'trap "exit 0" TERM; sleep 1000']
      await rig.create('web', '', { containers: [container('main', { command, livenessProbe })] })
      const looping = await rig.until('web', (pod) => mainState(pod)?.waiting?.reason === 'CrashLoopBackOff')
      expect(looping.status?.containerStatuses?.[0]?.restartCount).toBe(1)
    },
  )

  lesson(
    'finds its environment and its volumes',
    {
      scenario: 'Variables from a ConfigMap, from a field of the pod, and from another variable.',
      rule: 'What is referred to is looked up when the container starts; a ConfigMap that is missing is waited for.',
      source: 'kubernetes kubelet_pods.go, makeEnvironmentVariables',
      timeoutMs,
    },
    async () => {
      const env = [
        { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'conf', key: 'k' } } },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'BOTH', value: '$(POD)-$(KEY)-$(NONE)' },
      ]
      const containers = [container('main', { command: ['sh', '-c', 'env; sleep 1000'], env })]
      const missing = await rig.create('web', '', { containers })
      const waiting = await rig.until('web', (pod) => mainState(pod)?.waiting?.message !== undefined)
      expect(mainState(waiting)?.waiting).toEqual({
        reason: 'CreateContainerConfigError',
        message: 'configmap "conf" not found',
      })
      expect(missing.metadata.name).toBe('web')
      const client = rig.api.client()
      await client.create(
        resources.configMaps,
        { metadata: { name: 'conf' }, data: { k: 'value' } },
        { namespace: 'default' },
      )
      client.close()
      await rig.until('web', isRunning)
      const [main] = await rig.runtime.listContainers()
      let text = ''
      const request = { follow: false }
      for await (const entry of rig.runtime.containerLogs(main!.id, request, AbortSignal.timeout(5000)))
        text += entry.text
      expect(text.split('\n')).toEqual(expect.arrayContaining(['KEY=value', 'POD=web', 'BOTH=web-value-$(NONE)']))
    },
  )

  lesson(
    'runs its init containers first',
    {
      scenario: 'Two init containers, then the container.',
      rule: 'One after the other; each is started once.',
      source: SYNC,
      timeoutMs,
    },
    async () => {
      const initContainers = ['i1', 'i2'].map((name) => container(name, { command: ['sh', '-c', 'exit 0'] }))
      await rig.create('web', 'sleep 1000', { initContainers })
      await rig.until('web', isRunning)
      const starts = rig.runtime.calls.filter((call) => call.startsWith('startContainer'))
      expect(starts).toEqual(['startContainer i1', 'startContainer i2', 'startContainer main'])
    },
  )

  lesson(
    'of policy Never ends once and for all',
    {
      scenario: 'A job: exit code 0, then exit code 4.',
      rule: 'Succeeded or Failed, nothing is restarted, and the sandbox is stopped.',
      source: SYNC,
      timeoutMs,
    },
    async () => {
      await rig.create('good', 'exit 0', { restartPolicy: 'Never' })
      await rig.create('bad', 'exit 4', { restartPolicy: 'Never' })
      await rig.until('good', ({ status }) => status?.phase === 'Succeeded')
      const failed = await rig.until('bad', ({ status }) => status?.phase === 'Failed')
      expect(mainState(failed)).toMatchObject({ terminated: { exitCode: 4, reason: 'Error' } })
      const sandboxes = await rig.runtime.listPodSandbox()
      expect(sandboxes.map(({ state }) => state)).toEqual(['SANDBOX_NOTREADY', 'SANDBOX_NOTREADY'])
      expect(rig.runtime.calls.filter((call) => call === 'startContainer main')).toHaveLength(2)
    },
  )

  lesson(
    'whose sandbox dies gets another, and keeps its address',
    {
      scenario: 'Someone kills the sandbox of a pod with an init container from outside.',
      rule: 'The kubelet notices by itself and makes everything anew, from the init container on.',
      source: 'kubernetes kuberuntime_manager.go, podSandboxChanged',
      timeoutMs,
    },
    async () => {
      const initContainers = [container('i1', { command: ['sh', '-c', 'sleep 0.5'] })]
      await rig.create('web', 'sleep 1000', { initContainers })
      await rig.until('web', isRunning)
      const [sandbox] = await rig.runtime.listPodSandbox()
      await rig.runtime.stopPodSandbox(sandbox!.id)
      const again = await rig.until(
        'web',
        ({ status }) =>
          status?.containerStatuses?.[0]?.restartCount === 1 && status.containerStatuses[0].ready === true,
      )
      expect(again.status?.podIP).toBe('10.244.1.2')
      const starts = rig.runtime.calls.filter((call) => call.startsWith('startContainer'))
      expect(starts).toEqual(['i1', 'main', 'i1', 'main'].map((name) => `startContainer ${name}`))
      const second = async (name: string) => {
        const made = await rig.runtime.listContainers()
        const found = made.find(({ metadata }) => metadata.name === name && metadata.attempt === 1)
        return rig.runtime.containerStatus(found!.id)
      }
      const [init, main] = [await second('i1'), await second('main')]
      expect(init?.finishedAtMs, 'when the init container ended').toBeGreaterThan(0)
      expect(main?.startedAtMs, 'when main started').toBeGreaterThanOrEqual(init!.finishedAtMs)
    },
  )

  lesson(
    'that is forced away is still cleaned up',
    {
      scenario: 'kubectl delete --force --grace-period=0: the object is gone at once.',
      rule: 'What runs without an object is an orphan: stopped, and removed.',
      source: SYNC,
      timeoutMs,
    },
    async () => {
      await rig.create('web', 'trap "exit 0" TERM; sleep 1000')
      await rig.until('web', isRunning)
      await rig.delete('web', 0)
      await rig.untilGone('web')
      await expect.poll(() => rig.runtime.listPodSandbox(), { timeout: 10_000 }).toEqual([])
    },
  )
})

describe('a kubelet that comes back', () => {
  lesson(
    'adopts what runs, and starts nothing twice',
    {
      scenario: 'The kubelet is killed while a pod runs, and started again. Meanwhile another pod was deleted.',
      rule: 'Containers are found by their labels; what belongs to no pod any more is removed.',
      source: SYNC,
      timeoutMs,
    },
    async () => {
      await rig.create('stays', 'trap "exit 0" TERM; sleep 1000')
      await rig.create('goes', 'trap "exit 0" TERM; sleep 1000')
      await rig.until('stays', isRunning)
      await rig.until('goes', isRunning)
      await rig.stopKubelet()
      await rig.delete('goes', 0)
      await rig.startKubelet()
      await expect.poll(async () => (await rig.runtime.listPodSandbox()).length, { timeout: 10_000 }).toBe(1)
      await rig.create('new', 'sleep 1000')
      const fresh = await rig.until('new', isRunning)
      expect(rig.runtime.calls.filter((call) => call === 'runPodSandbox stays')).toHaveLength(1)
      expect(fresh.status?.podIP).not.toBe('10.244.1.2')
    },
  )

  lesson(
    'goes on while the API server is away',
    {
      scenario: 'Writes of the status fail for a while; the container crashes in the meantime.',
      rule: 'It restarts containers on its own, and reports as soon as it can.',
      source: SYNC,
      timeoutMs,
    },
    async () => {
      await rig.create('web', 'sleep 1000')
      await rig.until('web', isRunning)
      const away = new StatusError(503, 'ServiceUnavailable', 'away')
      rig.api.failNext(away, ({ path }) => path.endsWith('/status'))
      const [main] = await rig.runtime.listContainers()
      rig.runtime.exit(main!.id, 3)
      const again = await rig.until('web', (pod: Pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1)
      expect(again.status?.containerStatuses?.[0]?.lastState).toMatchObject({ terminated: { exitCode: 3 } })
    },
  )

  lesson(
    'touches nothing while its machine is off',
    {
      scenario: 'The node container is stopped. A pod is assigned, and waits. The machine comes back.',
      rule: 'A machine that is off sends no heartbeat and starts nothing; afterwards everything goes on.',
      source: 'kubernetes: node failure',
      timeoutMs,
    },
    async () => {
      await rig.create('first', 'sleep 1000')
      await rig.until('first', isRunning)
      rig.runtime.setMachineOn(false)
      await expect.poll(() => rig.warnings.join(), { timeout: 10_000 }).toContain('the machine is off')
      await rig.create('second', 'sleep 1000')
      // Time to do wrong, for a kubelet that would.
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(rig.runtime.calls).not.toContain('runPodSandbox second')
      expect(rig.api.writes.filter(({ path }) => path.includes('/pods/second'))).toEqual([])
      rig.runtime.setMachineOn(true)
      await rig.until('second', isRunning)
    },
  )
})
