import { describe, expect, it } from 'vitest'
import type { ApiObject, Stored } from '../api/objects.ts'
import { asSent, jsonPieces, jsonText, knownStoredText, rememberStoredText } from './json-text.ts'

const web: ApiObject = { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'web' } }
const inAnotherOrder: ApiObject = { apiVersion: 'v1', metadata: { name: 'old' }, kind: 'Pod' }
const podList = (...items: ApiObject[]): ApiObject => ({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items })

function sent(answer: ApiObject): unknown {
  return JSON.parse([...jsonPieces(answer)].join(''))
}

describe('JSON of a list', () => {
  it('names the kind of its items once (apimachinery: only the outermost object of an answer is given its kind)', () => {
    const items = [{ metadata: { name: 'web' } }, { metadata: { name: 'old' } }]
    expect(sent(podList(web, inAnotherOrder))).toEqual({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items })
    expect(asSent(podList(web, inAnotherOrder))).toEqual(sent(podList(web, inAnotherOrder)))
    expect(sent(podList())).toEqual(podList())
  })

  it('serialises no object again that has been sent before', () => {
    let serialised = 0
    const counted = { ...web, toJSON: () => ({ ...web, spec: { serialised: ++serialised } }) } as ApiObject
    expect(JSON.parse(jsonText(counted))).toMatchObject({ kind: 'Pod', spec: { serialised: 1 } })
    expect(sent(podList(counted, counted))).toMatchObject({ items: [{ spec: { serialised: 1 } }, {}] })
    expect(serialised).toBe(1)
  })

  it('leaves a list of metadata as it is, and an object, and a table', () => {
    const metadata = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'web' } }
    const list = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: {}, items: [metadata] }
    const table = { kind: 'Table', apiVersion: 'meta.k8s.io/v1', rows: [{ cells: [], object: metadata }] }
    for (const answer of [list, web, table] as unknown as ApiObject[]) {
      expect(sent(answer)).toEqual(answer)
      expect(asSent(answer)).toBe(answer)
    }
  })
})

describe('The text of a stored object', () => {
  const versioned = (text: string, resourceVersion = '7'): Stored<ApiObject> => {
    const object = JSON.parse(text) as Stored<ApiObject>
    object.metadata.resourceVersion = resourceVersion
    return object
  }
  const stored = JSON.stringify({ ...web, spec: { text: '"metadata":{' } })

  it('is the stored one with the version, and back', () => {
    const object = rememberStoredText(versioned(stored), stored)
    expect(JSON.parse(jsonText(object))).toEqual(object)
    expect(jsonText(object)).toContain('"resourceVersion":"7"')
    expect(knownStoredText(object)).toBe(stored)
  })

  it('is made anew where the version does not fit in: another order, no metadata, a version that is no number', () => {
    const others: [string, string?][] = [
      [JSON.stringify(inAnotherOrder)],
      [JSON.stringify({ ...web, metadata: {} })],
      ['{"kind":"Po\\"d","apiVersion":"v1","metadata":{"name":"web"}}'],
      [stored, '"'],
    ]
    for (const [text, version] of others) {
      const object = rememberStoredText(versioned(text, version), text)
      expect(JSON.parse(jsonText(object))).toEqual(object)
      expect(knownStoredText(object)).toBeUndefined()
    }
  })

  it('of an object that came with its version first is that object without it', () => {
    const object = { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: '7', name: 'web' } }
    jsonText(object)
    expect(knownStoredText(object)).toBe(JSON.stringify(web))
  })
})
