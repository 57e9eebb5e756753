/** Step 2.11: who asks, and may they? */
import { describe, expect } from 'vitest'
import { authenticate } from '#apiserver/auth/authenticate.ts'
import { nodeMay, nodeNameOf } from '#apiserver/auth/node-authorizer.ts'
import { isAllowed, ruleAllows } from '#apiserver/auth/rbac.ts'
import type { Pod } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { refusalOf, requestInfo } from './fixtures.ts'

const RBAC = 'kubernetes pkg/apis/rbac/v1/evaluation_helpers.go'
const NODE = 'kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go'

describe('who is asking', () => {
  const tokens = new Map([['secret', { name: 'ann', uid: 'u1', groups: ['developers'] }]])

  lesson(
    'is told by a certificate',
    {
      scenario: 'The admin’s certificate: CN kubernetes-admin, O system:masters.',
      rule: 'The common name is the user, the organizations are the groups; who is known is in system:authenticated.',
      source: 'apiserver pkg/authentication/request/x509/x509.go (CommonNameUserConversion)',
    },
    () => {
      const certificate = { commonName: 'kubernetes-admin', organizations: ['system:masters'] }
      expect(authenticate({ certificate }, tokens)).toEqual({
        name: 'kubernetes-admin',
        groups: ['system:masters', 'system:authenticated'],
      })
    },
  )

  lesson(
    'is told by a token',
    {
      scenario: 'A token of the table.',
      rule: 'The table says who it is.',
      source: 'apiserver pkg/authentication/token/tokenfile',
    },
    () => {
      expect(authenticate({ bearerToken: 'secret' }, tokens)).toEqual({
        name: 'ann',
        uid: 'u1',
        groups: ['developers', 'system:authenticated'],
      })
      const again = new Map([['t', { name: 'bob', groups: ['system:authenticated'] }]])
      expect(authenticate({ bearerToken: 't' }, again).groups).toEqual(['system:authenticated'])
    },
  )

  lesson(
    'is nobody without credentials',
    {
      scenario: 'No certificate and no token; a certificate with an empty name.',
      rule: 'system:anonymous of the group system:unauthenticated: somebody, too, of whom rules can speak.',
      source: 'apiserver pkg/authentication/request/anonymous',
    },
    () => {
      const anonymous = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
      expect(authenticate({}, tokens)).toEqual(anonymous)
      const nameless = { commonName: '', organizations: ['system:masters'] }
      expect(authenticate({ certificate: nameless }, tokens)).toEqual(anonymous)
    },
  )

  lesson(
    'is refused with a wrong token',
    {
      scenario: 'A token that is not in the table; and an empty one.',
      rule: '401: who shows a wrong key must not get in by the open door.',
      source: 'apiserver pkg/endpoints/filters/authentication.go',
    },
    () => {
      for (const bearerToken of ['guess', '']) {
        expect(refusalOf(() => authenticate({ bearerToken }, tokens))).toMatchObject({
          code: 401,
          reason: 'Unauthorized',
          message: 'Unauthorized',
        })
      }
    },
  )
})

describe('a rule', () => {
  const readPods = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }
  const getPod = requestInfo({ verb: 'get', resource: 'pods', namespace: 'shop', name: 'web' })

  lesson(
    'allows what all its lists name',
    {
      scenario:
        'get and list of pods of the core group: asked for the same, another verb, another group, another resource.',
      rule: 'Every part of the request must be in the rule.',
      source: RBAC,
    },
    () => {
      expect(ruleAllows(readPods, getPod)).toBe(true)
      expect(ruleAllows(readPods, { ...getPod, verb: 'delete' })).toBe(false)
      expect(ruleAllows(readPods, { ...getPod, apiGroup: 'metrics.k8s.io' })).toBe(false)
      expect(ruleAllows(readPods, { ...getPod, resource: 'secrets' })).toBe(false)
      expect(ruleAllows({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, getPod)).toBe(true)
    },
  )

  lesson(
    'compares whole words',
    {
      scenario: 'A rule about pods is asked about podtemplates and pod; a rule for list about listing.',
      rule: 'No prefixes, no patterns: a rule that allows more than it says is a hole.',
      source: RBAC,
    },
    () => {
      expect(ruleAllows(readPods, { ...getPod, resource: 'podtemplates' })).toBe(false)
      expect(ruleAllows(readPods, { ...getPod, resource: 'pod' })).toBe(false)
      expect(ruleAllows({ ...readPods, verbs: ['get*'] }, getPod)).toBe(false)
    },
  )

  lesson(
    'about a resource says nothing about its subresources',
    {
      scenario: 'pods/exec, asked of rules for pods, pods/exec, */exec, * and pods/log.',
      rule: 'Who may read a pod may not run commands in it.',
      source: `${RBAC} (ResourceMatches)`,
    },
    () => {
      const exec = { ...getPod, subresource: 'exec' }
      const allowedBy = ['pods', 'pods/exec', '*/exec', '*', 'pods/log'].filter((resource) =>
        ruleAllows({ ...readPods, resources: [resource] }, exec),
      )
      expect(allowedBy).toEqual(['pods/exec', '*/exec', '*'])
      expect(ruleAllows({ ...readPods, resources: ['pods/exec'] }, getPod)).toBe(false)
    },
  )

  lesson(
    'with names is for those names only',
    {
      scenario: 'A rule for the Lease kube-scheduler: asked for it, for another, for a list, for a creation.',
      rule: 'A request without a name is about all of them, and so not about this one.',
      source: `${RBAC} (ResourceNameMatches)`,
    },
    () => {
      const rule = {
        verbs: ['*'],
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['kube-scheduler'],
      }
      const lease = requestInfo({ apiGroup: 'coordination.k8s.io', resource: 'leases', name: 'kube-scheduler' })
      expect(ruleAllows(rule, lease)).toBe(true)
      expect(ruleAllows(rule, { ...lease, name: 'other' })).toBe(false)
      expect(ruleAllows(rule, { ...lease, verb: 'list', name: '' })).toBe(false)
      expect(ruleAllows(rule, { ...lease, verb: 'create', name: '' })).toBe(false)
    },
  )

  lesson(
    'is about resources or about paths',
    {
      scenario:
        '/healthz and /healthz/* asked for /healthz, /healthz/etcd, /healthzy; a rule for all resources asked for /version.',
      rule: 'Paths may end in *; and neither sort of rule speaks of the other sort of request.',
      source: `${RBAC} (NonResourceURLMatches)`,
    },
    () => {
      const path = (text: string) => requestInfo({ isResourceRequest: false, path: text })
      const health = { verbs: ['get'], nonResourceURLs: ['/healthz', '/healthz/*'] }
      expect(['/healthz', '/healthz/etcd', '/healthzy', '/'].filter((one) => ruleAllows(health, path(one)))).toEqual([
        '/healthz',
        '/healthz/etcd',
      ])
      expect(ruleAllows({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, path('/version'))).toBe(false)
      expect(ruleAllows({ verbs: ['*'], nonResourceURLs: ['*'] }, getPod)).toBe(false)
    },
  )
})

describe('bindings', () => {
  const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]
  const ann = { name: 'ann', groups: ['developers', 'system:authenticated'] }
  const getPod = requestInfo({ resource: 'pods', namespace: 'shop', name: 'web' })

  lesson(
    'give roles to users and groups',
    {
      scenario: 'Bindings for ann, for developers, for bob, for a user who is called like ann’s group.',
      rule: 'By name or by group; a user is not a group.',
      source: 'kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go (appliesToUser)',
    },
    () => {
      expect(isAllowed(ann, getPod, [{ users: ['ann'], rules }])).toBe(true)
      expect(
        isAllowed(ann, getPod, [
          { users: ['bob'], rules: [] },
          { groups: ['developers'], rules },
        ]),
      ).toBe(true)
      expect(isAllowed(ann, getPod, [{ users: ['bob', 'developers'], groups: ['ann'], rules }])).toBe(false)
      expect(isAllowed(ann, getPod, [])).toBe(false)
    },
  )

  lesson(
    'of a namespace hold there and nowhere else',
    {
      scenario: 'A binding in shop: asked for a pod in shop, in office, in all namespaces, and for a path.',
      rule: 'What has no namespace is not in this one.',
      source: 'kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go (VisitRulesFor)',
    },
    () => {
      const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], nonResourceURLs: ['*'] }
      const inShop = [{ users: ['ann'], namespace: 'shop', rules: [everything] }]
      expect(isAllowed(ann, getPod, inShop)).toBe(true)
      expect(isAllowed(ann, { ...getPod, namespace: 'office' }, inShop)).toBe(false)
      expect(isAllowed(ann, { ...getPod, namespace: '', name: '', verb: 'list' }, inShop)).toBe(false)
      expect(isAllowed(ann, requestInfo({ isResourceRequest: false, path: '/version' }), inShop)).toBe(false)
    },
  )

  lesson(
    'are not asked about system:masters',
    {
      scenario: 'An administrator, in a cluster without any binding.',
      rule: 'Somebody must be able to repair the bindings. It is the group, not a user of that name.',
      source: 'apiserver pkg/authentication/user (SystemPrivilegedGroup)',
    },
    () => {
      expect(isAllowed({ name: 'root', groups: ['system:masters'] }, getPod, [])).toBe(true)
      expect(isAllowed({ name: 'system:masters', groups: [] }, getPod, [])).toBe(false)
    },
  )
})

describe('a kubelet', () => {
  const pods: Pod[] = [
    {
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        nodeName: 'node-1',
        containers: [
          {
            name: 'c',
            envFrom: [{ secretRef: { name: 'login' } }],
            env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }],
          },
        ],
        volumes: [{ name: 'v', secret: { secretName: 'tls' } }],
      },
    },
  ]
  const may = (info: Parameters<typeof requestInfo>[0]) => nodeMay('node-1', requestInfo(info), pods)

  lesson(
    'is who has the name and the group',
    {
      scenario: 'system:node:node-1 with and without the group system:nodes; somebody else in the group; no node name.',
      rule: 'Both: the group says what it is, the name says which.',
      source: 'kubernetes pkg/auth/nodeidentifier/default.go',
    },
    () => {
      const groups = ['system:nodes', 'system:authenticated']
      expect(nodeNameOf({ name: 'system:node:node-1', groups })).toBe('node-1')
      expect(nodeNameOf({ name: 'system:node:node-1', groups: ['system:authenticated'] })).toBeUndefined()
      expect(nodeNameOf({ name: 'node-1', groups })).toBeUndefined()
      expect(nodeNameOf({ name: 'system:node:', groups })).toBeUndefined()
    },
  )

  lesson(
    'changes its own node and no other',
    {
      scenario: 'The kubelet of node-1 registers, reads nodes, updates its own status, and tries node-2’s.',
      rule: 'Reading is free, and so is registering; changing is for its own, status included.',
      source: `${NODE}; plugin/pkg/admission/noderestriction`,
    },
    () => {
      const node = (verb: string, name: string, subresource = '') => may({ verb, resource: 'nodes', name, subresource })
      expect([node('create', ''), node('get', 'node-2'), node('list', ''), node('watch', '')]).toEqual(
        Array(4).fill(true),
      )
      expect([node('patch', 'node-1', 'status'), node('update', 'node-1'), node('delete', 'node-1')]).toEqual(
        Array(3).fill(true),
      )
      expect([node('patch', 'node-2', 'status'), node('update', 'node-2'), node('deletecollection', '')]).toEqual(
        Array(3).fill(false),
      )
    },
  )

  lesson(
    'reports on its own pods and no others',
    {
      scenario: 'web of shop is bound to node-1; web of office and db of shop are not.',
      rule: 'Status, deletion and eviction are for the pods bound to it, by namespace and name.',
      source: `${NODE}; plugin/pkg/admission/noderestriction`,
    },
    () => {
      const pod = (verb: string, namespace: string, name: string, subresource = '') =>
        may({ verb, resource: 'pods', namespace, name, subresource })
      expect([
        pod('patch', 'shop', 'web', 'status'),
        pod('delete', 'shop', 'web'),
        pod('create', 'shop', 'web', 'eviction'),
        pod('list', '', ''),
        pod('get', 'office', 'web'),
      ]).toEqual(Array(5).fill(true))
      expect([
        pod('patch', 'office', 'web', 'status'),
        pod('update', 'shop', 'db', 'status'),
        pod('delete', 'shop', 'db'),
        pod('update', 'shop', 'web'),
        pod('create', 'shop', 'web', 'binding'),
        pod('create', 'shop', 'web', 'exec'),
      ]).toEqual(Array(6).fill(false))
    },
  )

  lesson(
    'reads the secrets that its pods need, and no others',
    {
      scenario: 'The pod uses the secrets login and tls and the config map settings, in shop.',
      rule: 'A stolen node gives away the secrets of its own pods only: by name, in their namespace, reading.',
      source: `${NODE} (the graph of references)`,
    },
    () => {
      const read = (resource: string, name: string, namespace = 'shop', verb = 'get') =>
        may({ verb, resource, namespace, name })
      expect([
        read('secrets', 'login'),
        read('secrets', 'tls', 'shop', 'watch'),
        read('configmaps', 'settings'),
      ]).toEqual(Array(3).fill(true))
      expect([
        read('secrets', 'other'),
        read('secrets', 'settings'),
        read('secrets', 'login', 'office'),
        read('secrets', '', 'shop', 'list'),
        read('secrets', 'login', 'shop', 'update'),
      ]).toEqual(Array(5).fill(false))
    },
  )

  lesson(
    'sends its heartbeat, writes events, and reads Services',
    {
      scenario: 'Leases of both nodes; events; services; deployments.',
      rule: 'The Lease in kube-node-lease with its own name; the creation has no name yet. Nothing else.',
      source: NODE,
    },
    () => {
      const lease = (verb: string, name: string, namespace = 'kube-node-lease') =>
        may({ verb, apiGroup: 'coordination.k8s.io', resource: 'leases', namespace, name })
      expect([lease('create', ''), lease('get', 'node-1'), lease('update', 'node-1')]).toEqual(Array(3).fill(true))
      expect([lease('update', 'node-2'), lease('update', 'node-1', 'kube-system')]).toEqual([false, false])
      expect(may({ verb: 'create', resource: 'events', namespace: 'shop' })).toBe(true)
      expect(may({ verb: 'watch', resource: 'services' })).toBe(true)
      expect(may({ verb: 'update', resource: 'services', namespace: 'shop', name: 'web' })).toBe(false)
      expect(may({ verb: 'get', apiGroup: 'apps', resource: 'deployments', namespace: 'shop' })).toBe(false)
    },
  )
})
