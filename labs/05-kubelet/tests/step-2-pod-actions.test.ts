/** Step 5.2: what must be done for a pod, as a pure function of what should be and what is. */
import { describe, expect } from 'vitest'
import { criAnnotations } from '#kit/contracts/cri.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { computePodActions, initProgress, sandboxToCreate } from '#kubelet/pod-actions.ts'
import { containerHash, shouldRestart } from '#kubelet/restart-policy.ts'
import { nothingRunning } from '#kubelet/runtime-pod-status.ts'
import { attempt, container, ended, NOW, pod, runtime, sandbox } from './fixtures.ts'

const ACTIONS = 'kubernetes kuberuntime_manager.go, computePodActions'
const SANDBOX = 'kubernetes kuberuntime_manager.go, podSandboxChanged'
const RESTART = 'kubernetes pkg/kubelet/container/helpers.go, ShouldContainerBeRestarted'
const INIT = 'kubernetes kuberuntime_container.go, computeInitContainerActions'

describe('whether a container runs again', () => {
  lesson(
    'follows the restart policy',
    {
      scenario: 'A container has ended, once with exit code 0, once with 3, under each of the three policies.',
      rule: 'Always restarts both, OnFailure the failed one, Never none. No policy means Always.',
      source: RESTART,
    },
    () => {
      const restarts = (changes: object) => ({
        'after exit code 0': shouldRestart(pod(changes), 'main', runtime(ended('main', 0))),
        'after exit code 3': shouldRestart(pod(changes), 'main', runtime(ended('main', 3))),
      })
      expect({
        Always: restarts({ restartPolicy: 'Always' }),
        OnFailure: restarts({ restartPolicy: 'OnFailure' }),
        Never: restarts({ restartPolicy: 'Never' }),
        'no policy': restarts({}),
      }).toEqual({
        Always: { 'after exit code 0': true, 'after exit code 3': true },
        OnFailure: { 'after exit code 0': false, 'after exit code 3': true },
        Never: { 'after exit code 0': false, 'after exit code 3': false },
        'no policy': { 'after exit code 0': true, 'after exit code 3': true },
      })
    },
  )

  lesson(
    'gives every container its first turn',
    {
      scenario: 'A pod with policy Never: one container was never made, one was made but not started, one runs.',
      rule: 'The policy speaks of restarts. What never started may start; what runs needs nothing.',
      source: RESTART,
    },
    () => {
      const never = pod({ restartPolicy: 'Never' })
      expect({
        'never made': shouldRestart(never, 'main', nothingRunning),
        'made, not started': shouldRestart(never, 'main', runtime(attempt('main', { state: 'CONTAINER_CREATED' }))),
        running: shouldRestart(never, 'main', runtime(attempt('main'))),
      }).toEqual({ 'never made': true, 'made, not started': true, running: false })
    },
  )

  lesson(
    'looks at the newest attempt only, and never in a pod that goes',
    {
      scenario: 'Attempt 0 failed, attempt 1 succeeded, policy OnFailure. Later the pod is deleted.',
      rule: 'The newest attempt counts. A pod with a deletionTimestamp starts nothing.',
      source: RESTART,
    },
    () => {
      const status = runtime(ended('main', 0, { attempt: 1 }), ended('main', 3))
      const dying = pod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })
      expect({
        'failed, then succeeded': shouldRestart(pod({ restartPolicy: 'OnFailure' }), 'main', status),
        'in a pod that goes': shouldRestart(dying, 'main', nothingRunning),
      }).toEqual({ 'failed, then succeeded': false, 'in a pod that goes': false })
    },
  )
})

describe('whether the pod needs a sandbox', () => {
  lesson(
    'is no while one is ready',
    {
      scenario: 'The sandbox of the pod is ready.',
      rule: 'The one ready sandbox is used; an older dead one does not matter.',
      source: SANDBOX,
    },
    () => {
      const dead = sandbox({ state: 'SANDBOX_NOTREADY' })
      const status = { sandboxes: [sandbox({ attempt: 1 }), dead], containers: [] }
      expect(sandboxToCreate(status)).toMatchObject({ create: false, sandboxId: 'sandbox-1' })
    },
  )

  lesson(
    'is yes when there is none, when the newest died, and when there are two',
    {
      scenario:
        'Four pods: a new one; one whose sandbox was killed from outside; one with two ready sandboxes; one whose newest sandbox died while an older one is ready.',
      rule: "The pod's sandbox is the newest one, whatever older ones are left. The attempt counts up, because names are made of it.",
      source: SANDBOX,
    },
    () => {
      expect(sandboxToCreate(nothingRunning)).toMatchObject({ create: true, attempt: 0 })
      const dead = { sandboxes: [sandbox({ attempt: 2, state: 'SANDBOX_NOTREADY' })], containers: [] }
      expect(sandboxToCreate(dead)).toMatchObject({ create: true, attempt: 3 })
      const two = { sandboxes: [sandbox({ attempt: 1 }), sandbox()], containers: [] }
      expect(sandboxToCreate(two)).toMatchObject({ create: true, attempt: 2 })
      const newestDead = [sandbox({ attempt: 1, state: 'SANDBOX_NOTREADY' }), sandbox()]
      expect(sandboxToCreate({ sandboxes: newestDead, containers: [] })).toMatchObject({ create: true, attempt: 2 })
    },
  )
})

describe('init containers', () => {
  const twoSteps = (changes = {}) => pod({ initContainers: [container('i1'), container('i2')], ...changes })

  lesson(
    'run one after the other',
    {
      scenario: 'A pod with init containers i1 and i2, looked at as they go.',
      rule: 'The next one starts when the one before has succeeded; app containers after the last.',
      source: INIT,
    },
    () => {
      const look = (...containers: ReturnType<typeof attempt>[]) => initProgress(twoSteps(), runtime(...containers))
      expect(look()).toEqual({ kind: 'start', name: 'i1' })
      expect(look(attempt('i1'))).toEqual({ kind: 'wait' })
      expect(look(ended('i1', 0))).toEqual({ kind: 'start', name: 'i2' })
      expect(look(attempt('i2'), ended('i1', 0))).toEqual({ kind: 'wait' })
      expect(look(ended('i2', 0), ended('i1', 0))).toEqual({ kind: 'done' })
    },
  )

  lesson(
    'run again when they failed, unless the policy is Never',
    {
      scenario: 'i1 exits with code 5.',
      rule: 'Under Always and OnFailure it is tried again; under Never the pod has failed.',
      source: INIT,
    },
    () => {
      const failed = runtime(ended('i1', 5))
      expect(initProgress(twoSteps(), failed)).toEqual({ kind: 'start', name: 'i1' })
      expect(initProgress(twoSteps({ restartPolicy: 'OnFailure' }), failed)).toEqual({ kind: 'start', name: 'i1' })
      expect(initProgress(twoSteps({ restartPolicy: 'Never' }), failed)).toEqual({ kind: 'failed' })
    },
  )

  lesson(
    'are not run again behind running app containers',
    {
      scenario: 'The app container runs, and the ended init containers were cleaned away to save space.',
      rule: 'An app container that was ever made proves that the init containers are done.',
      source: INIT,
    },
    () => {
      expect(initProgress(twoSteps(), runtime(attempt('main')))).toEqual({ kind: 'done' })
      expect(initProgress(twoSteps(), runtime(ended('main', 3)))).toEqual({ kind: 'done' })
    },
  )

  lesson(
    'that succeeded vouch for those before them',
    {
      scenario: 'i1 succeeded and was cleaned away; i2 has just succeeded. No app container was made yet.',
      rule: 'i2 ran, so i1 had succeeded: the last one decides, and nothing runs a second time.',
      source: INIT,
    },
    () => {
      expect(initProgress(twoSteps(), runtime(ended('i2', 0)))).toEqual({ kind: 'done' })
    },
  )

  lesson(
    'begin from the top in a new sandbox',
    {
      scenario: 'The sandbox died while the app ran. In the new sandbox i1 runs again, and then succeeds.',
      rule: 'What happened in an older sandbox proves nothing: no app container starts beside an init container.',
      source: INIT,
    },
    () => {
      const before = [ended('main', 137), ended('i2', 0), ended('i1', 0)]
      const sandboxes = [sandbox({ attempt: 1 }), sandbox({ state: 'SANDBOX_NOTREADY' })]
      const here = { attempt: 1, podSandboxId: 'sandbox-1' }
      const look = (...now: ReturnType<typeof attempt>[]) =>
        initProgress(twoSteps(), { sandboxes, containers: [...now, ...before] })
      expect(look()).toEqual({ kind: 'start', name: 'i1' })
      expect(look(attempt('i1', here))).toEqual({ kind: 'wait' })
      expect(look(ended('i1', 0, here))).toEqual({ kind: 'start', name: 'i2' })
      expect(look(ended('i2', 0, here), ended('i1', 0, here))).toEqual({ kind: 'done' })
    },
  )
})

describe('what to do', () => {
  lesson(
    'for a new pod: a sandbox, then its containers',
    {
      scenario: 'A pod with containers a and b was just assigned to this node.',
      rule: 'Create the sandbox with attempt 0, start all containers in the order of the spec.',
      source: ACTIONS,
    },
    () => {
      const actions = computePodActions(pod({ containers: [container('b'), container('a')] }), nothingRunning)
      expect(actions).toMatchObject({
        createSandbox: true,
        attempt: 0,
        containersToStart: ['b', 'a'],
        containersToKill: [],
      })
    },
  )

  lesson(
    'for a new pod with init containers: only the first of them',
    {
      scenario: 'A pod with init containers i1 and i2 is new.',
      rule: 'Init containers come alone, one after the other.',
      source: ACTIONS,
    },
    () => {
      const withInit = pod({ initContainers: [container('i1'), container('i2')] })
      expect(computePodActions(withInit, nothingRunning).containersToStart).toEqual(['i1'])
      expect(computePodActions(withInit, runtime(attempt('i1'))).containersToStart).toEqual([])
      expect(computePodActions(withInit, runtime(ended('i2', 0), ended('i1', 0))).containersToStart).toEqual(['main'])
    },
  )

  lesson(
    'for a pod that runs: nothing',
    {
      scenario: 'Everything is as it should be, and the kubelet looks once more.',
      rule: 'Level-triggered: the same world gives the same answer, and a world that is right gives none.',
      source: ACTIONS,
    },
    () => {
      expect(computePodActions(pod(), runtime(attempt('main')))).toEqual({
        killPod: false,
        createSandbox: false,
        attempt: 0,
        sandboxId: 'sandbox-0',
        containersToKill: [],
        containersToStart: [],
      })
    },
  )

  lesson(
    'for one crashed container: only that one',
    {
      scenario: 'Of containers a and b, b has crashed.',
      rule: 'a keeps running; the sandbox stays, and with it the address.',
      source: ACTIONS,
    },
    () => {
      const two = pod({ containers: [container('a'), container('b')] })
      const actions = computePodActions(two, runtime(attempt('a'), ended('b', 1)))
      expect(actions).toMatchObject({ killPod: false, createSandbox: false, containersToStart: ['b'] })
    },
  )

  lesson(
    'for a dead sandbox: everything anew',
    {
      scenario: 'Someone killed the sandbox; the containers that were in it have ended too.',
      rule: 'A container cannot outlive its network: kill what is left, make another sandbox, start all again.',
      source: ACTIONS,
    },
    () => {
      const status = { sandboxes: [sandbox({ state: 'SANDBOX_NOTREADY' })], containers: [ended('main', 137)] }
      expect(computePodActions(pod(), status)).toMatchObject({
        killPod: true,
        createSandbox: true,
        attempt: 1,
        containersToStart: ['main'],
      })
    },
  )

  lesson(
    'for a dead sandbox under Never: no second life',
    {
      scenario: 'The sandbox of a pod with policy Never died after its container had been started.',
      rule: 'Never means that nothing of the pod runs twice: kill what is left, create nothing.',
      source: ACTIONS,
    },
    () => {
      const status = { sandboxes: [sandbox({ state: 'SANDBOX_NOTREADY' })], containers: [ended('main', 137)] }
      const actions = computePodActions(pod({ restartPolicy: 'Never' }), status)
      expect(actions).toMatchObject({ killPod: true, createSandbox: false, containersToStart: [] })
    },
  )

  lesson(
    'for a dead sandbox under Never that was still empty: another one',
    {
      scenario: 'The sandbox of a pod with policy Never died before any container was made.',
      rule: 'Never forbids a second life, not the first: nothing of the pod has run yet.',
      source: ACTIONS,
    },
    () => {
      const status = { sandboxes: [sandbox({ state: 'SANDBOX_NOTREADY' })], containers: [] }
      const actions = computePodActions(pod({ restartPolicy: 'Never' }), status)
      expect(actions).toMatchObject({ createSandbox: true, attempt: 1, containersToStart: ['main'] })
    },
  )

  lesson(
    'for a dead sandbox under OnFailure: only what has not succeeded',
    {
      scenario: 'Container a has succeeded, b still ran when the sandbox died.',
      rule: 'What succeeded under OnFailure is done for good; with nothing to start there is no sandbox to make.',
      source: ACTIONS,
    },
    () => {
      const two = pod({ restartPolicy: 'OnFailure', containers: [container('a'), container('b')] })
      const dead = [sandbox({ state: 'SANDBOX_NOTREADY' })]
      const actions = computePodActions(two, { sandboxes: dead, containers: [ended('b', 137), ended('a', 0)] })
      expect(actions).toMatchObject({ createSandbox: true, containersToStart: ['b'] })
      const done = computePodActions(two, { sandboxes: dead, containers: [ended('b', 0), ended('a', 0)] })
      expect(done).toMatchObject({ killPod: true, createSandbox: false, containersToStart: [] })
    },
  )

  lesson(
    'for a pod that has ended: take the sandbox away',
    {
      scenario: 'The only container of a pod with policy Never has ended.',
      rule: 'Nothing runs and nothing will: kill the pod, so that its sandbox and address become free.',
      source: ACTIONS,
    },
    () => {
      const actions = computePodActions(pod({ restartPolicy: 'Never' }), runtime(ended('main', 0)))
      expect(actions).toMatchObject({ killPod: true, createSandbox: false, containersToStart: [] })
      const initFailed = pod({ restartPolicy: 'Never', initContainers: [container('i1')] })
      expect(computePodActions(initFailed, runtime(ended('i1', 5)))).toMatchObject({
        killPod: true,
        containersToStart: [],
      })
    },
  )

  lesson(
    'for a new image: another container',
    {
      scenario: 'kubectl set image changed the image of a running container, even in a pod with policy Never.',
      rule: 'A container whose definition changed is killed and started again, whatever the restart policy.',
      source: ACTIONS,
    },
    () => {
      const made = containerHash(container('main', { image: 'old:1' }))
      const running = attempt('main', { annotations: { [criAnnotations.containerHash]: made } })
      const actions = computePodActions(pod({ restartPolicy: 'Never' }), runtime(running))
      expect(actions.containersToKill).toEqual([
        { id: 'main-0', name: 'main', message: 'Container main definition changed, will be restarted' },
      ])
      expect(actions.containersToStart).toEqual(['main'])
    },
  )

  lesson(
    'for a container whose probe failed: as the policy says',
    {
      scenario: 'The liveness probe, or the startup probe, has given up a container that runs.',
      rule: 'It is killed; it is started again unless the policy is Never.',
      source: ACTIONS,
    },
    () => {
      const failed = { liveness: ['main-0'], startup: [] }
      const restarted = computePodActions(pod(), runtime(attempt('main')), failed)
      expect(restarted.containersToKill).toEqual([
        { id: 'main-0', name: 'main', message: 'Container main failed liveness probe, will be restarted' },
      ])
      expect(restarted.containersToStart).toEqual(['main'])
      const never = computePodActions(pod({ restartPolicy: 'Never' }), runtime(attempt('main')), failed)
      expect(never).toMatchObject({
        containersToKill: [{ id: 'main-0', name: 'main', message: 'Container main failed liveness probe' }],
        containersToStart: [],
      })
      const slow = computePodActions(pod(), runtime(attempt('main')), { liveness: [], startup: ['main-0'] })
      expect(slow).toMatchObject({
        containersToKill: [{ message: 'Container main failed startup probe, will be restarted' }],
        containersToStart: ['main'],
      })
    },
  )

  lesson(
    'leads to rest, from anywhere, and starts nothing twice',
    {
      scenario: 'Random pods in random states; what is computed is done, again and again. Containers crash in between.',
      rule: 'Never two running attempts of one container, and no app container beside an init container; without crashes, a few looks lead to a world that needs nothing.',
      source: ACTIONS,
    },
    (context) => {
      const random = createRandom(20_260_101)
      context.seed(random.seed)
      for (let run = 0; run < 200; run++) settle(random)
    },
  )
})

/** Plays one random pod: does what is computed, lets containers crash for a while, then expects rest. */
function settle(random: ReturnType<typeof createRandom>): void {
  const names = ['a', 'b', 'c'].slice(0, 1 + random.below(3))
  const initContainers = random.chance(0.5) ? [container('i1')] : []
  const restartPolicy = random.pick(['Always', 'OnFailure', 'Never'])
  const subject = pod({ restartPolicy, initContainers, containers: names.map((name) => container(name)) })
  const world: { sandboxes: ReturnType<typeof sandbox>[]; containers: ReturnType<typeof attempt>[] } = {
    sandboxes: [],
    containers: [],
  }
  const isRunning = ({ state }: { state: string }) => state === 'CONTAINER_RUNNING'
  const stopAll = () => {
    world.sandboxes = world.sandboxes.map((one) => ({ ...one, state: 'SANDBOX_NOTREADY' as const }))
    world.containers = world.containers.map((one) =>
      isRunning(one) ? { ...ended('x', 137), id: one.id, metadata: one.metadata, podSandboxId: one.podSandboxId } : one,
    )
  }
  for (let look = 0; look < 30; look++) {
    const actions = computePodActions(subject, world)
    if (actions.killPod) stopAll()
    if (actions.createSandbox) world.sandboxes = [sandbox({ attempt: actions.attempt }), ...world.sandboxes]
    for (const name of actions.containersToStart) {
      const inTheWay = world.containers.filter(isRunning).map(({ metadata }) => metadata.name)
      expect(inTheWay, `running when ${name} is to start`).not.toContain(name)
      expect(inTheWay, `running when ${name} is to start`).not.toContain('i1')
      const number = world.containers.filter(({ metadata }) => metadata.name === name).length
      const podSandboxId = world.sandboxes[0]?.id ?? ''
      world.containers = [
        attempt(name, { attempt: number, createdAtMs: NOW + look, podSandboxId }),
        ...world.containers,
      ]
    }
    // Init containers take a look or two, and always succeed; others crash now and then, but only in the first part.
    world.containers = world.containers.map((one) => {
      const crash = look < 10 && random.chance(0.3)
      const isInit = one.metadata.name === 'i1'
      if (!isRunning(one) || !(isInit ? random.chance(0.5) : crash)) return one
      const { id, metadata, podSandboxId } = one
      return { ...ended('x', isInit ? 0 : random.below(2)), id, metadata, podSandboxId }
    })
    if (look < 10 && random.chance(0.1)) stopAll()
  }
  const rest = computePodActions(subject, world)
  expect(rest, 'a look at a world that has come to rest').toMatchObject({ createSandbox: false, containersToStart: [] })
}
