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
  const covers = (toleration: Toleration, taint: Taint = forDatabases) => tolerationCovers(toleration, taint)

  lesson(
    'covers a taint of the same key, value and effect',
    {
      scenario: 'The taint is dedicated=db:NoSchedule. Tolerations differ from it in one part at a time.',
      rule: 'With operator Equal, which is the default, key, value and effect must all be equal.',
      source: DOCUMENTATION,
    },
    () => {
      expect(covers({ key: 'dedicated', operator: 'Equal', value: 'db', effect: 'NoSchedule' })).toBe(true)
      expect(covers({ key: 'dedicated', value: 'db', effect: 'NoSchedule' })).toBe(true)
      expect(covers({ key: 'dedicated', value: 'web', effect: 'NoSchedule' })).toBe(false)
      expect(covers({ key: 'special', value: 'db', effect: 'NoSchedule' })).toBe(false)
      expect(covers({ key: 'dedicated', value: 'db', effect: 'NoExecute' })).toBe(false)
    },
  )

  lesson(
    'with Exists does not look at the value',
    {
      scenario: 'A toleration for the key dedicated says Exists. The taint has a value.',
      rule: 'Exists covers every value of the key; Equal without a value covers only the empty one.',
      source: DOCUMENTATION,
    },
    () => {
      expect(covers({ key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' })).toBe(true)
      expect(covers({ key: 'dedicated', operator: 'Equal', effect: 'NoSchedule' })).toBe(false)
      expect(covers({ key: 'flag', operator: 'Equal' }, { key: 'flag', effect: 'NoSchedule' })).toBe(true)
    },
  )

  lesson(
    'without an effect covers all effects, without a key all keys',
    {
      scenario: 'Tolerations leave out the effect, or everything but the operator Exists.',
      rule: 'An empty effect matches every effect. An empty key with Exists matches every taint.',
      source: DOCUMENTATION,
    },
    () => {
      expect(covers({ key: 'dedicated', operator: 'Exists' }, { ...forDatabases, effect: 'NoExecute' })).toBe(true)
      expect(covers({ operator: 'Exists' })).toBe(true)
      expect(covers({ operator: 'Exists', effect: 'NoExecute' })).toBe(false)
    },
  )
})

describe('taints', () => {
  lesson(
    'keep away pods that do not tolerate them',
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
    'of effect NoExecute keep away too, those of effect PreferNoSchedule do not',
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
    'must all be tolerated; the message names the first that is not',
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
    'keeps new pods away',
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
    'does not keep away those who tolerate it',
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
