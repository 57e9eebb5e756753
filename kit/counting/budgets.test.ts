/** What the disruption controller makes of a budget and its pods (kubernetes pkg/controller/disruption). */
import { describe, expect, it } from 'vitest'
import { reconcileBudget } from '#controllers/disruption/reconcile.ts'
import { reconcileMark } from '#controllers/disruption/stale-marks.ts'
import type { Pod, PodDisruptionBudget, Stored } from '../api/objects.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const ago = (seconds: number) => new Date(NOW_MS - seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')

function budget(spec: PodDisruptionBudget['spec'], status?: object): Stored<PodDisruptionBudget> {
  const metadata = { name: 'b', namespace: 'ns', generation: 3 }
  return { metadata, spec: { selector: {}, ...spec }, status } as unknown as Stored<PodDisruptionBudget>
}

function pods(
  count: number,
  { ready = 'True', owner = 'rs', ...metadata }: Record<string, unknown> = {},
): Stored<Pod>[] {
  return Array.from({ length: count }, (_, i) => {
    const ownerReferences = owner && [{ kind: 'ReplicaSet', name: owner, uid: owner, controller: true }]
    return {
      metadata: { name: `web-${i}`, namespace: 'ns', ...(ownerReferences ? { ownerReferences } : {}), ...metadata },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] },
    } as unknown as Stored<Pod>
  })
}

function look(one: Stored<PodDisruptionBudget>, all: Stored<Pod>[], replicas: number | string = 10) {
  const decision = reconcileBudget({
    budget: one,
    pods: all,
    scaleOf: ({ uid }) => (typeof replicas === 'number' ? { uid, replicas } : { problem: replicas }),
    nowMs: NOW_MS,
  })
  const update = decision.actions.find((action) => action.do === 'update')
  const notes = decision.actions.flatMap((action) => (action.do === 'note' ? [action.note.reason] : []))
  return { ...decision, notes, status: (update?.object as PodDisruptionBudget | undefined)?.status }
}

describe('a budget', () => {
  it('counts the pods that there are, or a share of those that there should be', () => {
    expect(look(budget({ minAvailable: 2 }), pods(3)).status).toMatchObject({
      expectedPods: 3,
      desiredHealthy: 2,
      currentHealthy: 3,
      disruptionsAllowed: 1,
      observedGeneration: 3,
      conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }],
    })
    expect(look(budget({ minAvailable: '75%' }), pods(9)).status).toMatchObject({
      expectedPods: 10,
      desiredHealthy: 8,
      disruptionsAllowed: 1,
    })
    expect(look(budget({ maxUnavailable: '25%' }), pods(10)).status).toMatchObject({
      desiredHealthy: 7,
      disruptionsAllowed: 3,
    })
    expect(look(budget({ maxUnavailable: 20 }), pods(10)).status).toMatchObject({
      desiredHealthy: 0,
      disruptionsAllowed: 10,
    })
  })

  it('allows nothing while too few are healthy, or none is there', () => {
    expect(look(budget({ minAvailable: 2 }), pods(3, { ready: 'False' })).status).toMatchObject({
      currentHealthy: 0,
      disruptionsAllowed: 0,
      conditions: [{ status: 'False', reason: 'InsufficientPods', observedGeneration: 3, message: '' }],
    })
    const none = look(budget({ maxUnavailable: 1 }), [], 0)
    expect(none.notes).toEqual(['NoPods'])
    expect(none.status).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 })
  })

  it('takes an evicted pod for gone, for two minutes', () => {
    const status = { disruptedPods: { 'web-0': ago(100), 'web-1': ago(130), gone: ago(1) } }
    const { status: after, notes, requeueAfterMs } = look(budget({ minAvailable: 1 }, status), pods(3))
    expect(after).toMatchObject({ currentHealthy: 2, disruptedPods: { 'web-0': ago(100) } })
    expect(Object.keys(after?.disruptedPods ?? {})).toEqual(['web-0'])
    expect(notes).toEqual(['NotDeleted'])
    expect(requeueAfterMs).toBe(20_000)
    const deleted = look(budget({ minAvailable: 1 }, status), pods(3, { deletionTimestamp: ago(0) }))
    expect(deleted.status).toMatchObject({ currentHealthy: 0, expectedPods: 3 })
    expect(deleted.status?.disruptedPods).toBeUndefined()
  })

  it('is left alone when it is right, and its condition keeps its time while the answer stays', () => {
    const first = look(budget({ minAvailable: 2 }), pods(3)).status
    expect(look(budget({ minAvailable: 2 }, first), pods(3)).actions).toEqual([])
    const old = { ...first, conditions: first?.conditions?.map((one) => ({ ...one, lastTransitionTime: ago(500) })) }
    expect(look(budget({ minAvailable: 1 }, old), pods(3)).status?.conditions?.[0]?.lastTransitionTime).toBe(ago(500))
    expect(look(budget({ minAvailable: 3 }, old), pods(3)).status?.conditions?.[0]?.lastTransitionTime).toBe(ago(0))
  })

  it('allows nothing when nobody says how many pods there should be', () => {
    const { status, notes } = look(budget({ maxUnavailable: 1 }, { disruptionsAllowed: 5 }), pods(3), 'no such scale')
    expect(notes).toEqual(['CalculateExpectedPodCountFailed'])
    expect(status).toMatchObject({
      disruptionsAllowed: 0,
      conditions: [{ status: 'False', reason: 'SyncFailed', message: 'no such scale' }],
    })
    const strays = look(budget({ maxUnavailable: 1 }), pods(2, { owner: '' }))
    expect(strays.notes).toEqual(['UnmanagedPods'])
    expect(strays.status).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 })
  })
})

describe('a pod that was marked for a disruption which never came', () => {
  const marked = (seconds: number, more: object = {}, reason = 'EvictionByEvictionAPI') =>
    ({
      metadata: { name: 'web', namespace: 'ns', ...more },
      status: {
        phase: 'Running',
        conditions: [{ type: 'DisruptionTarget', status: 'True', reason, lastTransitionTime: ago(seconds) }],
      },
    }) as unknown as Stored<Pod>

  it('loses its mark after two minutes', () => {
    expect(reconcileMark(marked(100), NOW_MS)).toEqual({ actions: [], requeueAfterMs: 20_000 })
    expect(reconcileMark(marked(120), NOW_MS).actions).toMatchObject([
      {
        do: 'update',
        subresource: 'status',
        object: { status: { conditions: [{ type: 'DisruptionTarget', status: 'False', lastTransitionTime: ago(0) }] } },
      },
    ])
  })

  it('keeps it while it goes, and when its kubelet gave it', () => {
    expect(reconcileMark(marked(500, { deletionTimestamp: ago(1) }), NOW_MS).actions).toEqual([])
    expect(reconcileMark(marked(500, {}, 'TerminationByKubelet'), NOW_MS).actions).toEqual([])
  })
})
