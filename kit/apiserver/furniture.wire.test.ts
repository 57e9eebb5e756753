/** What upstream's API server makes itself is there soon after the start, and looks as it does there. */
import { expect, it } from 'vitest'
import { resources } from '../api/resources.ts'
import { eventually } from '../testing/eventually.ts'
import { describeWith } from '../testing/tools.ts'
import { flowSchemas, localApiServices, priorityLevels } from './furniture.ts'
import { serverName } from './server-identity.ts'
import { startTestApiServer } from './testing/test-api-server.ts'

const NOW = '2026-01-01T00:00:00Z'

it('names servers as upstream does', () => {
  expect(serverName('hostname')).toMatch(/^apiserver-[a-z2-7]{26}$/)
  expect(serverName('a')).not.toBe(serverName('b'))
})

it('announces each group-version once, and none that nobody has given a place', () => {
  const served = [
    { group: '', version: 'v1' },
    { group: '', version: 'v1' },
    { group: 'autoscaling', version: 'v2' },
    { group: 'apiregistration.k8s.io', version: 'v1' },
  ]
  expect(localApiServices(served, NOW).map(({ metadata, spec }) => [metadata?.name, spec])).toEqual([
    ['v1.', { version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 }],
    ['v2.autoscaling', { group: 'autoscaling', version: 'v2', groupPriorityMinimum: 17_500, versionPriority: 30 }],
  ])
})

it('has a priority level for each flow schema', () => {
  const levels = priorityLevels().map(({ metadata }) => metadata?.name)
  const named = flowSchemas(NOW).map(({ spec }) => spec?.priorityLevelConfiguration.name)
  expect([...new Set(named)].sort()).toEqual(levels.sort())
})

describeWith(['kubectl'], 'a new cluster', () => {
  it('is furnished', { timeout: 60_000 }, async () => {
    const server = await startTestApiServer()
    try {
      const { kubectl } = server
      const lines = async (command: string) => (await kubectl.output(command)).trim().split('\n')
      await eventually(async () => {
        expect((await lines('get apiservices --no-headers -l kube-aggregator.kubernetes.io/automanaged')).length).toBe(
          21,
        )
        expect((await lines('get flowschemas --no-headers')).every((line) => line.endsWith(' False'))).toBe(true)
        expect(await lines('get prioritylevelconfigurations --no-headers')).toHaveLength(8)
        expect((await server.client.list(resources.leases, { namespace: 'kube-system' })).items).toHaveLength(1)
      })
      expect((await lines('get apiservice v1.apps'))[1]).toMatch(/^v1\.apps +Local +True /)
      expect((await lines('get flowschema system-nodes'))[1]).toMatch(/^system-nodes +system +500 +ByUser .*False$/)
      expect(await kubectl.output('get configmaps -n kube-system -o name')).toContain(
        'legacy-service-account-token-tracking',
      )
      const trust = 'get configmap -n kube-system extension-apiserver-authentication'
      expect(await kubectl.output(`${trust} -o jsonpath={.data.client-ca-file}`)).toContain('BEGIN CERTIFICATE')
    } finally {
      await server.stop()
    }
  })
})
