/** Step 4.9: a Service of type LoadBalancer gets addresses. */
import { describe, expect } from 'vitest'
import { ingressAddresses, reconcileLoadBalancer } from '#controllers/cloud/load-balancer.ts'
import type { Service, Stored } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { ago, node, service } from './support/objects.ts'

const nodes = [node('n2', 'True', { address: '10.0.0.2' }), node('n1', 'True', { address: '10.0.0.1' })]
const both = ['10.0.0.1', '10.0.0.2'].map((ip) => ({ ip, ipMode: 'VIP' }))
const balanced = (more: Service['spec'] = {}, ingress?: object[]) =>
  service('web', { type: 'LoadBalancer', ...more }, ingress ? { status: { loadBalancer: { ingress } } } : {})
/** What the decision writes: the ingress list, or nothing. */
const written = (of: Stored<Service>, on = nodes) => {
  const update = reconcileLoadBalancer({ service: of, nodes: on }).actions.find((action) => action.do === 'update')
  return update && ((update.object as Service).status?.loadBalancer?.ingress ?? 'none')
}
const notes = (of: Stored<Service>, on = nodes) =>
  reconcileLoadBalancer({ service: of, nodes: on }).actions.map((action) =>
    action.do === 'note' ? action.note.reason : action.do,
  )

describe('the nodes that take traffic', () => {
  lesson(
    'are the ready ones that nobody has excluded',
    {
      scenario: 'Nodes: ready, not ready, unknown, excluded by label, being deleted, and one with a host name only.',
      rule: 'A load balancer sends traffic only to nodes that can take it; it needs an InternalIP.',
      source: 'cloud-provider controllers/service/controller.go: stableNodeSetPredicates',
    },
    () => {
      const excluded = { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }
      const all = [
        node('ready', 'True', { address: '10.0.0.9' }),
        node('also-ready', 'True', { address: '10.0.0.1' }),
        node('not-ready', 'False', { address: '10.0.0.2' }),
        node('unknown', 'Unknown', { address: '10.0.0.3' }),
        node('excluded', 'True', { address: '10.0.0.4', metadata: excluded }),
        node('leaving', 'True', { address: '10.0.0.5', metadata: { deletionTimestamp: ago(1) } }),
        node('nowhere', 'True'),
      ]
      expect(ingressAddresses(all)).toEqual(['10.0.0.1', '10.0.0.9'])
    },
  )
})

describe('a Service', () => {
  lesson(
    "of type LoadBalancer gets the nodes' addresses, and follows them",
    {
      scenario: 'A Service without addresses; then one of the two nodes is no longer ready.',
      rule: 'The ingress lists exactly the nodes that take traffic.',
      source: 'cloud-provider controllers/service/controller.go: syncLoadBalancerIfNeeded',
    },
    () => {
      expect(written(balanced())).toEqual(both)
      expect(notes(balanced())).toEqual(['EnsuringLoadBalancer', 'update', 'EnsuredLoadBalancer'])
      expect(written(balanced({}, both), nodes.slice(1))).toEqual([both[0]])
      expect(notes(balanced({}, both), nodes.slice(1))).toEqual(['update'])
    },
  )

  lesson(
    'keeps what else its status says',
    {
      scenario: 'Somebody has written a condition into the status of a Service that now gets its addresses.',
      rule: 'A status has several writers; whoever updates it writes back what it does not own.',
      source: 'cloud-provider controllers/service/controller.go: patchStatus',
    },
    () => {
      const conditions = [
        { type: 'example.com/Checked', status: 'True', reason: 'Ok', message: '', lastTransitionTime: ago(60) },
      ]
      const checked = service('web', { type: 'LoadBalancer' }, { status: { conditions } })
      const update = reconcileLoadBalancer({ service: checked, nodes }).actions.find((action) => action.do === 'update')
      expect(update).toMatchObject({ object: { status: { conditions, loadBalancer: { ingress: both } } } })
    },
  )

  lesson(
    'that has them is left alone',
    {
      scenario: 'The ingress is as it should be; and a LoadBalancer without any node.',
      rule: 'A stable world costs no write.',
      source: 'recording kcm-restart-with-stable-objects',
    },
    () => {
      expect(notes(balanced({}, both))).toEqual([])
      expect(notes(balanced(), [])).toEqual([])
    },
  )

  lesson(
    'of another type loses them',
    {
      scenario: 'A Service was of type LoadBalancer and becomes ClusterIP; and one that never had any.',
      rule: 'What was given for a type is taken back with it.',
      source: 'cloud-provider controllers/service/controller.go: needsCleanup',
    },
    () => {
      expect(written(balanced({ type: 'ClusterIP' }, both))).toBe('none')
      expect(notes(balanced({ type: 'ClusterIP' }, both))).toEqual([
        'DeletingLoadBalancer',
        'update',
        'DeletedLoadBalancer',
      ])
      expect(notes(balanced({ type: 'ClusterIP' }))).toEqual([])
    },
  )

  lesson(
    'of somebody else is not ours',
    {
      scenario: 'A Service with a loadBalancerClass, with and without addresses; and one that is being deleted.',
      rule: 'A class names the controller that serves it; what goes needs no address.',
      source: 'KEP-1959 (loadBalancerClass)',
    },
    () => {
      expect(notes(balanced({ loadBalancerClass: 'example.com/lb' }))).toEqual([])
      expect(notes(balanced({ loadBalancerClass: 'example.com/lb' }, [{ ip: '192.0.2.1' }]))).toEqual([])
      expect(notes(service('web', { type: 'LoadBalancer' }, { metadata: { deletionTimestamp: ago(1) } }))).toEqual([])
    },
  )
})
