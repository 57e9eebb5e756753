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

/** What a real API server serves and this one leaves out. None of it is a stored object. */
const LEFT_OUT = [
  // Asks the components how they are, which /readyz does better.
  'v1/componentstatuses',
  // The older way to bind a pod; pods/binding is the one that is used.
  'v1/bindings',
]

/** What this server serves and a real one of this version only behind a feature gate. */
const ADDED = ['v1/pods/resize']

describe.skipIf(!hasRecordings)('discovery, compared with a real API server', () => {
  it('in its aggregated form says the same, in the same order, but for what is left out on purpose', () => {
    const upstream = recording<Record<string, Aggregated>>('discovery-aggregated.json')
    for (const core of [true, false]) {
      const theirs = upstream[core ? '/api' : '/apis']!
      const ours = aggregatedDiscovery(served(), core, 'v2') as unknown as Aggregated
      expect(ours.items).toEqual(theirs.items.flatMap(withoutLeftOut))
    }
  })

  it('in its legacy form says the same, but for what is left out on purpose', () => {
    const upstream =
      recording<Record<string, { groupVersion?: string; resources?: { name: string }[] }>>('discovery-legacy.json')
    let compared = 0
    for (const { groupVersion = '', resources: theirs = [], ...envelope } of Object.values(upstream)) {
      const expected = theirs.filter(({ name }) => !LEFT_OUT.includes(`${groupVersion}/${name}`))
      if (expected.length === 0) continue
      const { resources: ours, ...ourEnvelope } = apiResourceList(served(), groupVersion)!
      expect(ourEnvelope).toEqual({ ...envelope, groupVersion })
      expect(ours).toEqual(expected)
      compared += ours.length
    }
    expect(compared).toBeGreaterThan(80)
    const { groups } = upstream['/apis'] as unknown as ReturnType<typeof apiGroupList>
    const named = new Set(apiGroupList(served()).groups.map(({ name }) => name))
    expect(apiGroupList(served()).groups).toEqual(groups.filter(({ name }) => named.has(name)))
  })
})

/** Without what one of the two lists names. */
function served(): typeof kindRows {
  const isCompared = (path: string) => !LEFT_OUT.includes(path) && !ADDED.includes(path)
  return kindRows
    .filter(({ resource }) => isCompared(`${apiVersionOf(resource)}/${resource.plural}`))
    .map((row) => ({
      ...row,
      subresources: row.subresources.filter(({ name }) =>
        isCompared(`${apiVersionOf(row.resource)}/${row.resource.plural}/${name}`),
      ),
    }))
}

function withoutLeftOut(item: Aggregated['items'][number]): Aggregated['items'] {
  const { name: group = '' } = item.metadata
  const versions = item.versions.map((entry) => {
    const isServed = (path: string) => !LEFT_OUT.includes(`${apiVersionOf({ group, version: entry.version })}/${path}`)
    const resources = entry.resources
      .filter(({ resource }) => isServed(resource))
      .map(({ subresources, ...resource }) => {
        const below = subresources?.filter(({ subresource }) => isServed(`${resource.resource}/${subresource}`))
        return { ...resource, ...(below?.length && { subresources: below }) }
      })
    return { ...entry, resources }
  })
  return versions.some(({ resources }) => resources.length > 0) ? [{ ...item, versions }] : []
}
