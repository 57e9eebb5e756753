/** What ConfigMaps and Secrets may hold. Source: kubernetes `pkg/apis/core/validation/validation.go` (ValidateConfigMap, ValidateSecret). */

import { expect, it } from 'vitest'
import {
  validateConfigMap,
  validateConfigMapUpdate,
  validateSecret,
  validateSecretUpdate,
} from '#apiserver/kinds/config.ts'
import type { ApiObject, Stored } from '../api/objects.ts'
import type { FieldError } from '../contracts/apiserver.ts'

const MEBIBYTE = 1024 * 1024
const metadata = { name: 'x', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
const texts = (errors: readonly FieldError[]) => errors.map(({ field, message }) => `${field}: ${message}`)
const base64 = (bytes: number) => Buffer.alloc(bytes).toString('base64')

it('hold a mebibyte and no byte more, text and bytes together', () => {
  const map = (more: number): ApiObject => ({ data: { a: 'x'.repeat(MEBIBYTE - 10) }, binaryData: { b: base64(more) } })
  expect(validateConfigMap(map(10))).toEqual([])
  expect(texts(validateConfigMap(map(11)))).toEqual(['[]: Too long: may not be more than 1048576 bytes'])
  expect(validateSecret({ data: { a: base64(MEBIBYTE) } })).toEqual([])
  expect(texts(validateSecret({ data: { a: base64(MEBIBYTE + 1) } }))).toEqual([
    'data: Too long: may not be more than 1048576 bytes',
  ])
})

it('have keys that can be names of files, each once', () => {
  const map: ApiObject = { data: { 'a/b': '', c: '' }, binaryData: { c: '' } }
  expect(texts(validateConfigMap(map))).toEqual([
    expect.stringContaining('data[a/b]: Invalid value: "a/b": a valid config key must consist of'),
    'data[c]: Invalid value: "c": duplicate of key present in binaryData',
  ])
})

it('hold what their type promises', () => {
  const secret: ApiObject = { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }
  expect(texts(validateSecret(secret))).toEqual(['data[tls.key]: Required value'])
  const old = { ...secret, metadata } as Stored<ApiObject>
  expect(texts(validateSecretUpdate({ ...old, type: 'Opaque' }, old))).toEqual([
    'type: Invalid value: "Opaque": field is immutable',
  ])
})

it('stay as they are once they are immutable', () => {
  const old = { metadata, data: { a: '1' }, immutable: true } as Stored<ApiObject>
  expect(validateConfigMapUpdate({ ...old, binaryData: {} }, old)).toEqual([])
  const refusal = 'Forbidden: field is immutable when `immutable` is set'
  expect(texts(validateConfigMapUpdate({ metadata, data: { a: '2' } }, old))).toEqual([
    `immutable: ${refusal}`,
    `data: ${refusal}`,
  ])
  expect(texts(validateSecretUpdate({ ...old, data: {} }, old))).toEqual([`data: ${refusal}`])
})
