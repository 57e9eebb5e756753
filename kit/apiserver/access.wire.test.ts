/**
 * Who may do what, on the whole server: roles and bindings that users write, and the real kubectl as their user.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import { describeWith } from '../testing/tools.ts'
import type { Kubectl } from './testing/kubectl.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

describeWith(['kubectl'], 'access', () => {
  let server: TestApiServer
  let ann: Kubectl
  beforeAll(async () => {
    server = await startTestApiServer()
    ann = await server.kubectlAs('ann', ['developers'])
    await server.kubectl.output('create namespace shop')
  })
  afterAll(async () => {
    await server?.stop()
  })

  const refused = async (command: string) => (await ann(command)).stderr

  it('begins with upstream’s roles', async () => {
    const roles = await server.kubectl.output('get clusterroles -o name')
    expect(roles).toContain('clusterrole.rbac.authorization.k8s.io/system:kube-scheduler')
    const admin = JSON.parse(await server.kubectl.output('get clusterrole admin -o json'))
    expect(admin.rules.length, 'rules that admin has gathered').toBeGreaterThan(10)
  })

  it('is refused in upstream’s words', async () => {
    expect(await refused('get pods -n shop')).toBe(
      'Error from server (Forbidden): pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "shop"\n',
    )
    expect(await refused('get --raw /metrics')).toContain('forbidden: User "ann" cannot get path "/metrics"')
  })

  it('comes with a binding, in its namespace, and goes with it', async () => {
    await server.kubectl.output('create rolebinding devs --clusterrole=edit --group=developers -n shop')
    await expect.poll(async () => (await ann('get pods -n shop')).code).toBe(0)
    expect(await refused('get pods -n default')).toContain('cannot list resource "pods"')
    expect(await refused('get pods -A')).toContain('at the cluster scope')
    await server.kubectl.output('delete rolebinding devs -n shop')
    await expect.poll(() => refused('get pods -n shop')).toContain('Forbidden')
  })

  it('cannot be given away by who does not have it', async () => {
    await server.kubectl.output('create rolebinding boss --clusterrole=admin --user=ann -n shop')
    await expect.poll(async () => (await ann('get roles -n shop')).code).toBe(0)
    await ann.output('create role reader --verb=get,list --resource=pods -n shop')
    expect(await refused('create role breaker --verb=get,list --resource=nodes -n shop')).toBe(
      'Error from server (Forbidden): roles.rbac.authorization.k8s.io "breaker" is forbidden: user "ann" (groups=["developers" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}\n',
    )
    expect(await refused('create rolebinding all --clusterrole=cluster-admin --user=ann -n shop')).toContain(
      'is attempting to grant RBAC permissions not currently held:\n{APIGroups:["*"], Resources:["*"], Verbs:["*"]}',
    )
    expect(await refused('create rolebinding none --clusterrole=nosuch --user=ann -n shop')).toContain(
      'clusterroles.rbac.authorization.k8s.io "nosuch" not found',
    )
  })

  it('can be asked about', async () => {
    expect((await ann.output('auth whoami')).split('\n').map(words)).toEqual([
      'ATTRIBUTE VALUE',
      'Username ann',
      'Groups [developers system:authenticated]',
      expect.stringMatching(/^Extra: authentication\.kubernetes\.io\/credential-id \[X509SHA256=[0-9a-f]{64}\]$/),
      '',
    ])
    expect(await server.kubectl.output('auth can-i create pods')).toBe('yes\n')
    expect(await ann('auth can-i create pods')).toMatchObject({ code: 1, stdout: 'no\n' })
    expect(await ann('auth can-i create pods -n shop')).toMatchObject({ code: 0, stdout: 'yes\n' })
    expect(await ann('auth can-i get /metrics')).toMatchObject({ code: 1, stdout: 'no\n' })
  })

  it('can be listed', async () => {
    expect((await server.kubectl.output('auth can-i --list')).split('\n').slice(0, 3).map(words)).toEqual([
      'Resources Non-Resource URLs Resource Names Verbs',
      '*.* [] [] [*]',
      '[*] [] [*]',
    ])
    expect(words(await ann.output('auth can-i --list'))).toContain(
      'selfsubjectreviews.authentication.k8s.io [] [] [create]',
    )
  })

  it('of others can be asked about by who may ask', async () => {
    const review = (user: string, namespace: string) =>
      server.client.raw('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        spec: { user, resourceAttributes: { namespace, verb: 'list', resource: 'pods' } },
      })
    expect(await review('ann', 'shop')).toMatchObject({
      kind: 'SubjectAccessReview',
      status: {
        allowed: true,
        reason: 'RBAC: allowed by RoleBinding "boss/shop" of ClusterRole "admin" to User "ann"',
      },
    })
    expect(await review('bob', 'shop')).toMatchObject({ status: { allowed: false } })
  })

  it('of somebody else is had by whom may impersonate them, part by part', async () => {
    expect(await refused('get pods --as=bob')).toContain(
      'users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope',
    )
    const asAccount = 'auth can-i list secrets --as=system:serviceaccount:default:default'
    expect(await refused(asAccount)).toContain(
      'serviceaccounts "default" is forbidden: User "ann" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"',
    )
    expect(await server.kubectl(asAccount)).toMatchObject({ code: 1, stdout: 'no\n' })

    await server.kubectl.output('create clusterrole actor --verb=impersonate --resource=users --resource-name=bob')
    await server.kubectl.output('create clusterrolebinding actors --clusterrole=actor --user=ann')
    const whoami = async (flags: string) => JSON.parse(await ann.output(`auth whoami -o json ${flags}`)).status.userInfo
    await expect.poll(async () => (await ann('auth whoami --as=bob')).code).toBe(0)
    expect(await whoami('--as=bob')).toEqual({ username: 'bob', groups: ['system:authenticated'] })
    expect(await refused('get pods --as=bob --as-group=system:masters')).toContain(
      'groups "system:masters" is forbidden: User "ann" cannot impersonate resource "groups"',
    )
    expect(await refused('get pods --as=bob --as-uid=7')).toContain(
      'uids.authentication.k8s.io "7" is forbidden: User "ann" cannot impersonate resource "uids" in API group "authentication.k8s.io"',
    )
    expect(await refused('get pods -n shop --as=bob')).toContain('User "bob" cannot list resource "pods"')
  })

  it('of somebody else comes with nothing of one’s own', async () => {
    const whoami = async (flags: string) =>
      JSON.parse(await server.kubectl.output(`auth whoami -o json ${flags}`)).status.userInfo
    expect(await whoami('--as=carol --as-group=testers --as-group=developers --as-uid=7')).toEqual({
      username: 'carol',
      uid: '7',
      groups: ['testers', 'developers', 'system:authenticated'],
    })
    expect((await whoami('--as=system:serviceaccount:shop:robot')).groups).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:shop',
      'system:authenticated',
    ])
    const anonymous = await server.kubectl('get namespaces --as=system:anonymous')
    expect(anonymous.stderr).toContain('User "system:anonymous" cannot list resource "namespaces"')
  })

  it('is not what who asks for a certificate says of themselves', async () => {
    await server.kubectl.output('create -f -', { stdin: certificateRequest })
    const spec = JSON.parse(await server.kubectl.output('get csr boss -o jsonpath={.spec}'))
    expect(spec).toMatchObject({ username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] })
    expect(spec.uid, 'an invented uid').toBeUndefined()
  })

  it('is put back or taken away by kubectl auth reconcile', async () => {
    const reconcile = (stdin: string) => server.kubectl.output('auth reconcile -f -', { stdin })
    expect(await reconcile(gathering.replaceAll('gathering', 'kept'))).toContain('kept reconciled')
    const type = 'application/merge-patch+json'
    await server.client.patch(resources.clusterRoles, { name: 'part' }, type, { rules: [] })
    await reconcile(gathering.replaceAll('gathering', 'kept'))
    expect(await server.kubectl.output('get clusterrole part -o jsonpath={.rules[*].verbs[*]}')).toBe('get list')
    await server.kubectl.output('delete clusterrole kept part')
  })

  it('grows with the roles that an aggregated role gathers', async () => {
    expect(await refused('get pods -n default')).toContain('Forbidden')
    await server.kubectl.output('create -f -', { stdin: gathering })
    await server.kubectl.output('create clusterrolebinding gather --clusterrole=gathering --user=ann')
    await expect.poll(async () => (await ann('get pods -n default')).code).toBe(0)
  })
})

function words(line: string): string {
  return line.trim().replace(/ +/g, ' ')
}

const gathering = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: gathering}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {part-of: gathering}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: part, labels: {part-of: gathering}}
rules: [{verbs: [get, list], apiGroups: [""], resources: [pods]}]
`

const certificateRequest = `
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: boss}
spec:
  username: somebody-else
  uid: "0"
  request: ${Buffer.from('a request').toString('base64')}
  signerName: example.org/signer
  usages: [client auth]
`
