/** When what endpoints say began to be true (kubernetes endpointslice/trigger_time_tracker.go). */
import { expect, it } from 'vitest'
import { reconcileEndpointSlices, reconcileEndpoints } from '#controllers/endpoints/reconcile.ts'
import { TriggerTimes, withTriggerTime } from '#controllers/endpoints/trigger-times.ts'
import type { Endpoints, Pod, Service, Stored } from '../api/objects.ts'

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time'
const at = (second: number) => `2026-01-01T00:00:0${second}Z`

const web = {
  metadata: { namespace: 'default', name: 'web', uid: 'w', creationTimestamp: at(1) },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
} as unknown as Stored<Service>

function pod(name: string, changedAt?: string): Stored<Pod> {
  const conditions = changedAt ? [{ type: 'Ready', status: 'True', lastTransitionTime: changedAt }] : []
  return {
    metadata: { namespace: 'default', name, uid: name, labels: { app: 'web' } },
    spec: { nodeName: 'node-1', containers: [] },
    status: { phase: 'Running', podIP: '10.0.0.1', conditions },
  } as unknown as Stored<Pod>
}

it('is the earliest of the changes that are new', () => {
  const times = new TriggerTimes()
  const next = (...pods: Stored<Pod>[]) => times.next('default/web', web, pods)
  expect(next(pod('a'))).toBe(at(1))
  expect(next(pod('a'))).toBeUndefined()
  expect(next(pod('a', at(5)), pod('b', at(4)))).toBe(at(4))
  expect(next(pod('a', at(6)), pod('b', at(4)))).toBe(at(6))
  expect(next(pod('a', at(6)))).toBeUndefined()
  expect(next(pod('a', at(7)))).toBe(at(7))
  times.takeBack('default/web')
  expect(next(pod('a', at(8)))).toBe(at(8))
  times.takeBack('default/web')
  expect(next(pod('a', at(8))), 'what could not be written is news again').toBe(at(8))
  times.forget('default/web')
  expect(next(pod('a', at(8)))).toBe(at(1))
})

it('stands on what is written because of it, until something is written for another reason', () => {
  const world = { service: web, pods: [pod('a', at(3))] }
  const [slice] = reconcileEndpointSlices({ ...world, slices: [], triggerTime: at(3) }).actions
  expect(slice).toMatchObject({ object: { metadata: { annotations: { [TRIGGER_TIME]: at(3) } } } })
  const [created] = reconcileEndpoints({ ...world, endpoints: undefined, triggerTime: at(3) }).actions
  const { object } = created as unknown as { object: Stored<Endpoints> }
  expect(object.metadata.annotations).toEqual({ [TRIGGER_TIME]: at(3) })
  expect(reconcileEndpoints({ ...world, endpoints: object, triggerTime: at(4) }).actions).toEqual([])
  const [emptied] = reconcileEndpoints({ service: web, pods: [], endpoints: object }).actions
  expect(emptied).toMatchObject({ do: 'update', object: { metadata: { name: 'web' } } })
  expect((emptied as unknown as { object: Stored<Endpoints> }).object.metadata.annotations).toBeUndefined()
})

it('leaves other annotations alone', () => {
  const metadata = { name: 'web', annotations: { a: 'b', [TRIGGER_TIME]: at(1) } }
  expect(withTriggerTime(metadata, undefined)).toEqual({ name: 'web', annotations: { a: 'b' } })
  expect(withTriggerTime(metadata, at(2)).annotations).toEqual({ a: 'b', [TRIGGER_TIME]: at(2) })
})
