/** Step 2.11: who asks, and may they? */
import { describe, expect } from 'vitest'
import { authenticate } from '#apiserver/auth/authenticate.ts'
import { nodeMay, nodeNameOf } from '#apiserver/auth/node-authorizer.ts'
import { isAllowed, ruleAllows } from '#apiserver/auth/rbac.ts'
import { type BindingObject, type RoleObject, resolveBindings } from '#apiserver/auth/role-objects.ts'
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
      scenario:
        'The admin’s certificate: CN kubernetes-admin, O system:masters. Alone, and with a token of somebody else.',
      rule: 'The common name is the user, the organizations are the groups; who is known is in system:authenticated. The certificate comes first.',
      source: 'apiserver pkg/authentication/request/x509/x509.go (CommonNameUserConversion)',
    },
    () => {
      const certificate = { commonName: 'kubernetes-admin', organizations: ['system:masters'] }
      expect(authenticate({ certificate }, tokens)).toEqual({
        name: 'kubernetes-admin',
        groups: ['system:masters', 'system:authenticated'],
      })
      const both = authenticate({ certificate, bearerToken: 'secret' }, tokens)
      expect(both.name, 'with the token of ann beside the certificate').toBe('kubernetes-admin')
    },
  )

  lesson(
    'is told by a token',
    {
      scenario:
        'A token of the table; one whose user is in system:authenticated already; one beside a certificate without a name.',
      rule: 'The table says who it is, and stays as it is. A certificate without a name is no credential, and so in nobody’s way.',
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
      const nameless = { commonName: '', organizations: ['system:masters'] }
      const { name } = authenticate({ certificate: nameless, bearerToken: 'secret' }, tokens)
      expect(name, 'beside a certificate without a name').toBe('ann')
      expect(tokens.get('secret')?.groups, 'the groups of ann in the table').toEqual(['developers'])
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
        expect(refusalOf(() => authenticate({ bearerToken }, tokens), `by "${bearerToken}"`)).toMatchObject({
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
        'get and list of pods of the core group: asked for the same, another verb, another group, another resource. A rule that names no groups.',
      rule: 'Every part of the request must be in the rule. A list that is not there names nothing.',
      source: RBAC,
    },
    () => {
      expect({
        'the same': ruleAllows(readPods, getPod),
        'another verb': ruleAllows(readPods, { ...getPod, verb: 'delete' }),
        'another group': ruleAllows(readPods, { ...getPod, apiGroup: 'metrics.k8s.io' }),
        'another resource': ruleAllows(readPods, { ...getPod, resource: 'secrets' }),
        'of a rule with stars': ruleAllows({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, getPod),
        'of a rule without groups': ruleAllows({ verbs: ['*'], resources: ['*'] }, getPod),
      }).toEqual({
        'the same': true,
        'another verb': false,
        'another group': false,
        'another resource': false,
        'of a rule with stars': true,
        'of a rule without groups': false,
      })
    },
  )

  lesson(
    'compares whole words',
    {
      scenario: 'A rule about pods is asked about podtemplates and pod; a rule for get* about get.',
      rule: 'No prefixes, no patterns: a rule that allows more than it says is a hole.',
      source: RBAC,
    },
    () => {
      expect({
        podtemplates: ruleAllows(readPods, { ...getPod, resource: 'podtemplates' }),
        pod: ruleAllows(readPods, { ...getPod, resource: 'pod' }),
        'get, of a rule for get*': ruleAllows({ ...readPods, verbs: ['get*'] }, getPod),
      }).toEqual({ podtemplates: false, pod: false, 'get, of a rule for get*': false })
    },
  )

  lesson(
    'about a resource says nothing about its subresources',
    {
      scenario: 'pods/exec, asked of rules for pods, pods/exec, */exec, *, pods/log, */log and pods/*.',
      rule: 'Who may read a pod may not run commands in it.',
      source: `${RBAC} (ResourceMatches)`,
    },
    () => {
      const exec = { ...getPod, subresource: 'exec' }
      const allowedBy = ['pods', 'pods/exec', '*/exec', '*', 'pods/log', '*/log', 'pods/*'].filter((resource) =>
        ruleAllows({ ...readPods, resources: [resource] }, exec),
      )
      expect(allowedBy).toEqual(['pods/exec', '*/exec', '*'])
      expect(ruleAllows({ ...readPods, resources: ['pods/exec'] }, getPod), 'the pod, by pods/exec').toBe(false)
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
      expect({
        'get kube-scheduler': ruleAllows(rule, lease),
        'get other': ruleAllows(rule, { ...lease, name: 'other' }),
        list: ruleAllows(rule, { ...lease, verb: 'list', name: '' }),
        create: ruleAllows(rule, { ...lease, verb: 'create', name: '' }),
      }).toEqual({ 'get kube-scheduler': true, 'get other': false, list: false, create: false })
    },
  )

  lesson(
    'is about resources or about paths',
    {
      scenario:
        '/healthz and /healthz/* asked for /healthz, /healthz/etcd, /healthzy; /health* for the same; a rule for all resources asked for /version.',
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
      const anyHealth = { verbs: ['get'], nonResourceURLs: ['/health*'] }
      expect(
        ['/healthz', '/healthz/etcd', '/healthzy', '/'].filter((one) => ruleAllows(anyHealth, path(one))),
        'by /health*',
      ).toEqual(['/healthz', '/healthz/etcd', '/healthzy'])
      expect({
        '/version, of all resources': ruleAllows(
          { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
          path('/version'),
        ),
        'a pod, of all paths': ruleAllows({ verbs: ['*'], nonResourceURLs: ['*'] }, getPod),
        'POST /healthz, of get': ruleAllows(health, { ...path('/healthz'), verb: 'post' }),
      }).toEqual({ '/version, of all resources': false, 'a pod, of all paths': false, 'POST /healthz, of get': false })
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
      const nobodys = { users: ['bob'], rules: [] }
      const secrets = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] }
      expect({
        ann: isAllowed(ann, getPod, [{ users: ['ann'], rules }]),
        'developers, after a binding of bob': isAllowed(ann, getPod, [nobodys, { groups: ['developers'], rules }]),
        'developers or testers': isAllowed(ann, getPod, [{ groups: ['testers', 'developers'], rules }]),
        'ann, by the second of two rules': isAllowed(ann, getPod, [{ users: ['ann'], rules: [secrets, ...rules] }]),
        'ann as a group': isAllowed(ann, getPod, [{ users: ['bob', 'developers'], groups: ['ann'], rules }]),
        'no bindings': isAllowed(ann, getPod, []),
      }).toEqual({
        ann: true,
        'developers, after a binding of bob': true,
        'developers or testers': true,
        'ann, by the second of two rules': true,
        'ann as a group': false,
        'no bindings': false,
      })
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
      const mayInShop = (info: typeof getPod) => isAllowed(ann, info, inShop)
      expect({
        'in shop': mayInShop(getPod),
        'in office': mayInShop({ ...getPod, namespace: 'office' }),
        'in all namespaces': mayInShop({ ...getPod, namespace: '', name: '', verb: 'list' }),
        '/version': mayInShop(requestInfo({ isResourceRequest: false, path: '/version' })),
      }).toEqual({ 'in shop': true, 'in office': false, 'in all namespaces': false, '/version': false })
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
      expect({
        'of the group': isAllowed({ name: 'root', groups: ['system:masters'] }, getPod, []),
        'of that name': isAllowed({ name: 'system:masters', groups: [] }, getPod, []),
      }).toEqual({ 'of the group': true, 'of that name': false })
    },
  )
})

describe('the binding of a stored object', () => {
  const readPods = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }]
  const readSecrets = [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }]
  const roles: RoleObject[] = [
    { metadata: { name: 'reader', namespace: 'office' }, rules: readSecrets },
    { metadata: { name: 'reader', namespace: 'shop' }, rules: readPods },
    { metadata: { name: 'viewer' }, rules: readPods },
    { metadata: { name: 'empty' }, rules: null },
  ]
  const binding = (rest: Partial<BindingObject>, namespace?: string): BindingObject => ({
    metadata: { name: 'b', ...(namespace && { namespace }) },
    roleRef: { kind: 'ClusterRole', name: 'viewer' },
    subjects: [{ kind: 'User', name: 'ann' }],
    ...rest,
  })

  lesson(
    'has the rules of the role that it names',
    {
      scenario:
        'In shop, a binding to the Role reader (there is one in office, too), and one to the ClusterRole viewer.',
      rule: 'A Role is one of the binding’s namespace. A ClusterRole is a list of rules, and holds where it is bound: here only.',
      source: 'kubernetes pkg/registry/rbac/validation/rule.go (GetRoleReferenceRules)',
    },
    () => {
      const ofRole = binding({ roleRef: { kind: 'Role', name: 'reader' } }, 'shop')
      expect(resolveBindings([ofRole, binding({}, 'shop')], roles)).toEqual([
        { users: ['ann'], groups: [], namespace: 'shop', rules: readPods },
        { users: ['ann'], groups: [], namespace: 'shop', rules: readPods },
      ])
    },
  )

  lesson(
    'holds everywhere without a namespace',
    {
      scenario: 'A ClusterRoleBinding to viewer; one to a role without rules.',
      rule: 'It has no namespace, and leaves it out. A role whose rules are null has none.',
      source: 'kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go (VisitRulesFor)',
    },
    () => {
      const ofEmpty = binding({ roleRef: { kind: 'ClusterRole', name: 'empty' } })
      expect(resolveBindings([binding({}), ofEmpty], roles)).toEqual([
        { users: ['ann'], groups: [], rules: readPods },
        { users: ['ann'], groups: [], rules: [] },
      ])
    },
  )

  lesson(
    'is for users, groups and service accounts',
    {
      scenario:
        'Subjects: the user ann, the group developers, the accounts robot (of shop, by default) and robot of office.',
      rule: 'An account is the user system:serviceaccount:NAMESPACE:NAME. Without a namespace it is of the binding’s own.',
      source: 'kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go (appliesToUser)',
    },
    () => {
      const subjects = [
        { kind: 'User', name: 'ann' },
        { kind: 'Group', name: 'developers' },
        { kind: 'ServiceAccount', name: 'robot' },
        { kind: 'ServiceAccount', name: 'robot', namespace: 'office' },
      ]
      expect(resolveBindings([binding({ subjects }, 'shop')], roles)).toMatchObject([
        {
          users: ['ann', 'system:serviceaccount:shop:robot', 'system:serviceaccount:office:robot'],
          groups: ['developers'],
        },
      ])
      const nobody = { metadata: { name: 'b' }, roleRef: { kind: 'ClusterRole', name: 'viewer' } }
      expect(resolveBindings([nobody], roles), 'without subjects').toMatchObject([{ users: [], groups: [] }])
    },
  )

  lesson(
    'gives nothing while its role is not there',
    {
      scenario:
        'Bindings to a role that does not exist, to a Role of another namespace, to a ClusterRole by kind Role.',
      rule: 'A binding refers by kind and name. What it refers to may come later, or never.',
      source: 'kubernetes pkg/registry/rbac/validation/rule.go (GetRoleReferenceRules)',
    },
    () => {
      const dangling = [
        binding({ roleRef: { kind: 'ClusterRole', name: 'nosuch' } }),
        binding({ roleRef: { kind: 'Role', name: 'reader' } }, 'home'),
        binding({ roleRef: { kind: 'Role', name: 'viewer' } }, 'shop'),
        binding({ roleRef: { kind: 'ClusterRole', name: 'reader' } }, 'shop'),
      ]
      expect(resolveBindings(dangling, roles)).toEqual([])
    },
  )
})

describe('a kubelet', () => {
  const pods: Pod[] = [
    {
      metadata: { name: 'cache', namespace: 'office' },
      spec: {
        nodeName: 'node-1',
        serviceAccountName: 'keeper',
        containers: [{ name: 'c', envFrom: [{ secretRef: { name: 'key' } }] }],
      },
    },
    {
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        nodeName: 'node-1',
        serviceAccountName: 'robot',
        containers: [
          {
            name: 'c',
            envFrom: [{ secretRef: { name: 'login' } }],
            env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }],
          },
        ],
        volumes: [
          { name: 'v', secret: { secretName: 'tls' } },
          { name: 'd', persistentVolumeClaim: { claimName: 'disk' } },
        ],
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
      expect({
        both: nodeNameOf({ name: 'system:node:node-1', groups }),
        'without the group': nodeNameOf({ name: 'system:node:node-1', groups: ['system:authenticated'] }),
        'without the prefix': nodeNameOf({ name: 'node-1', groups }),
        'with another prefix': nodeNameOf({ name: 'system:user:node-1', groups }),
        'nothing behind the prefix': nodeNameOf({ name: 'system:node:', groups }),
      }).toEqual({
        both: 'node-1',
        'without the group': undefined,
        'without the prefix': undefined,
        'with another prefix': undefined,
        'nothing behind the prefix': undefined,
      })
    },
  )

  lesson(
    'changes its own node and no other',
    {
      scenario: 'The kubelet of node-1 registers, reads its node, updates its status, and tries node-2’s.',
      rule: 'Registering is free; reading and changing is for its own, status included. Going through the API server to another kubelet is neither.',
      source: `${NODE}; plugin/pkg/admission/noderestriction`,
    },
    () => {
      const node = (verb: string, name: string, subresource = '') => may({ verb, resource: 'nodes', name, subresource })
      expect({
        create: node('create', ''),
        'get node-1': node('get', 'node-1'),
        'watch node-1': node('watch', 'node-1'),
        'patch node-1/status': node('patch', 'node-1', 'status'),
        'update node-1': node('update', 'node-1'),
        'delete node-1': node('delete', 'node-1'),
      }).toEqual({
        create: true,
        'get node-1': true,
        'watch node-1': true,
        'patch node-1/status': true,
        'update node-1': true,
        'delete node-1': true,
      })
      expect({
        'patch node-2/status': node('patch', 'node-2', 'status'),
        'update node-2': node('update', 'node-2'),
        'update node-12': node('update', 'node-12'),
        'create node-2/proxy': node('create', 'node-2', 'proxy'),
        'get node-1/proxy': node('get', 'node-1', 'proxy'),
        'get node-2': node('get', 'node-2'),
        list: node('list', ''),
        deletecollection: node('deletecollection', ''),
      }).toEqual({
        'patch node-2/status': false,
        'update node-2': false,
        'update node-12': false,
        'create node-2/proxy': false,
        'get node-1/proxy': false,
        'get node-2': false,
        list: false,
        deletecollection: false,
      })
    },
  )

  lesson(
    'reports on its own pods and no others',
    {
      scenario: 'web of shop and cache of office are bound to node-1; web of office and db of shop are not.',
      rule: 'Pods bound to it, by namespace and name, are read, reported on, deleted, evicted; a watch asks for those of its node, and no others.',
      source: `${NODE}; plugin/pkg/admission/noderestriction`,
    },
    () => {
      const pod = (verb: string, namespace: string, name: string, subresource = '') =>
        may({ verb, resource: 'pods', namespace, name, subresource })
      const watchPods = (fieldSelector: string | undefined) => may({ verb: 'watch', resource: 'pods', fieldSelector })
      expect({
        'patch the status of shop/web': pod('patch', 'shop', 'web', 'status'),
        'delete shop/web': pod('delete', 'shop', 'web'),
        'delete office/cache': pod('delete', 'office', 'cache'),
        'evict shop/web': pod('create', 'shop', 'web', 'eviction'),
        'get shop/web': pod('get', 'shop', 'web'),
        'watch those of node-1': watchPods('spec.nodeName=node-1'),
        'watch those of node-1 that run': watchPods('status.phase=Running,spec.nodeName=node-1'),
      }).toEqual({
        'patch the status of shop/web': true,
        'delete shop/web': true,
        'delete office/cache': true,
        'evict shop/web': true,
        'get shop/web': true,
        'watch those of node-1': true,
        'watch those of node-1 that run': true,
      })
      expect({
        'patch the status of office/web': pod('patch', 'office', 'web', 'status'),
        'update the status of shop/db': pod('update', 'shop', 'db', 'status'),
        'delete shop/db': pod('delete', 'shop', 'db'),
        'evict shop/db': pod('create', 'shop', 'db', 'eviction'),
        'update shop/web itself': pod('update', 'shop', 'web'),
        'patch shop/web itself': pod('patch', 'shop', 'web'),
        'bind shop/web': pod('create', 'shop', 'web', 'binding'),
        'exec in shop/web': pod('create', 'shop', 'web', 'exec'),
        'exec in shop/web, by GET': pod('get', 'shop', 'web', 'exec'),
        'attach to shop/web': pod('create', 'shop', 'web', 'attach'),
        'get office/web': pod('get', 'office', 'web'),
        'watch all': watchPods(undefined),
        'list all': pod('list', '', ''),
        'watch those of node-12': watchPods('spec.nodeName=node-12'),
        'watch all but those of node-1': watchPods('spec.nodeName!=node-1'),
      }).toEqual({
        'patch the status of office/web': false,
        'update the status of shop/db': false,
        'delete shop/db': false,
        'evict shop/db': false,
        'update shop/web itself': false,
        'patch shop/web itself': false,
        'bind shop/web': false,
        'exec in shop/web': false,
        'exec in shop/web, by GET': false,
        'attach to shop/web': false,
        'get office/web': false,
        'watch all': false,
        'list all': false,
        'watch those of node-12': false,
        'watch all but those of node-1': false,
      })
    },
  )

  lesson(
    'reads the secrets that its pods need, and no others',
    {
      scenario:
        'Its pod in shop uses the secrets login and tls and the config map settings, its pod in office the secret key.',
      rule: 'A stolen node gives away the secrets of its own pods only: by name, in their namespace, reading.',
      source: `${NODE} (the graph of references)`,
    },
    () => {
      const read = (resource: string, name: string, namespace = 'shop', verb = 'get') =>
        may({ verb, resource, namespace, name })
      expect({
        'get the secret login': read('secrets', 'login'),
        'watch the secret tls': read('secrets', 'tls', 'shop', 'watch'),
        'get the config map settings': read('configmaps', 'settings'),
        'get the secret key of office': read('secrets', 'key', 'office'),
      }).toEqual({
        'get the secret login': true,
        'watch the secret tls': true,
        'get the config map settings': true,
        'get the secret key of office': true,
      })
      expect({
        'get the secret other': read('secrets', 'other'),
        'get a secret called settings': read('secrets', 'settings'),
        'get login of office': read('secrets', 'login', 'office'),
        'list secrets': read('secrets', '', 'shop', 'list'),
        'update the secret login': read('secrets', 'login', 'shop', 'update'),
      }).toEqual({
        'get the secret other': false,
        'get a secret called settings': false,
        'get login of office': false,
        'list secrets': false,
        'update the secret login': false,
      })
    },
  )

  lesson(
    'gets tokens for the accounts of its pods, and no others',
    {
      scenario:
        'The pods of node-1 run as robot of shop and as keeper of office. Its kubelet asks for tokens, for its claims, for accounts.',
      rule: 'A token makes its holder the account: so only one that a pod of this node runs as, and only the token.',
      source: `${NODE} (the graph of references)`,
    },
    () => {
      const token = (name: string, namespace = 'shop', verb = 'create', subresource = 'token') =>
        may({ verb, resource: 'serviceaccounts', namespace, name, subresource })
      const claim = (name: string) => may({ resource: 'persistentvolumeclaims', namespace: 'shop', name })
      expect({
        'a token of robot': token('robot'),
        'a token of keeper of office': token('keeper', 'office'),
        'the claim disk': claim('disk'),
      }).toEqual({
        'a token of robot': true,
        'a token of keeper of office': true,
        'the claim disk': true,
      })
      expect({
        'a token of admin': token('admin'),
        'a token of robot of office': token('robot', 'office'),
        'the account robot': token('robot', 'shop', 'get', ''),
        'a new account robot': token('robot', 'shop', 'create', ''),
        'a claim of others': claim('other'),
      }).toEqual({
        'a token of admin': false,
        'a token of robot of office': false,
        'the account robot': false,
        'a new account robot': false,
        'a claim of others': false,
      })
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
      expect({
        'create a lease': lease('create', ''),
        'get the lease node-1': lease('get', 'node-1'),
        'update the lease node-1': lease('update', 'node-1'),
        'create events': may({ verb: 'create', resource: 'events', namespace: 'shop' }),
        'watch services': may({ verb: 'watch', resource: 'services' }),
        'create its CSINode': may({ verb: 'create', apiGroup: 'storage.k8s.io', resource: 'csinodes' }),
        'patch its CSINode': may({ verb: 'patch', apiGroup: 'storage.k8s.io', resource: 'csinodes', name: 'node-1' }),
      }).toEqual({
        'create a lease': true,
        'get the lease node-1': true,
        'update the lease node-1': true,
        'create events': true,
        'watch services': true,
        'create its CSINode': true,
        'patch its CSINode': true,
      })
      expect({
        'update the lease node-2': lease('update', 'node-2'),
        'list leases': lease('list', ''),
        'update node-1 of kube-system': lease('update', 'node-1', 'kube-system'),
        'update services': may({ verb: 'update', resource: 'services', namespace: 'shop', name: 'web' }),
        'get deployments': may({ verb: 'get', apiGroup: 'apps', resource: 'deployments', namespace: 'shop' }),
        'patch the CSINode of node-2': may({ verb: 'patch', resource: 'csinodes', name: 'node-2' }),
        'get the CSINode of node-2': may({ verb: 'get', resource: 'csinodes', name: 'node-2' }),
      }).toEqual({
        'update the lease node-2': false,
        'list leases': false,
        'update node-1 of kube-system': false,
        'update services': false,
        'get deployments': false,
        'patch the CSINode of node-2': false,
        'get the CSINode of node-2': false,
      })
    },
  )
})
