import { describe, expect, it } from 'vitest'
import { kindRows } from '#apiserver/kinds/registry.ts'
import { resources } from '../../api/resources.ts'
import { decodeObject } from '../decode-object.ts'
import { hasRecordings, recording } from '../testing/upstream.ts'
import { unknownFields } from '../unknown-fields.ts'
import { openApiDocument, openApiIndex } from './document.ts'
import { openApiDocumentV2 } from './document-v2.ts'
import { encodeDocumentV2 } from './document-v2-protobuf.ts'
import { schemaNamed, schemaNameOf } from './schemas.ts'

interface OpenApi {
  paths: Record<string, Record<string, { parameters?: { name: string }[] }>>
  components: { schemas: Record<string, { properties?: Record<string, { enum?: string[] }>; required?: string[] }> }
}

describe('OpenAPI', () => {
  it('has a document for each group-version, under an address that changes when the document does', () => {
    const { paths } = openApiIndex(kindRows)
    expect(paths['api/v1']?.serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{64}$/)
    for (const path of Object.keys(paths)) expect(openApiDocument(kindRows, path)).toBeDefined()
    expect(openApiDocument(kindRows, 'apis/nosuch/v1')).toBeUndefined()
  })

  it('tells kubectl that PATCH checks fields, and offers no strategic merge patch', () => {
    const document: OpenApi = JSON.parse(openApiDocument(kindRows, 'apis/apps/v1')!)
    const { patch } = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!
    expect(patch?.parameters?.map(({ name }) => name)).toContain('fieldValidation')
    expect(JSON.stringify(patch)).not.toContain('strategic')
  })

  it('refers to no schema that is not there', () => {
    for (const path of Object.keys(openApiIndex(kindRows).paths)) {
      const text = openApiDocument(kindRows, path)!
      const { components }: OpenApi = JSON.parse(text)
      const references = new Set([...text.matchAll(/#\/components\/schemas\/([^"]+)/g)].map(([, name]) => name!))
      for (const name of references) expect(components.schemas).toHaveProperty([name])
    }
  })

  it('has a schema for every kind that is served', () => {
    for (const { resource } of kindRows) expect(schemaNamed(schemaNameOf(resource)), resource.kind).toBeDefined()
  })

  it.skipIf(!hasRecordings)('has the fields that a real API server has', () => {
    for (const path of Object.keys(openApiIndex(kindRows).paths)) {
      const ours: OpenApi = JSON.parse(openApiDocument(kindRows, path)!)
      const theirs = recording<OpenApi>(`openapi-v3/${path.replaceAll('/', '__')}.json.gz`)
      for (const [name, { properties = {}, required = [] }] of Object.entries(ours.components.schemas)) {
        const upstream = theirs.components.schemas[name]
        if (!upstream) continue
        // Where upstream turned optional what the declarations still call required, a client is told too much.
        for (const [field, { enum: words }] of Object.entries(properties)) {
          expect([name, field, words]).toEqual([name, field, upstream.properties?.[field]?.enum])
        }
        const fields = Object.keys(properties).filter(
          (field) => !(name.endsWith('PodResourceClaim') && field === 'source'),
        )
        expect([name, fields.sort()]).toEqual([name, Object.keys(upstream.properties ?? {}).sort()])
        expect([name, required.filter((field) => !upstream.required?.includes(field))]).toEqual([name, []])
      }
    }
  })
})

describe('what a client sent', () => {
  const deployment = (spec: unknown) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec })

  it('loses unknown fields, which are named by their path', () => {
    const sent = deployment({
      replicsa: 3,
      template: { spec: { containers: [{ name: 'a', imagee: 'x', env: null }] } },
    })
    const { object, unknownFields: paths, typeProblem } = decodeObject(resources.deployments, sent)
    expect(paths).toEqual(['spec.replicsa', 'spec.template.spec.containers[0].imagee'])
    expect(unknownFields(resources.deployments, sent)).toEqual(paths)
    expect(object).toEqual(deployment({ template: { spec: { containers: [{ name: 'a' }] } } }))
    expect(typeProblem).toBeUndefined()
  })

  it('must have values of the right type', () => {
    expect(decodeObject(resources.deployments, deployment({ replicas: 'three' })).typeProblem).toBe(
      'json: cannot unmarshal string into Go struct field Deployment.spec.replicas of type int32',
    )
    expect(decodeObject(resources.deployments, deployment([])).typeProblem).toContain('cannot unmarshal array')
    expect(decodeObject(resources.pods, { metadata: { labels: { a: 1 } } } as never).typeProblem).toContain(
      'metadata.labels.a',
    )
  })

  it('may have keys of any name in maps, and any content where the kind allows any', () => {
    const sent = {
      metadata: { labels: { constructor: 'x', 'a.b/c': 'y' }, managedFields: [{ fieldsV1: { 'f:spec': {} } }] },
    }
    expect(decodeObject(resources.configMaps, sent)).toEqual({
      object: sent,
      unknownFields: [],
      typeProblem: undefined,
    })
    expect(unknownFields(resources.configMaps, { toString: 1 })).toEqual(['toString'])
  })
})

describe('OpenAPI v2', () => {
  const document = openApiDocumentV2(kindRows)

  it('has every definition that it refers to, and the rules of strategic merge patches', () => {
    const text = JSON.stringify(document)
    expect(text).not.toContain('#/components/')
    for (const [, name = ''] of text.matchAll(/#\/definitions\/([^"]+)/g))
      expect(document.definitions).toHaveProperty([name])
    const { containers, volumes } = document.definitions['io.k8s.api.core.v1.PodSpec']!.properties as Record<
      string,
      object
    >
    expect(containers).toMatchObject({ 'x-kubernetes-patch-strategy': 'merge', 'x-kubernetes-patch-merge-key': 'name' })
    expect(volumes).toMatchObject({ 'x-kubernetes-patch-strategy': 'merge,retainKeys' })
    expect(document.definitions['io.k8s.api.apps.v1.Deployment']).toMatchObject({
      'x-kubernetes-group-version-kind': [{ group: 'apps', kind: 'Deployment', version: 'v1' }],
    })
  })

  it('names its operations, each once', () => {
    const operations = Object.values(document.paths).flatMap((item) =>
      Object.values(item).flatMap((part) => ('operationId' in part ? [part.operationId] : [])),
    )
    expect(operations).toContain('patchCoreV1NamespacedPodStatus')
    expect(new Set(operations).size).toBe(operations.length)
  })

  it('is the same in protobuf', () => {
    const bytes = Buffer.from(encodeDocumentV2(document))
    expect(bytes.subarray(0, 5).toString()).toBe('\n\x032.0')
    for (const name of Object.keys(document.definitions)) expect(bytes.includes(name)).toBe(true)
    expect(bytes.includes('x-kubernetes-patch-merge-key')).toBe(true)
  })

  it.skipIf(!hasRecordings)('names operations as a real API server does', () => {
    for (const path of Object.keys(openApiIndex(kindRows).paths)) {
      const ours = JSON.parse(openApiDocument(kindRows, path)!) as Operations
      const theirs = recording<Operations>(`openapi-v3/${path.replaceAll('/', '__')}.json.gz`)
      for (const [route, item] of Object.entries(ours.paths)) {
        for (const [method, { operationId, tags, 'x-kubernetes-action': action }] of Object.entries(item)) {
          const upstream = theirs.paths[route]?.[method]
          if (!operationId || !upstream) continue
          expect([route, method, operationId, tags, action]).toEqual([
            route,
            method,
            upstream.operationId,
            upstream.tags,
            upstream['x-kubernetes-action'],
          ])
        }
      }
    }
  })
})

interface Operations {
  paths: Record<string, Record<string, { operationId?: string; tags?: string[]; 'x-kubernetes-action'?: string }>>
}
