/** How values are divided into fields, against what a real server's documents say. */
import { describe, expect, it } from 'vitest'
import { hasRecordings, recording } from '../testing/upstream.ts'
import { componentSchemas } from './component-schemas.ts'
import { fieldsOfKind } from './field-types.ts'

type Properties = Readonly<Record<string, Readonly<Record<string, unknown>>>>
interface Document {
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: Properties }>> }
}

/** "atomic" is left out, since a list of which nothing is said is just that. */
function ownership(property: Readonly<Record<string, unknown>>) {
  const { 'x-kubernetes-list-type': list, 'x-kubernetes-list-map-keys': keys, 'x-kubernetes-map-type': map } = property
  return { ...(list !== 'atomic' && list !== undefined && { list, keys }), ...(map !== undefined && { map }) }
}

describe.skipIf(!hasRecordings)('the documents', () => {
  it.each(['api__v1', 'apis__apps__v1', 'apis__batch__v1', 'apis__networking.k8s.io__v1'])(
    'say of each field what a real server’s say: %s',
    (name) => {
      const { schemas } = recording<Document>(`openapi-v3/${name}.json.gz`).components
      const ours = componentSchemas(Object.keys(schemas)) as typeof schemas
      for (const [schema, { properties = {} }] of Object.entries(schemas)) {
        for (const [field, property] of Object.entries(properties)) {
          const own = ours[schema]?.properties?.[field]
          if (own) expect({ schema, field, ...ownership(own) }).toEqual({ schema, field, ...ownership(property) })
        }
      }
    },
  )
})

describe('the fields of a kind', () => {
  it('are there only for kinds that are known', () => {
    expect(fieldsOfKind({ group: 'example.com', version: 'v1', kind: 'Thing' })).toBeUndefined()
  })

  it('begin with what every object has', () => {
    const { empty } = fieldsOfKind({ group: 'apps', version: 'v1', kind: 'Deployment' })!
    const metadata = { creationTimestamp: null }
    expect(empty).toEqual({
      metadata,
      spec: { strategy: {}, template: { metadata, spec: { containers: [] } } },
      status: {},
    })
  })
})
