/** Step 5.5: noticing what changed, by comparing two lists. */
import { describe, expect } from 'vitest'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { diffRelist, lifecycleEvents, type PlegRecord, type PlegState, podsToSync } from '#kubelet/pleg.ts'

const PLEG = 'kubernetes pkg/kubelet/pleg/generic.go'
const record = (id: string, state: PlegRecord['state'], podUid = 'p1'): PlegRecord => ({ podUid, id, state })

describe('one container', () => {
  lesson(
    'that changed has events named by its new state',
    {
      scenario: 'A container goes through its life: not there, made, running, ended, gone.',
      rule: 'running is Started, exited is Died, unknown is Changed, gone is Removed.',
      source: PLEG,
    },
    () => {
      const types = (before: PlegState, after: PlegState) =>
        lifecycleEvents('p1', 'c1', before, after).map(({ type }) => type)
      expect(types('non-existent', 'unknown')).toEqual(['ContainerChanged'])
      expect(types('unknown', 'running')).toEqual(['ContainerStarted'])
      expect(types('running', 'exited')).toEqual(['ContainerDied'])
      expect(types('exited', 'non-existent')).toEqual(['ContainerRemoved'])
    },
  )

  lesson(
    'that vanished while it ran died first',
    {
      scenario: 'Between two lists, a running container ended and was removed.',
      rule: 'The death must be told, though nobody saw it: a restart may depend on it.',
      source: PLEG,
    },
    () => {
      expect(lifecycleEvents('p1', 'c1', 'running', 'non-existent')).toEqual([
        { podUid: 'p1', type: 'ContainerDied', id: 'c1' },
        { podUid: 'p1', type: 'ContainerRemoved', id: 'c1' },
      ])
    },
  )

  lesson(
    'that did not change has none',
    {
      scenario: 'The same state in both lists.',
      rule: 'No change, no event: a quiet node must cost nothing.',
      source: PLEG,
    },
    () => {
      for (const state of ['running', 'exited', 'unknown', 'non-existent'] as const) {
        expect(lifecycleEvents('p1', 'c1', state, state)).toEqual([])
      }
    },
  )
})

describe('two lists', () => {
  lesson(
    'tell of what came, what changed and what went',
    {
      scenario: 'a runs on, b died, c is gone, d is new.',
      rule: 'A container in only one list is non-existent in the other. The order is that of the lists.',
      source: PLEG,
    },
    () => {
      const before = [record('a', 'running'), record('b', 'running'), record('c', 'exited')]
      const after = [record('d', 'running', 'p2'), record('b', 'exited'), record('a', 'running')]
      expect(diffRelist(before, after)).toEqual([
        { podUid: 'p1', type: 'ContainerDied', id: 'b' },
        { podUid: 'p1', type: 'ContainerRemoved', id: 'c' },
        { podUid: 'p2', type: 'ContainerStarted', id: 'd' },
      ])
    },
  )

  lesson(
    'lead back to the truth, however many changes lay between them',
    {
      scenario: 'Random lists. Someone who knows only the old one applies the events.',
      rule: 'Old list plus events is the new list: nothing is missed, nothing invented.',
      source: PLEG,
    },
    (context) => {
      const random = createRandom(55)
      context.seed(random.seed)
      const states = ['running', 'exited', 'unknown'] as const
      const list = () =>
        ['a', 'b', 'c', 'd', 'e'].filter(() => random.chance(0.6)).map((id) => record(id, random.pick(states)))
      for (let run = 0; run < 300; run++) {
        const [before, after] = [list(), list()]
        const known = new Map<string, string>(before.map(({ id, state }) => [id, state]))
        for (const { type, id } of diffRelist(before, after)) {
          if (type === 'ContainerRemoved') known.delete(id)
          else
            known.set(id, { ContainerStarted: 'running', ContainerDied: 'exited', ContainerChanged: 'unknown' }[type])
        }
        expect(Object.fromEntries([...known].sort())).toEqual(
          Object.fromEntries(after.map(({ id, state }) => [id, state]).sort()),
        )
      }
    },
  )
})

describe('who needs a look', () => {
  lesson(
    'each pod once, and none for a mere removal',
    {
      scenario: 'Two containers of p1 died, one of p2 was removed, one of p3 started.',
      rule: 'A look reads everything anyway, so one is enough. The kubelet itself removed that container.',
      source: 'kubernetes pkg/kubelet/kubelet.go, isSyncPodWorthy',
    },
    () => {
      expect(
        podsToSync([
          { podUid: 'p1', type: 'ContainerDied', id: 'a' },
          { podUid: 'p1', type: 'ContainerDied', id: 'b' },
          { podUid: 'p2', type: 'ContainerRemoved', id: 'c' },
          { podUid: 'p3', type: 'ContainerStarted', id: 'd' },
        ]),
      ).toEqual(['p1', 'p3'])
    },
  )
})
