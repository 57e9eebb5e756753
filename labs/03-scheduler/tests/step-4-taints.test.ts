/** Step 3.4: taints, tolerations and cordons. */
import { describe, expect } from 'vitest'
import type { Taint, Toleration } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { toleratesTaints } from '#scheduler/filters/taints.ts'
import { isOpenFor } from '#scheduler/filters/unschedulable.ts'
import { tolerationCovers } from '#scheduler/tolerations.ts'
import { nodeInfo, pod } from './fixtures.ts'

const DOCUMENTATION = 'kubernetes.io: Taints and Tolerations'
const PLUGIN = 'kube-scheduler plugins/tainttoleration'
const forDatabases: Taint = { key: 'dedicated', value: 'db', effect: 'NoSchedule' }

describe('a toleration', () => {
  /** Which of these tolerations cover the taint, by name. */
  const covering = (tolerations: Record<string, Toleration>, taint: Taint = forDatabases) =>
    Object.fromEntries(Object.entries(tolerations).map(([name, one]) => [name, tolerationCovers(one, taint)]))

  lesson(
    'a toleration covers a taint of the same key, value and effect',
    {
      scenario: 'The taint is dedicated=db:NoSchedule. Tolerations differ from it in one part at a time.',
      rule: 'With operator Equal, which is the default, key, value and effect must all be equal.',
      source: DOCUMENTATION,
    },
    () => {
      const equal: Toleration = { key: 'dedicated', operator: 'Equal', value: 'db', effect: 'NoSchedule' }
      const { operator: _, ...byDefault } = equal
      expect(
        covering({
          'all alike': equal,
          'without operator': byDefault,
          'another value': { ...equal, value: 'web' },
          'another key': { ...equal, key: 'special' },
          'another effect': { ...equal, effect: 'NoExecute' },
        }),
      ).toEqual({
        'all alike': true,
        'without operator': true,
        'another value': false,
        'another key': false,
        'another effect': false,
      })
    },
  )

  lesson(
    'a toleration with Exists does not look at the value',
    {
      scenario: 'The taint is dedicated=db:NoSchedule. Tolerations say Exists, for its key and for another one.',
      rule: 'Exists covers every value of the key.',
      source: DOCUMENTATION,
    },
    () => {
      expect(
        covering({
          'dedicated Exists': { key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' },
          'special Exists': { key: 'special', operator: 'Exists', effect: 'NoSchedule' },
        }),
      ).toEqual({ 'dedicated Exists': true, 'special Exists': false })
    },
  )

  lesson(
    'a toleration counts a missing value as the empty one',
    {
      scenario:
        'Tolerations with Equal, but without a value, meet a taint with the value db, one with "" and one with none.',
      rule: 'A value that is not there is "", in tolerations and in taints.',
      source: DOCUMENTATION,
    },
    () => {
      const withoutValue: Toleration = { key: 'dedicated', operator: 'Equal', effect: 'NoSchedule' }
      const taint: Taint = { key: 'dedicated', effect: 'NoSchedule' }
      expect({
        'no value with db': tolerationCovers(withoutValue, { ...taint, value: 'db' }),
        'no value with ""': tolerationCovers(withoutValue, { ...taint, value: '' }),
        'no value with no value': tolerationCovers(withoutValue, taint),
        '"" with no value': tolerationCovers({ ...withoutValue, value: '' }, taint),
      }).toEqual({
        'no value with db': false,
        'no value with ""': true,
        'no value with no value': true,
        '"" with no value': true,
      })
    },
  )

  lesson(
    'a toleration without an effect covers all effects, without a key all keys',
    {
      scenario:
        'The taint is dedicated=db:NoSchedule, once NoExecute. Tolerations leave out the effect, or everything but the operator Exists.',
      rule: 'An empty effect matches every effect. An empty key with Exists matches every taint.',
      source: DOCUMENTATION,
    },
    () => {
      const evicting: Taint = { ...forDatabases, effect: 'NoExecute' }
      expect({
        ...covering({
          'key, no effect': { key: 'dedicated', operator: 'Exists' },
          'no key, no effect': { operator: 'Exists' },
          'no key, another effect': { operator: 'Exists', effect: 'NoExecute' },
        }),
        ...covering({ 'key, no effect, NoExecute': { key: 'dedicated', operator: 'Exists' } }, evicting),
      }).toEqual({
        'key, no effect': true,
        'no key, no effect': true,
        'no key, another effect': false,
        'key, no effect, NoExecute': true,
      })
    },
  )
})

describe('taints', () => {
  lesson(
    'a taint keeps away pods that do not tolerate it',
    {
      scenario: 'A node is dedicated to databases. A web pod and a tolerant pod come by.',
      rule: 'Each NoSchedule and NoExecute taint must be tolerated; no eviction can change that.',
      source: PLUGIN,
    },
    () => {
      const node = nodeInfo('n1', { taints: [forDatabases] })
      const tolerant = pod('db', { tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'db' }] })
      expect(toleratesTaints(tolerant, node)).toEqual({ fits: true })
      expect(toleratesTaints(pod('web'), node)).toEqual({
        fits: false,
        reasons: ['node(s) had untolerated taint {dedicated: db}'],
        evictionMayHelp: false,
      })
    },
  )

  lesson(
    'NoExecute keeps pods away too, PreferNoSchedule does not',
    {
      scenario: 'One node is out of reach (NoExecute), one would rather be left alone (PreferNoSchedule).',
      rule: 'NoExecute forbids as NoSchedule does. PreferNoSchedule is advice, and a matter for scores.',
      source: DOCUMENTATION,
    },
    () => {
      const unreachable: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }
      const reluctant: Taint = { key: 'flaky', value: 'x', effect: 'PreferNoSchedule' }
      expect(toleratesTaints(pod('web'), nodeInfo('n1', { taints: [unreachable] }))).toMatchObject({
        reasons: ['node(s) had untolerated taint {node.kubernetes.io/unreachable: }'],
      })
      expect(toleratesTaints(pod('web'), nodeInfo('n1', { taints: [reluctant] }))).toEqual({ fits: true })
    },
  )

  lesson(
    'all taints must be tolerated; the message names the first that is not',
    {
      scenario: 'A node has three taints; the pod tolerates the first only.',
      rule: 'One untolerated taint is enough to keep the pod away, and the first such taint is named.',
      source: PLUGIN,
    },
    () => {
      const taints: Taint[] = [
        forDatabases,
        { key: 'evict', value: '1', effect: 'NoExecute' },
        { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
      ]
      const halfTolerant = pod('p', { tolerations: [{ key: 'dedicated', operator: 'Exists' }] })
      expect(toleratesTaints(halfTolerant, nodeInfo('n1', { taints }))).toMatchObject({
        reasons: ['node(s) had untolerated taint {evict: 1}'],
      })
    },
  )
})

describe('a cordon', () => {
  lesson(
    'a cordon keeps new pods away',
    {
      scenario: 'Someone ran kubectl cordon on a node.',
      rule: 'spec.unschedulable makes the node unsuitable.',
      source: 'kube-scheduler plugins/nodeunschedulable',
    },
    () => {
      expect(isOpenFor(pod('web'), nodeInfo('n1'))).toEqual({ fits: true })
      expect(isOpenFor(pod('web'), nodeInfo('n1', { unschedulable: true }))).toEqual({
        fits: false,
        reasons: ['node(s) were unschedulable'],
        evictionMayHelp: false,
      })
    },
  )

  lesson(
    'a cordon does not keep away those who tolerate it',
    {
      scenario:
        'A node is cordoned. A log collector, which belongs on every node, tolerates the taint that stands for a cordon.',
      rule: 'A pod that tolerates node.kubernetes.io/unschedulable:NoSchedule may come all the same.',
      source: 'kube-scheduler plugins/nodeunschedulable',
    },
    () => {
      const collector = pod('logs', {
        tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }],
      })
      expect(isOpenFor(collector, nodeInfo('n1', { unschedulable: true }))).toEqual({ fits: true })
    },
  )
})
