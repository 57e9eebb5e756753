/** Step 3.7, over the wire: the whole scheduler against a small API server. No test waits for the clock. */
import { afterEach, beforeEach, describe, expect } from 'vitest'
import type { Event, Node, Pod } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { isNotImplemented } from '#kit/contracts/not-implemented.ts'
import type { RunningComponent } from '#kit/contracts/running-component.ts'
import { type SimApiServer, startSimApiServer } from '#kit/sim/api-server.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { startScheduler } from '#scheduler/scheduler.ts'
import { container, node, pod } from './fixtures.ts'

const SOURCE = 'kube-scheduler scheduler.go'

let server: SimApiServer
let client: ApiClient
let clock: VirtualClock
let running: RunningComponent[]
/** Rejects as soon as the scheduler meets a part that is not written yet: then waiting is pointless. */
let notWritten: Promise<never>
let reportNotWritten: (cause: unknown) => void

beforeEach(async () => {
  server = await startSimApiServer()
  client = server.client()
  clock = new VirtualClock()
  running = []
  notWritten = new Promise((_, reject) => {
    reportNotWritten = (cause) => isNotImplemented(cause) && reject(cause)
  })
  notWritten.catch(() => {})
})
afterEach(async () => {
  for (const component of running) await component.stop()
  await server.stop()
})

async function start(): Promise<RunningComponent> {
  const log = { ...silentLog, error: (_: string, cause?: unknown) => reportNotWritten(cause) }
  const scheduler = await startScheduler({ client: server.client(), clock, log, random: () => 0 })
  running.push(scheduler)
  return scheduler
}

const createNode = (name: string, cpu = '4') => client.create<Node>(resources.nodes, node(name, { cpu }))
const createPod = (name: string, cpu = '100m') =>
  client.create<Pod>(resources.pods, withoutUid(pod(name, { containers: [container({ cpu })] })))
const bound = (name: string) =>
  Promise.race([notWritten, server.until<Pod>(resources.pods, `default/${name}`, (one) => Boolean(one.spec?.nodeName))])
const events = (satisfies: (all: readonly Event[]) => boolean) =>
  Promise.race([notWritten, server.untilList<Event>(resources.events, satisfies)])
const refused = (name: string) =>
  Promise.race([
    notWritten,
    server.until<Pod>(resources.pods, `default/${name}`, (one) =>
      Boolean(one.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'False')),
    ),
  ])

describe('the scheduler', () => {
  lesson(
    'the scheduler binds pods that wait, and says so',
    {
      scenario: 'A pod is there before the scheduler starts, another comes later. One node has room for both.',
      rule: 'Each pod without a node gets a POST to its binding, and an Event.',
      source: SOURCE,
    },
    async () => {
      await createNode('n1')
      await createPod('early')
      await start()
      expect(await bound('early')).toMatchObject({ metadata: { name: 'early' }, spec: { nodeName: 'n1' } })
      await createPod('late')
      await bound('late')
      const all = await events((list) => list.length === 2)
      expect(
        all.map(({ reason, note, type, reportingController }) => [reason, note, type, reportingController]),
      ).toEqual([
        ['Scheduled', 'Successfully assigned default/early to n1', 'Normal', 'default-scheduler'],
        ['Scheduled', 'Successfully assigned default/late to n1', 'Normal', 'default-scheduler'],
      ])
      expect(all[0]?.regarding).toMatchObject({ kind: 'Pod', namespace: 'default', name: 'early' })
    },
  )

  lesson(
    'no room is given away twice, however slow the bindings are',
    {
      scenario: 'Ten pods of 1 CPU come at once; two nodes have 3 CPUs each.',
      rule: 'assume books the room before the binding is answered: six pods are bound, three on each node; four fit nowhere.',
      source: SOURCE,
    },
    async () => {
      await createNode('n1', '3')
      await createNode('n2', '3')
      await start()
      const names = Array.from({ length: 10 }, (_, n) => `p${n}`)
      await Promise.all(names.map((name) => createPod(name, '1')))
      const all = await Promise.race([
        notWritten,
        server.untilList<Pod>(resources.pods, (list) =>
          list.every((one) => one.spec?.nodeName || one.status?.conditions?.some(({ status }) => status === 'False')),
        ),
      ])
      const on = (name: string) => all.filter((one) => one.spec?.nodeName === name).length
      expect({ 'pods on n1': on('n1'), 'pods on n2': on('n2') }).toEqual({ 'pods on n1': 3, 'pods on n2': 3 })
    },
  )

  lesson(
    'the scheduler says why a pod fits nowhere, and tries again for a new node',
    {
      scenario: 'A pod asks for 2 CPUs; the only node has 1. Then a bigger node joins.',
      rule: 'First a Warning Event and the condition PodScheduled=False; a new node wakes the pod, after its pause of 1 s.',
      source: SOURCE,
    },
    async () => {
      const message =
        '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.'
      await createNode('small', '1')
      await start()
      await createPod('big', '2')
      const waiting = await refused('big')
      expect(waiting.status?.conditions).toMatchObject([{ reason: 'Unschedulable', message }])
      const [event] = await events((list) => list.length > 0)
      expect(event).toMatchObject({ type: 'Warning', reason: 'FailedScheduling', note: message })

      await createNode('large', '4')
      const result = bound('big')
      await advanceUntil(result)
      expect(await result).toMatchObject({ metadata: { name: 'big' }, spec: { nodeName: 'large' } })
    },
  )

  lesson(
    'a waiting pod is not tried again for changes that cannot help',
    {
      scenario:
        'A pod is too big. Meanwhile a kubelet reports its node and another pod again and again, and a third pod is bound.',
      rule: 'Status written by kubelets, and pods that find their place, wake nobody who waits for room.',
      source: 'kube-scheduler eventhandlers.go',
    },
    async () => {
      await createNode('n1', '1')
      await start()
      await createPod('small')
      await bound('small')
      await createPod('big', '2')
      await refused('big')
      for (const reason of ['a', 'b', 'c']) {
        const status = { conditions: [{ type: 'Ready', status: 'True', reason }] }
        const type = 'application/strategic-merge-patch+json'
        await client.patch(resources.nodes, { name: 'n1', subresource: 'status' }, type, { status })
        const ref = { namespace: 'default', name: 'small', subresource: 'status' }
        await client.patch(resources.pods, ref, type, { status })
        await clock.advanceAsync(10_000)
      }
      await createPod('third')
      await bound('third')
      await clock.advanceAsync(10_000)
      const warnings = server.writes.filter(({ path, method }) => path.includes('/events') && method === 'PATCH')
      expect(warnings).toEqual([])
    },
  )

  lesson(
    'an assumption is taken back when the API server refuses the binding',
    {
      scenario:
        'The binding of pod a is refused. The only node has room for one pod. Then a is deleted, and pod b comes.',
      rule: 'A failed binding frees the room and the pod is tried again later; nothing is booked for ever.',
      source: SOURCE,
    },
    async () => {
      await createNode('n1', '1')
      const refusal = new StatusError(409, 'Conflict', 'refused by the test')
      server.failNext(refusal, ({ path }) => path.endsWith('/a/binding'))
      await start()
      await createPod('a', '1')
      expect((await refused('a')).status?.conditions).toMatchObject([
        { reason: 'SchedulerError', message: 'refused by the test' },
      ])
      await client.delete(resources.pods, { namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 })
      await createPod('b', '1')
      const result = bound('b')
      await advanceUntil(result)
      expect(await result).toMatchObject({ metadata: { name: 'b' }, spec: { nodeName: 'n1' } })
    },
  )

  lesson(
    'the scheduler goes on after broken connections, and after a restart',
    {
      scenario: 'The API server drops all connections; later the scheduler itself is stopped and started again.',
      rule: 'Everything it knows can be read again.',
      source: SOURCE,
    },
    async () => {
      await createNode('n1')
      const first = await start()
      await createPod('a')
      await bound('a')
      server.dropConnections()
      client = server.client()
      await createPod('b')
      const afterBreak = bound('b')
      await advanceUntil(afterBreak)
      await first.stop()
      await createPod('c')
      await start()
      expect(await bound('c')).toMatchObject({ metadata: { name: 'c' }, spec: { nodeName: 'n1' } })
    },
  )

  lesson(
    'the scheduler leaves alone what is not its own',
    {
      scenario: 'A pod names another scheduler; another is held back by a gate. A third is an ordinary one.',
      rule: 'Only pods with schedulerName default-scheduler and without gates are scheduled.',
      source: 'kube-scheduler eventhandlers.go',
    },
    async () => {
      await createNode('n1')
      await client.create<Pod>(resources.pods, withoutUid(pod('foreign', { schedulerName: 'other' })))
      const gated = withoutUid(pod('gated'))
      await client.create<Pod>(resources.pods, {
        ...gated,
        spec: { ...gated.spec, schedulingGates: [{ name: 'wait' }] } as unknown as Pod['spec'],
      } as Pod)
      await createPod('ours')
      await start()
      await bound('ours')
      const bindings = server.writes.filter(({ path }) => path.endsWith('/binding')).map(({ path }) => path)
      expect(bindings).toEqual(['/api/v1/namespaces/default/pods/ours/binding'])
    },
  )
})

/** Moves virtual time on until the promise settles: back-off and retries pass at once. */
async function advanceUntil(settles: Promise<unknown>): Promise<void> {
  let settled = false
  const mark = () => {
    settled = true
  }
  settles.then(mark, mark)
  while (!settled) await clock.advanceAsync(100)
}

function withoutUid({ metadata, ...rest }: Pod): Pod {
  const { uid: _, ...others } = metadata ?? {}
  return { ...rest, metadata: others }
}
