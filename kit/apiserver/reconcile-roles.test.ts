/** What comes back to a server's own roles when it starts, and what does not. */
import { describe, expect, it } from 'vitest'
import { parseTokenFile } from '#apiserver/auth/authenticate.ts'
import { reconciled } from '#apiserver/auth/reconcile-roles.ts'
import { startApiServer } from '#apiserver/server.ts'
import type { ApiObject } from '../api/objects.ts'
import { silentLog } from '../contracts/log.ts'
import { createSimEtcdStore } from '../sim/etcd-store.ts'

const rule = (verb: string, resource: string) => ({ verbs: [verb], apiGroups: [''], resources: [resource] })
const metadata = { name: 'edit', labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' }, annotations: {} }

describe('a role of the server’s own', () => {
  const wanted: ApiObject = { metadata, rules: [rule('get', 'pods'), rule('list', 'nodes')] }

  it('gets back the rules that it has lost, and keeps those that were added', () => {
    const stripped = { metadata, rules: [rule('get', 'secrets'), rule('get', 'pods')] }
    expect(reconciled(stripped, wanted)?.rules).toEqual([...stripped.rules, rule('list', 'nodes')])
  })

  it('stays as it is when other words say the same, or more', () => {
    const all = { metadata, rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] }
    expect(reconciled(all, wanted)).toBeUndefined()
    expect(
      reconciled({ ...wanted, metadata: { ...metadata, labels: { ...metadata.labels, team: 'shop' } } }, wanted),
    ).toBe(undefined)
  })

  it('is left alone when its administrator says so', () => {
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }
    expect(reconciled({ metadata: { ...metadata, annotations }, rules: [] }, wanted)).toBeUndefined()
  })

  it('that gathers others gets back from whom, and not what', () => {
    const selector = (name: string) => ({ matchLabels: { [name]: 'true' } })
    const gathering = { metadata, aggregationRule: { clusterRoleSelectors: [selector('a')] }, rules: [] }
    const stripped = {
      metadata,
      aggregationRule: { clusterRoleSelectors: [selector('own')] },
      rules: [rule('get', 'x')],
    }
    expect(reconciled(stripped, gathering)).toEqual({
      ...stripped,
      aggregationRule: { clusterRoleSelectors: [selector('own'), selector('a')] },
    })
  })

  it('gets back whom it is given to', () => {
    const subject = (name: string) => ({ kind: 'Group', name })
    const roleRef = { kind: 'ClusterRole', name: 'edit' }
    const binding = { metadata, roleRef, subjects: [subject('developers')] }
    const changed = reconciled({ ...binding, subjects: [subject('testers')] }, binding)
    expect(changed?.subjects).toEqual([subject('testers'), subject('developers')])
  })
})

describe('a new cluster', () => {
  it('lets its components wait for their roles instead of refusing them', async () => {
    const server = await startApiServer({
      etcd: createSimEtcdStore(),
      bindAddresses: ['127.0.0.1'],
      port: 0,
      advertiseAddress: '127.0.0.1',
      serviceClusterIpRange: '10.96.0.0/16',
      tokens: parseTokenFile('secret,system:kube-scheduler,1'),
      log: silentLog,
    })
    const ask = (path: string, headers = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, { headers })
    try {
      const asScheduler = { Authorization: 'Bearer secret' }
      const answers = await Promise.all([
        ask('/api/v1/pods', asScheduler),
        ask('/api/v1/secrets', asScheduler),
        ask('/version'),
        ask('/api'),
      ])
      expect(
        answers.map(({ status }) => status),
        'pods, secrets; nobody: the version, discovery',
      ).toEqual([200, 403, 200, 403])
    } finally {
      await server.stop()
    }
  })
})
