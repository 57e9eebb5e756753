/** Step 5.6: pod and container status, as upstream fills them. */
import { describe, expect } from 'vitest'
import type { ContainerStatus } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { nothingRunning } from '#kubelet/runtime-pod-status.ts'
import { condition, containersReady, initialized } from '#kubelet/status/conditions.ts'
import { apiState, containerStatus, initContainerStatus } from '#kubelet/status/container-statuses.ts'
import { podPhase } from '#kubelet/status/phase.ts'
import { qosClass } from '#kubelet/status/qos.ts'
import { attempt, container, ended, MINUTE, NOW, pod, runtime } from './fixtures.ts'

const STATUSES = 'kubernetes kubelet_pods.go, convertToAPIContainerStatuses'
const PHASE = 'kubernetes kubelet_pods.go, getPhase'
const CONDITIONS = 'kubernetes pkg/kubelet/status/generate.go'
const QOS = 'kubernetes pkg/apis/core/v1/helper/qos'

describe('a state', () => {
  lesson(
    'is running, terminated or waiting',
    {
      scenario: 'A container that runs, one that failed, one that is made but not started, one that is not there.',
      rule: 'Times without fractions of a second; containerID with the name of the runtime; waiting says what for.',
      source: STATUSES,
    },
    () => {
      expect(apiState(attempt('main'), 'ContainerCreating', 'docker')).toEqual({
        running: { startedAt: '2026-01-01T00:00:00Z' },
      })
      expect(apiState(ended('main', 3), 'ContainerCreating', 'docker')).toEqual({
        terminated: {
          exitCode: 3,
          reason: 'Error',
          startedAt: '2026-01-01T00:00:00Z',
          finishedAt: '2026-01-01T00:00:01Z',
          containerID: 'docker://main-0',
        },
      })
      const created = attempt('main', { state: 'CONTAINER_CREATED' })
      expect(apiState(created, 'ContainerCreating', 'docker')).toEqual({ waiting: { reason: 'ContainerCreating' } })
      expect(apiState(undefined, 'PodInitializing', 'docker')).toEqual({ waiting: { reason: 'PodInitializing' } })
    },
  )

  lesson(
    'that has a message tells it',
    {
      scenario: 'A container whose command does not exist.',
      rule: 'message is there when there is one, and left out when it is empty.',
      source: STATUSES,
    },
    () => {
      const failed = ended('main', 128, { reason: 'StartError', message: 'no such file' })
      expect(apiState(failed, '', 'docker').terminated).toMatchObject({ reason: 'StartError', message: 'no such file' })
      expect(apiState(ended('main', 1), '', 'docker').terminated).not.toHaveProperty('message')
    },
  )
})

describe('a container status', () => {
  const input = (changes: Partial<Parameters<typeof containerStatus>[1]> = {}) => ({
    pod: pod(),
    runtime: nothingRunning,
    waiting: {},
    probes: {},
    runtimeName: 'docker',
    ...changes,
  })
  const status = (changes: Partial<Parameters<typeof containerStatus>[1]>) =>
    containerStatus(container('main'), input(changes))

  lesson(
    'waits before the first start',
    {
      scenario: 'A pod was just assigned; nothing is there yet. Another has init containers.',
      rule: 'ContainerCreating; PodInitializing where init containers come first. Image from the spec, no ids.',
      source: STATUSES,
    },
    () => {
      expect(status({})).toEqual({
        name: 'main',
        state: { waiting: { reason: 'ContainerCreating' } },
        lastState: {},
        ready: false,
        restartCount: 0,
        image: 'brain-and-muscle/demo:1',
        imageID: '',
        started: false,
      })
      const withInit = status({ pod: pod({ initContainers: [container('i1')] }) })
      expect(withInit.state).toEqual({ waiting: { reason: 'PodInitializing' } })
    },
  )

  lesson(
    'is ready and started when it runs',
    {
      scenario: 'The container runs, and has no probes.',
      rule: 'Without probes, running is enough for both.',
      source: STATUSES,
    },
    () => {
      expect(status({ runtime: runtime(attempt('main')) })).toMatchObject({
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
        ready: true,
        started: true,
        containerID: 'docker://main-0',
        imageID: 'docker://sha256:abc',
      })
    },
  )

  lesson(
    'believes the probes',
    {
      scenario: 'The container runs; first its startup probe has not succeeded, then its readiness probe fails.',
      rule: 'Not started means not ready. A readiness probe that fails takes only ready away.',
      source: STATUSES,
    },
    () => {
      const running = runtime(attempt('main'))
      expect(status({ runtime: running, probes: { 'main-0': { started: false } } })).toMatchObject({
        started: false,
        ready: false,
      })
      expect(status({ runtime: running, probes: { 'main-0': { ready: false } } })).toMatchObject({
        started: true,
        ready: false,
      })
    },
  )

  lesson(
    'remembers how the previous run ended',
    {
      scenario: 'The container crashed once, and runs again.',
      rule: 'lastState is that of the attempt before; restartCount is the number of the attempt.',
      source: STATUSES,
    },
    () => {
      const again = status({ runtime: runtime(attempt('main', { attempt: 1 }), ended('main', 3)) })
      expect(again).toMatchObject({ restartCount: 1, ready: true, lastState: { terminated: { exitCode: 3 } } })
    },
  )

  lesson(
    'shows CrashLoopBackOff while it waits for its restart',
    {
      scenario: 'The container has been restarted six times and has crashed again; older attempts were cleaned away.',
      rule: 'state is the reason of the wait, lastState the end of the newest attempt, whose number counts the restarts.',
      source: STATUSES,
    },
    () => {
      const waiting = { main: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } }
      const attempts = runtime(ended('main', 4, { attempt: 6 }), ended('main', 3, { attempt: 5 }))
      const looping = status({ waiting, runtime: attempts })
      expect(looping.state).toEqual({ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } })
      expect(looping.lastState).toMatchObject({ terminated: { exitCode: 4 } })
      expect(looping).toMatchObject({ restartCount: 6, ready: false })
    },
  )

  lesson(
    'shows why an image cannot be had',
    {
      scenario: 'The image cannot be pulled; the container never ran.',
      rule: 'The reason replaces ContainerCreating; there is no lastState.',
      source: STATUSES,
    },
    () => {
      const pulling = status({ waiting: { main: { reason: 'ErrImagePull', message: 'not found' } } })
      expect(pulling).toMatchObject({
        state: { waiting: { reason: 'ErrImagePull', message: 'not found' } },
        lastState: {},
      })
    },
  )

  lesson(
    'does not wait for what will not come',
    {
      scenario: 'An old reason is still remembered, but the container runs; or it has ended under policy Never.',
      rule: 'A reason to wait counts only for a container that should run and does not.',
      source: STATUSES,
    },
    () => {
      const waiting = { main: { reason: 'RunContainerError', message: '' } }
      expect(status({ waiting, runtime: runtime(attempt('main')) }).state).toHaveProperty('running')
      const never = pod({ restartPolicy: 'Never' })
      const over = status({ waiting, pod: never, runtime: runtime(ended('main', 128)) })
      expect(over.state).toHaveProperty('terminated')
    },
  )

  lesson(
    'of an init container is ready when it has succeeded',
    {
      scenario: 'An init container runs, fails, succeeds.',
      rule: 'For an init container, ready means: done.',
      source: STATUSES,
    },
    () => {
      const withInit = pod({ initContainers: [container('i1')] })
      const init = (...containers: ReturnType<typeof attempt>[]) =>
        initContainerStatus(container('i1'), input({ pod: withInit, runtime: runtime(...containers) }))
      expect(init(attempt('i1'))).toMatchObject({ ready: false, started: true })
      expect(init(ended('i1', 5))).toMatchObject({ ready: false, started: false })
      expect(init(ended('i1', 0))).toMatchObject({ ready: true, started: false })
    },
  )
})

const running: ContainerStatus['state'] = { running: { startedAt: '2026-01-01T00:00:00Z' } }
const waiting = (reason: string): ContainerStatus['state'] => ({ waiting: { reason } })
const exited = (exitCode: number): NonNullable<ContainerStatus['state']> => ({ terminated: { exitCode } })

/** A container status with what the phase and the conditions look at. */
function shown(state: ContainerStatus['state'], changes: Partial<ContainerStatus> = {}): ContainerStatus {
  const ready = state?.running !== undefined
  return { name: 'main', image: '', imageID: '', restartCount: 0, ready, state: state ?? {}, lastState: {}, ...changes }
}

describe('the phase', () => {
  const phase = (restartPolicy: string, ...states: ContainerStatus['state'][]) =>
    podPhase(
      pod({ restartPolicy }),
      states.map((state) => shown(state)),
      [],
    )

  lesson(
    'is Pending until every container has run',
    {
      scenario: 'One container runs, the other still waits for its image.',
      rule: 'A container that never ran keeps the pod Pending.',
      source: PHASE,
    },
    () => {
      expect({
        'one runs, one waits': phase('Always', running, waiting('ErrImagePull')),
        'both run': phase('Always', running, running),
      }).toEqual({ 'one runs, one waits': 'Pending', 'both run': 'Running' })
    },
  )

  lesson(
    'stays Running in a crash loop',
    {
      scenario: 'The only container of a pod with policy Always ended, once with 0, once with 3, and now waits.',
      rule: 'What will be restarted is not over, whatever its exit code; a waiting container counts by its last state.',
      source: PHASE,
    },
    () => {
      const looping = shown(waiting('CrashLoopBackOff'), { lastState: exited(3) })
      expect({
        'ended with 0': phase('Always', exited(0)),
        'ended with 3': phase('Always', exited(3)),
        'waits for its restart': podPhase(pod(), [looping], []),
        'waits, and another runs': podPhase(pod(), [looping, shown(running)], []),
      }).toEqual({
        'ended with 0': 'Running',
        'ended with 3': 'Running',
        'waits for its restart': 'Running',
        'waits, and another runs': 'Running',
      })
    },
  )

  lesson(
    'is Succeeded or Failed when nothing will run again',
    {
      scenario: 'Two containers end, under Never and under OnFailure.',
      rule: 'Succeeded only if all did. OnFailure restarts what failed, so such a pod is still Running.',
      source: PHASE,
    },
    () => {
      expect({
        'Never: 0 and 0': phase('Never', exited(0), exited(0)),
        'Never: 0 and 3': phase('Never', exited(0), exited(3)),
        'Never: 0, and one runs': phase('Never', exited(0), running),
        'OnFailure: 0 and 0': phase('OnFailure', exited(0), exited(0)),
        'OnFailure: 0 and 3': phase('OnFailure', exited(0), exited(3)),
      }).toEqual({
        'Never: 0 and 0': 'Succeeded',
        'Never: 0 and 3': 'Failed',
        'Never: 0, and one runs': 'Running',
        'OnFailure: 0 and 0': 'Succeeded',
        'OnFailure: 0 and 3': 'Running',
      })
    },
  )

  lesson(
    'ends when the pod is stopped for good',
    {
      scenario: 'A pod with policy Always was deleted; its containers have ended.',
      rule: 'Nothing will be restarted any more, so the exit codes decide.',
      source: PHASE,
    },
    () => {
      const stopped = (containers: ContainerStatus[], init: ContainerStatus[] = []) =>
        podPhase(pod(), containers, init, true)
      expect({
        'ended with 0': stopped([shown(exited(0))]),
        'one killed': stopped([shown(exited(0)), shown(exited(137))]),
        'its init container had failed': stopped([shown(exited(0))], [shown(exited(5))]),
      }).toEqual({ 'ended with 0': 'Succeeded', 'one killed': 'Failed', 'its init container had failed': 'Failed' })
    },
  )

  lesson(
    'is Pending while init containers go, and Failed when one did for good',
    {
      scenario: 'An init container runs, has failed, has succeeded.',
      rule: 'Failed only under Never; otherwise it is tried again, and the pod is Pending.',
      source: PHASE,
    },
    () => {
      const init = (restartPolicy: string, state: ContainerStatus['state']) =>
        podPhase(pod({ restartPolicy }), [shown(waiting('PodInitializing'))], [shown(state)])
      expect({
        'it runs': init('Always', running),
        'it failed under Always': init('Always', exited(5)),
        'it failed under Never': init('Never', exited(5)),
        'it succeeded, the app runs': podPhase(pod(), [shown(running)], [shown(exited(0))]),
        'it runs again, and so does the app': podPhase(pod(), [shown(running)], [shown(running)]),
      }).toEqual({
        'it runs': 'Pending',
        'it failed under Always': 'Pending',
        'it failed under Never': 'Failed',
        'it succeeded, the app runs': 'Running',
        'it runs again, and so does the app': 'Pending',
      })
    },
  )
})

describe('the conditions', () => {
  lesson(
    'say which containers are not ready',
    {
      scenario: 'Of containers a, b and c, only b is ready.',
      rule: 'The message lists the names in brackets, with blanks between.',
      source: CONDITIONS,
    },
    () => {
      const statuses = [
        shown(waiting('x'), { name: 'a' }),
        shown(running, { name: 'b' }),
        shown(waiting('x'), { name: 'c' }),
      ]
      expect(containersReady('Pending', statuses)).toEqual({
        status: 'False',
        reason: 'ContainersNotReady',
        message: 'containers with unready status: [a c]',
      })
      expect(containersReady('Running', [shown(running)])).toEqual({ status: 'True' })
    },
  )

  lesson(
    'of a pod that is over say how it ended',
    {
      scenario: 'A pod has Succeeded, another has Failed.',
      rule: 'Not ready, because PodCompleted or PodFailed: no traffic to the dead.',
      source: CONDITIONS,
    },
    () => {
      expect(containersReady('Succeeded', [shown(exited(0))])).toEqual({ status: 'False', reason: 'PodCompleted' })
      expect(containersReady('Failed', [shown(exited(1))])).toEqual({ status: 'False', reason: 'PodFailed' })
      expect(initialized('Succeeded', [])).toEqual({ status: 'True', reason: 'PodCompleted' })
    },
  )

  lesson(
    'say which init containers are missing',
    {
      scenario: 'i1 is done, i2 not yet.',
      rule: 'Initialized is true only when all init containers are ready, which for them means done.',
      source: CONDITIONS,
    },
    () => {
      const done = shown(exited(0), { name: 'i1', ready: true })
      expect(initialized('Pending', [done, shown(running, { name: 'i2', ready: false })])).toEqual({
        status: 'False',
        reason: 'ContainersNotInitialized',
        message: 'containers with incomplete status: [i2]',
      })
      expect(initialized('Running', [done])).toEqual({ status: 'True' })
      expect(initialized('Pending', [])).toEqual({ status: 'True' })
    },
  )

  lesson(
    'keep the time of the last change of their status',
    {
      scenario:
        'Ready was False since midnight for one reason, and is a minute later False for another. Then it is True.',
      rule: 'Only another status is a transition. Deployments count how long a pod has been ready from this time.',
      source: CONDITIONS,
    },
    () => {
      const previous = [
        { type: 'Ready', status: 'False', reason: 'ContainersNotReady', lastTransitionTime: '2026-01-01T00:00:00Z' },
      ]
      const failed = condition('Ready', { status: 'False', reason: 'PodFailed' }, previous, NOW + MINUTE)
      expect(failed).toMatchObject({ reason: 'PodFailed', lastTransitionTime: '2026-01-01T00:00:00Z' })
      const ready = condition('Ready', { status: 'True' }, previous, NOW + MINUTE)
      expect(ready).toMatchObject({ status: 'True', lastTransitionTime: '2026-01-01T00:01:00Z' })
      expect(ready).not.toHaveProperty('reason')
      expect(condition('ContainersReady', { status: 'False' }, previous, NOW + MINUTE)).toMatchObject({
        lastTransitionTime: '2026-01-01T00:01:00Z',
      })
    },
  )
})

describe('the quality of service', () => {
  const limits = (cpu: string, memory: string) => ({ cpu, memory })
  const qos = (...resources: object[]) =>
    qosClass(pod({ containers: resources.map((one, position) => container(`c${position}`, { resources: one })) }))

  lesson(
    'is Guaranteed only when every container limits cpu and memory, and asks for no less',
    {
      scenario: 'Limits without requests; equal requests written differently; a second container without limits.',
      rule: 'A request that is absent is the limit; "1" and "1000m" are equal; one container can spoil it.',
      source: QOS,
    },
    () => {
      expect({
        'limits only': qos({ limits: limits('1', '1Gi') }),
        'equal, written differently': qos({ limits: limits('1', '1Gi'), requests: limits('1000m', '1024Mi') }),
        'another container without': qos({ limits: limits('1', '1Gi') }, {}),
        'a smaller request': qos({ limits: limits('1', '1Gi'), requests: limits('500m', '1Gi') }),
        'requests only': qos({ requests: limits('1', '1Gi') }),
        'a limit of memory only': qos({ limits: { memory: '1Gi' } }),
      }).toEqual({
        'limits only': 'Guaranteed',
        'equal, written differently': 'Guaranteed',
        'another container without': 'Burstable',
        'a smaller request': 'Burstable',
        'requests only': 'Burstable',
        'a limit of memory only': 'Burstable',
      })
    },
  )

  lesson(
    'is BestEffort when nobody asks for anything',
    {
      scenario: 'No resources at all; a request of zero; a request of another resource; a small request.',
      rule: 'Zero is nothing, and only cpu and memory count, init containers included.',
      source: QOS,
    },
    () => {
      const init = container('i1', { resources: { requests: { memory: '1Mi' } } })
      expect({
        nothing: qos({}, {}),
        'a request of zero': qos({ requests: { cpu: '0' } }),
        'another resource': qos({ requests: { 'example.com/gpu': '1' } }),
        'a small request': qos({ requests: { cpu: '1m' } }),
        'an init container that asks': qosClass(pod({ initContainers: [init] })),
      }).toEqual({
        nothing: 'BestEffort',
        'a request of zero': 'BestEffort',
        'another resource': 'BestEffort',
        'a small request': 'Burstable',
        'an init container that asks': 'Burstable',
      })
    },
  )
})
