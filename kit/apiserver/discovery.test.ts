import { describe, expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { apiVersionOf } from '../api/resources.ts'
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

/** What this server serves and a real one of this version only behind a feature gate. */
const ADDED = ['v1/pods/resize']

describe.skipIf(!hasRecordings)('discovery, compared with a real API server', () => {
  it('in its aggregated form says the same, in the same order', () => {
    const upstream = recording<Record<string, Aggregated>>('discovery-aggregated.json')
    for (const core of [true, false]) {
      const theirs = upstream[core ? '/api' : '/apis']!
      const ours = aggregatedDiscovery(served(), core, 'v2') as unknown as Aggregated
      const items = theirs.items.flatMap(withResources)
      expect(ours.items).toEqual(items)
    }
  })

  it('in its legacy form says the same', () => {
    const upstream =
      recording<Record<string, { groupVersion?: string; resources?: { name: string }[] }>>('discovery-legacy.json')
    let compared = 0
    for (const { groupVersion = '', resources: theirs = [], ...envelope } of Object.values(upstream)) {
      if (theirs.length === 0) continue
      const { resources: ours, ...ourEnvelope } = apiResourceList(served(), groupVersion)!
      expect(ourEnvelope).toEqual({ ...envelope, groupVersion })
      expect(ours).toEqual(theirs)
      compared += ours.length
    }
    expect(compared).toBeGreaterThan(80)
    const { groups } = upstream['/apis'] as unknown as ReturnType<typeof apiGroupList>
    const named = new Set(apiGroupList(served()).groups.map(({ name }) => name))
    expect(apiGroupList(served()).groups).toEqual(groups.filter(({ name }) => named.has(name)))
  })
})

/** Without what is served here only. */
function served(): typeof kindRows {
  return kindRows.map((row) => ({
    ...row,
    subresources: row.subresources.filter(
      ({ name }) => !ADDED.includes(`${apiVersionOf(row.resource)}/${row.resource.plural}/${name}`),
    ),
  }))
}

/** A group without resources is not here. */
function withResources(item: Aggregated['items'][number]): Aggregated['items'] {
  return item.versions.some(({ resources }) => resources.length > 0) ? [item] : []
}
