import { describe, expect, it } from 'vitest'
import { hasRecordings, recordedLines } from '../testing/upstream.ts'
import { decodeProtobuf } from './envelope.ts'
import { readFields } from './wire-reader.ts'

/** A message written by hand: each entry a field number with a number, a text or bytes. */
function message(...fields: [number: number, value: number | string | Uint8Array][]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([number * 8, value])
      const bytes = Buffer.from(value)
      return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
    }),
  )
}

function envelope(apiVersion: string, kind: string, raw: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('k8s\0'), message([1, message([1, apiVersion], [2, kind])], [2, raw])])
}

describe('protobuf bodies', () => {
  it('become what the same object is in JSON', () => {
    const metadata = message([1, 'cm'], [2, ''], [3, 'default'], [8, message()], [11, message([1, 'a'], [2, 'b'])])
    const entry = message([1, '__proto__'], [2, 'x'])
    const configMap = decodeProtobuf(envelope('v1', 'ConfigMap', message([1, metadata], [2, entry], [4, 0])))
    expect(configMap).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'cm', namespace: 'default', labels: { a: 'b' } },
      data: Object.fromEntries([['__proto__', 'x']]),
      // A pointer in Go: false is not the same as absent.
      immutable: false,
    })
  })

  it('of kinds that belong to every group are understood', () => {
    const options = envelope('policy/v1', 'DeleteOptions', message([1, 0], [4, 'Background']))
    expect(decodeProtobuf(options)).toMatchObject({ gracePeriodSeconds: 0, propagationPolicy: 'Background' })
  })

  it.each([
    ['no magic', Buffer.from('{}')],
    ['an unknown kind', envelope('v1', 'Nonsense', message())],
    ['a kind called after a part of every object', envelope('v1', 'constructor', message())],
    ['a length beyond the end', envelope('v1', 'ConfigMap', Buffer.from([0x0a, 0x7f]))],
    ['a number without an end', envelope('v1', 'ConfigMap', Buffer.alloc(20, 0xff))],
    ['text that is no UTF-8', envelope('v1', 'ConfigMap', message([1, message([1, Buffer.from([0xff])])]))],
    ['a number where a message belongs', envelope('v1', 'ConfigMap', message([1, 7]))],
  ])('with %s are refused', (_, bytes) => {
    expect(() => decodeProtobuf(bytes)).toThrow()
  })

  it('may hold negative and large numbers', () => {
    const minusOne = Buffer.from([0x08, ...Array(9).fill(0xff), 0x01])
    expect([...readFields(minusOne)]).toEqual([{ number: 1, value: -1 }])
    expect([...readFields(Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0x0f]))]).toEqual([
      { number: 1, value: 2 ** 32 - 1 },
    ])
  })

  it('are never more than an error, whatever the bytes', () => {
    const valid = envelope('v1', 'ConfigMap', message([1, message([1, 'cm'])], [2, message([1, 'a'], [2, 'b'])]))
    for (let at = 0; at < valid.length; at++) {
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const mangled = Uint8Array.from(valid)
        mangled[at] = byte
        try {
          decodeProtobuf(mangled)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
    }
  })

  it.skipIf(!hasRecordings)('that kubectl 1.32 sent hold what the server then stored', () => {
    const bodies = recordedLines<{ command: string; protobufBase64: string; answerJson: unknown; status: number }>(
      'protobuf-bodies.jsonl',
    )
    for (const { command, protobufBase64, answerJson, status } of bodies) {
      const sent = decodeProtobuf(Buffer.from(protobufBase64, 'base64'))
      const answer = typeof answerJson === 'string' ? JSON.parse(answerJson) : answerJson
      if (status >= 300 || answer?.kind !== sent.kind) continue
      expect([command, contained(sent, answer)]).toEqual([command, sent])
    }
  })
})

/** The part of `whole` that `part` names: servers add defaults, and lists keep their length. */
function contained(part: unknown, whole: unknown): unknown {
  if (Array.isArray(part) && Array.isArray(whole)) return part.map((item, index) => contained(item, whole[index]))
  if (typeof part !== 'object' || part === null || typeof whole !== 'object' || whole === null) return whole
  const values = whole as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(part).map(([key, value]) => [key, contained(value, values[key] ?? emptyLike(value))]),
  )
}

function emptyLike(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0 ? {} : undefined
}
