/** Step 4.10 ★: one of several leads. */
import { describe, expect } from 'vitest'
import { electionStep, type Observation, observe, released } from '#controllers/leader-election/election.ts'
import type { Lease, Stored } from '#kit/api/objects.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { NOW_MS, stored } from './support/objects.ts'

const me = { identity: 'me', namespace: 'kube-system', name: 'kube-controller-manager' }
const NOW_MICRO = '2026-01-01T12:00:00.000000Z'
const lease = (spec: NonNullable<Lease['spec']>, resourceVersion = '7') =>
  stored('Lease', me.name, { spec }, { namespace: 'kube-system', resourceVersion }) as Stored<Lease>
const held = (holderIdentity: string, resourceVersion?: string) =>
  lease(
    { holderIdentity, leaseDurationSeconds: 15, acquireTime: 'a', renewTime: 'r', leaseTransitions: 3 },
    resourceVersion,
  )
const step = (of: Stored<Lease> | undefined, sinceMs = NOW_MS) => electionStep(me, { lease: of, sinceMs }, NOW_MS)

describe('observing the Lease', () => {
  lesson(
    'keeps the time while it does not change',
    {
      scenario: 'The Lease is read at 0, 5 and 9 s; at 9 s it has another resourceVersion.',
      rule: 'A holder is alive when the Lease changes; when it last did is told by our own clock.',
      source: 'client-go leaderelection.go: observedTime',
    },
    () => {
      const first = observe(undefined, held('other', '7'), 0)
      expect(first.sinceMs).toBe(0)
      expect(observe(first, held('other', '7'), 5_000).sinceMs).toBe(0)
      expect(observe(first, held('other', '8'), 9_000)).toEqual({ lease: held('other', '8'), sinceMs: 9_000 })
      expect(observe(undefined, undefined, 4_000)).toEqual({ lease: undefined, sinceMs: 4_000 })
    },
  )
})

describe('what a candidate does', () => {
  lesson(
    'without a Lease: makes it',
    {
      scenario: 'There is no Lease yet.',
      rule: 'Whoever creates it leads; the server lets only one create it.',
      source: 'client-go leaderelection.go: tryAcquireOrRenew, 1',
    },
    () =>
      expect(step(undefined)).toEqual({
        do: 'create',
        lease: {
          metadata: { namespace: 'kube-system', name: 'kube-controller-manager' },
          spec: {
            holderIdentity: 'me',
            leaseDurationSeconds: 15,
            acquireTime: NOW_MICRO,
            renewTime: NOW_MICRO,
            leaseTransitions: 0,
          },
        },
      }),
  )

  lesson(
    'with its own Lease: renews it',
    {
      scenario: 'The Lease names us.',
      rule: 'Only renewTime changes: when we acquired it, and how often it changed hands, stay.',
      source: 'client-go leaderelection.go: tryAcquireOrRenew, 3',
    },
    () => {
      const renewal = step(held('me'))
      expect(renewal).toMatchObject({
        do: 'update',
        lease: {
          metadata: { resourceVersion: '7' },
          spec: { holderIdentity: 'me', acquireTime: 'a', renewTime: NOW_MICRO, leaseTransitions: 3 },
        },
      })
    },
  )

  lesson(
    "with another's Lease: waits until it has run out by our own clock",
    {
      scenario:
        'The Lease of another (15 s), unchanged for 14.999 s and for 15 s. Its renewTime is from a clock that is hours off.',
      rule: 'Times in the Lease are never compared with our clock.',
      source: 'client-go leaderelection.go: tryAcquireOrRenew, 2',
    },
    () => {
      expect(step(held('other'), NOW_MS - 14_999)).toEqual({ do: 'wait' })
      expect(step(held('other'), NOW_MS - 15_000)).toMatchObject({
        do: 'update',
        lease: {
          metadata: { resourceVersion: '7' },
          spec: { holderIdentity: 'me', acquireTime: NOW_MICRO, renewTime: NOW_MICRO, leaseTransitions: 4 },
        },
      })
      const fast = lease({
        holderIdentity: 'other',
        leaseDurationSeconds: 15,
        renewTime: '2020-01-01T00:00:00.000000Z',
      })
      expect(step(fast, NOW_MS - 1_000)).toEqual({ do: 'wait' })
    },
  )

  lesson(
    'waits as long as the Lease itself says',
    {
      scenario: 'The holder asked for 60 s; unchanged for 59 s, and for 60 s.',
      rule: "The holder's `leaseDurationSeconds` counts, not our own: it may have been started with other settings.",
      source: 'client-go leaderelection.go: isLeaseValid',
    },
    () => {
      const long = lease({ holderIdentity: 'other', leaseDurationSeconds: 60 })
      expect({ 'after 59 s': step(long, NOW_MS - 59_000).do, 'after 60 s': step(long, NOW_MS - 60_000).do }).toEqual({
        'after 59 s': 'wait',
        'after 60 s': 'update',
      })
    },
  )

  lesson(
    "with nobody's Lease: takes it",
    {
      scenario: 'The former leader has given the Lease back a moment ago.',
      rule: 'An empty holder means free: nobody needs to wait.',
      source: 'client-go leaderelection.go: release',
    },
    () => {
      expect(step(held(''))).toMatchObject({
        do: 'update',
        lease: { spec: { holderIdentity: 'me', leaseTransitions: 4 } },
      })
    },
  )

  lesson(
    'when it stops: gives the Lease back',
    {
      scenario: 'The leader stops on purpose.',
      rule: 'No holder, a duration of one second, the same number of transitions, on top of the version it holds.',
      source: 'client-go leaderelection.go: release (ReleaseOnCancel)',
    },
    () => {
      const free = released(held('me'), NOW_MS)
      expect(free.metadata?.resourceVersion).toBe('7')
      expect(free.spec).toEqual({
        holderIdentity: '',
        leaseDurationSeconds: 1,
        leaseTransitions: 3,
        acquireTime: NOW_MICRO,
        renewTime: NOW_MICRO,
      })
    },
  )
})

lesson(
  'of candidates that stall, die and have wrong clocks, never two lead',
  {
    scenario:
      'Three candidates with clocks hours apart look every 2 s, at random stall for up to 40 s, or stop on purpose. A leader believes in itself for 10 s after its last renewal.',
    rule: 'At most one believes to lead at any time, and as long as anybody is alive, somebody leads within half a minute.',
    source: 'client-go leaderelection.go: LeaseDuration > RenewDeadline > RetryPeriod',
  },
  ({ seed }) => {
    for (let round = 1; round <= 30; round++) {
      seed(round)
      const random = createRandom(round)
      let onServer: Stored<Lease> | undefined
      let version = 0
      const candidates = ['a', 'b', 'c'].map((identity, index) => ({
        identity,
        skewMs: (index - 1) * 7_200_000,
        observation: undefined as Observation | undefined,
        leadsUntilMs: Number.NEGATIVE_INFINITY,
        nextLookMs: random.below(2_000),
      }))
      let leaderlessMs = 0
      for (let nowMs = 0; nowMs < 300_000; nowMs += 500) {
        for (const one of candidates.filter(({ nextLookMs }) => nextLookMs <= nowMs)) {
          const localMs = NOW_MS + nowMs + one.skewMs
          one.nextLookMs = nowMs + (random.chance(0.03) ? random.below(40_000) : 2_000)
          one.observation = observe(one.observation, onServer, localMs)
          if (nowMs < one.leadsUntilMs && random.chance(0.02) && one.observation.lease) {
            onServer = {
              ...released(one.observation.lease, localMs),
              metadata: { ...onServer!.metadata, resourceVersion: String(++version) },
            }
            one.leadsUntilMs = Number.NEGATIVE_INFINITY
            one.nextLookMs = nowMs + 5_000
            continue
          }
          const next = electionStep({ ...me, identity: one.identity }, one.observation, localMs)
          if (next.do === 'wait') one.leadsUntilMs = Number.NEGATIVE_INFINITY
          else if (
            next.do === 'create'
              ? !onServer
              : next.lease.metadata?.resourceVersion === onServer?.metadata.resourceVersion
          ) {
            const metadata = { ...stored('Lease', me.name, {}).metadata, resourceVersion: String(++version) }
            onServer = { ...next.lease, metadata }
            one.observation = observe(one.observation, onServer, localMs)
            one.leadsUntilMs = nowMs + 10_000
          }
        }
        const leading = candidates.filter(({ leadsUntilMs }) => nowMs < leadsUntilMs).map(({ identity }) => identity)
        if (leading.length > 1) expect(leading, `leaders at ${nowMs} ms`).toHaveLength(1)
        const awake = candidates.some(({ nextLookMs }) => nextLookMs <= nowMs + 2_500)
        leaderlessMs = leading.length > 0 || !awake ? 0 : leaderlessMs + 500
        if (leaderlessMs >= 40_000) expect(leading, `leaders at ${nowMs} ms, after a long time without`).toHaveLength(1)
      }
    }
  },
)
