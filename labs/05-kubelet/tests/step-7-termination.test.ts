/** Step 5.7: stopping a pod gracefully, and not letting its object go too early. */
import { describe, expect } from 'vitest'
import type { ContainerStatus } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { settleStatuses } from '#kubelet/status/settle.ts'
import { graceAfterHook, gracePeriodSeconds, mayBeDeleted, planTermination } from '#kubelet/termination.ts'
import { attempt, ended, pod, runtime, sandbox } from './fixtures.ts'

const KILL = 'kubernetes kuberuntime_container.go, killContainer'
const TERMINATING = 'kubernetes pkg/kubelet/kubelet.go, SyncTerminatingPod'
const dying = (deletionGracePeriodSeconds?: number, spec = {}) =>
  pod({
    ...spec,
    metadata: {
      deletionTimestamp: '2026-01-01T00:00:00Z',
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
    },
  })

describe('the grace period', () => {
  lesson(
    'is what the deletion says, else what the spec says, else thirty seconds',
    {
      scenario: 'Pods with terminationGracePeriodSeconds 60; one of them is deleted with --grace-period=5.',
      rule: 'The deletion may ask for less than the spec. Without a deletion the spec counts.',
      source: KILL,
    },
    () => {
      expect({
        'deleted with 5, spec 60': gracePeriodSeconds(dying(5, { terminationGracePeriodSeconds: 60 })),
        'not deleted, spec 60': gracePeriodSeconds(pod({ terminationGracePeriodSeconds: 60 })),
        'nothing said': gracePeriodSeconds(pod()),
      }).toEqual({ 'deleted with 5, spec 60': 5, 'not deleted, spec 60': 60, 'nothing said': 30 })
    },
  )

  lesson(
    'is never zero',
    {
      scenario: 'kubectl delete --force --grace-period=0.',
      rule: 'The object goes at once, but the processes still get a SIGTERM and one second.',
      source: 'kubernetes pod_workers.go, calculateEffectiveGracePeriod',
    },
    () => {
      expect({
        'deleted with 0': gracePeriodSeconds(dying(0)),
        'spec 0': gracePeriodSeconds(pod({ terminationGracePeriodSeconds: 0 })),
      }).toEqual({ 'deleted with 0': 1, 'spec 0': 1 })
    },
  )

  lesson(
    'includes the preStop hook',
    {
      scenario: 'Of 30 seconds of grace, the preStop hook takes 10.4, then 29.5, then 31.',
      rule: 'Hook and SIGTERM share the period; two seconds remain in any case.',
      source: KILL,
    },
    () => {
      expect({
        'after 10.4 s': graceAfterHook(30, 10_400),
        'after 29.5 s': graceAfterHook(30, 29_500),
        'after 31 s': graceAfterHook(30, 31_000),
      }).toEqual({ 'after 10.4 s': 20, 'after 29.5 s': 2, 'after 31 s': 2 })
    },
  )
})

describe('the stop', () => {
  lesson(
    'takes the running containers together, and the ready sandboxes after them',
    {
      scenario: 'a and b run, c has ended; of two sandboxes one is ready. The pod is deleted with 5 seconds of grace.',
      rule: 'Each running container gets the whole period of the pod; what has ended is left alone.',
      source: TERMINATING,
    },
    () => {
      const status = {
        sandboxes: [sandbox({ attempt: 1 }), sandbox({ state: 'SANDBOX_NOTREADY' })],
        containers: [attempt('a'), attempt('b'), ended('c', 0)],
      }
      expect(planTermination(dying(5), status)).toEqual({
        containers: [
          { id: 'a-0', name: 'a', timeoutSeconds: 5 },
          { id: 'b-0', name: 'b', timeoutSeconds: 5 },
        ],
        sandboxes: ['sandbox-1'],
      })
    },
  )

  lesson(
    'comes before the end of the object',
    {
      scenario:
        'A pod is being deleted: its container runs, with its sandbox and without; only the sandbox is there; nothing is. Another pod has ended, but nobody deleted it.',
      rule: 'The object goes only when no container runs and no sandbox is ready. Others rely on its name being free then.',
      source: 'kubernetes status_manager.go, canBeDeleted',
    },
    () => {
      const stopped = { sandboxes: [sandbox({ state: 'SANDBOX_NOTREADY' })], containers: [ended('main', 137)] }
      const neverStarted = { ...stopped, containers: [attempt('main', { state: 'CONTAINER_CREATED' })] }
      expect({
        'container and sandbox': mayBeDeleted(dying(30), runtime(attempt('main'))),
        'container only': mayBeDeleted(dying(30), { ...stopped, containers: [attempt('main')] }),
        'sandbox only': mayBeDeleted(dying(30), runtime(ended('main', 137))),
        'all stopped': mayBeDeleted(dying(30), stopped),
        'made, but never started': mayBeDeleted(dying(30), neverStarted),
        'all stopped, nobody deleted it': mayBeDeleted(pod(), stopped),
      }).toEqual({
        'container and sandbox': false,
        'container only': false,
        'sandbox only': false,
        'all stopped': true,
        'made, but never started': true,
        'all stopped, nobody deleted it': false,
      })
    },
  )
})

describe('the last status', () => {
  const waiting = (changes: Partial<ContainerStatus> = {}): ContainerStatus => ({
    name: 'main',
    image: 'demo',
    imageID: '',
    restartCount: 0,
    ready: false,
    started: false,
    state: { waiting: { reason: 'ImagePullBackOff' } },
    lastState: {},
    ...changes,
  })

  lesson(
    'leaves nobody waiting',
    {
      scenario: 'A pod is deleted while its image still cannot be pulled.',
      rule: 'A container that never ran is reported as lost: exit code 137, ContainerStatusUnknown.',
      source: 'kubernetes status_manager.go, TerminatePod',
    },
    () => {
      expect(settleStatuses([waiting()])).toEqual([
        waiting({
          state: {
            terminated: {
              exitCode: 137,
              reason: 'ContainerStatusUnknown',
              message: 'The container could not be located when the pod was terminated',
              startedAt: null as unknown as string,
              finishedAt: null as unknown as string,
            },
          },
        }),
      ])
    },
  )

  lesson(
    'tells how a crash looper ended last',
    {
      scenario: 'A pod is deleted while its container waits in CrashLoopBackOff; another container has ended before.',
      rule: 'The last end becomes the state. What has ended already stays as it is.',
      source: 'kubernetes status_manager.go, TerminatePod',
    },
    () => {
      const terminated = { exitCode: 3, reason: 'Error' }
      const done = waiting({ name: 'done', state: { terminated: { exitCode: 0, reason: 'Completed' } } })
      const looping = waiting({ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } })
      expect(settleStatuses([looping, done])).toEqual([waiting({ state: { terminated }, lastState: {} }), done])
    },
  )
})
