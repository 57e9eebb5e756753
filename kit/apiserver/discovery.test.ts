import { describe, expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from './discovery.ts'
import { hasRecordings, recording } from './testing/upstream.ts'

interface Discovered {
  resource: string
  subresources?: { subresource: string }[]
}
interface Aggregated {
  items: { metadata: { name?: string }; versions: { version: string; resources: Discovered[] }[] }[]
}

describe('discovery', () => {
  it('names the groups, and the core group apart from them', () => {
    expect(apiVersions(kindRows, '10.0.0.1:6443')).toMatchObject({ kind: 'APIVersions', versions: ['v1'] })
    expect(apiGroupList(kindRows).groups.map(({ name }) => name)).toContain('apps')
    expect(apiGroup(kindRows, 'apps')).toMatchObject({
      kind: 'APIGroup',
      preferredVersion: { groupVersion: 'apps/v1' },
    })
    expect(apiGroup(kindRows, 'nosuch')).toBeUndefined()
    expect(apiResourceList(kindRows, 'nosuch/v1')).toBeUndefined()
  })
})

describe.skipIf(!hasRecordings)('discovery, compared with a real API server', () => {
  it('in its aggregated form says the same of each resource that both have', () => {
    const upstream = recording<Record<string, Aggregated>>('discovery-aggregated.json')
    for (const core of [true, false]) {
      const theirs = resourcesOf(upstream[core ? '/api' : '/apis']!)
      const ours = resourcesOf(aggregatedDiscovery(kindRows, core, 'v2') as unknown as Aggregated)
      expect(ours.size).toBeGreaterThan(0)
      for (const [key, resource] of ours)
        expect([key, withSubresourcesOf(resource, theirs.get(key))]).toEqual([key, theirs.get(key)])
    }
  })

  it('in its legacy form says the same of each resource that both have', () => {
    const upstream = recording<Record<string, { resources: { name: string }[] }>>('discovery-legacy.json')
    const groupVersions = new Set(
      kindRows.map(({ resource: { group, version } }) => (group ? `${group}/${version}` : version)),
    )
    for (const groupVersion of groupVersions) {
      const { resources: theirs, ...envelope } = upstream[groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`]!
      const { resources: ours, ...ourEnvelope } = apiResourceList(kindRows, groupVersion)!
      expect(ourEnvelope).toEqual(envelope)
      for (const resource of ours) expect(resource).toEqual(theirs.find(({ name }) => name === resource.name))
    }
  })
})

function resourcesOf(list: Aggregated): Map<string, Discovered> {
  return new Map(
    list.items.flatMap(({ metadata, versions }) =>
      versions.flatMap(({ version, resources }) =>
        resources.map((resource) => [`${metadata.name ?? ''}/${version}/${resource.resource}`, resource] as const),
      ),
    ),
  )
}

/** Subresources that we do not have yet do not count as a difference. */
function withSubresourcesOf(ours: Discovered, theirs: Discovered | undefined): Discovered {
  const known = new Map(ours.subresources?.map((entry) => [entry.subresource, entry]))
  const subresources = theirs?.subresources?.map((entry) => known.get(entry.subresource) ?? entry)
  return subresources ? { ...ours, subresources } : ours
}
