/** ConfigMaps and Secrets. Source: kubernetes `pkg/apis/core/v1/defaults.go`, `conversion.go`, `pkg/registry/core/secret`. */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, ConfigMap, Secret, Stored } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { forbiddenField, immutable, invalidValue, required, tooLong } from '../validation/field-errors.ts'

/** Of all values together: what stays well below what etcd takes in one request. */
const VALUES_MAX_BYTES = 1024 * 1024

/** What Secrets of these types are looked into for. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
}

export function applyConfigMapDefaults(draft: ApiObject): void {
  const map = draft as ConfigMap
  if (map.data && Object.keys(map.data).length === 0) delete map.data
}

/** `stringData` is for writing only: it becomes base64 in `data`. */
export function applySecretDefaults(draft: ApiObject): void {
  const secret = draft as Secret
  secret.type ??= 'Opaque'
  if (!secret.stringData) return
  const encoded = Object.entries(secret.stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  secret.data = { ...secret.data, ...Object.fromEntries(encoded) }
  delete secret.stringData
}

export function prepareSecretForUpdate(draft: ApiObject, old: ApiObject): void {
  ;(draft as Secret).type ||= (old as Secret).type ?? 'Opaque'
}

export function validateConfigMap(object: ApiObject): readonly FieldError[] {
  const { data = {}, binaryData = {} } = object as ConfigMap
  const doubled = Object.keys(data).filter((key) => Object.hasOwn(binaryData, key))
  const bytes = sum(Object.values(data).map((text) => Buffer.byteLength(text))) + decodedBytes(binaryData)
  return [
    ...keyProblems('data', data),
    ...doubled.map((key) =>
      invalidValue(`data[${key}]`, JSON.stringify(key), 'duplicate of key present in binaryData'),
    ),
    ...keyProblems('binaryData', binaryData),
    // Upstream's name for "the whole of it".
    ...(bytes > VALUES_MAX_BYTES ? [tooLong('[]', VALUES_MAX_BYTES)] : []),
  ]
}

export function validateSecret(object: ApiObject): readonly FieldError[] {
  const { data = {}, type = '' } = object as Secret
  const missing = (REQUIRED_KEYS[type] ?? []).filter((key) => !(key in data))
  return [
    ...keyProblems('data', data),
    ...(decodedBytes(data) > VALUES_MAX_BYTES ? [tooLong('data', VALUES_MAX_BYTES)] : []),
    ...missing.map((key) => required(`data[${key}]`)),
  ]
}

export function validateConfigMapUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  return frozenProblems(object as ConfigMap, old as ConfigMap, ['data', 'binaryData'])
}

export function validateSecretUpdate(object: ApiObject, old: Stored<ApiObject>): readonly FieldError[] {
  return [
    ...immutable('type', (object as Secret).type, (old as Secret).type),
    ...frozenProblems(object as Secret, old as Secret, ['data']),
  ]
}

/** `immutable: true` cannot be taken back: kubelets stop watching what says so. */
function frozenProblems<T extends { immutable?: boolean }>(now: T, before: T, fields: readonly (keyof T & string)[]) {
  if (!before.immutable) return []
  const changed = fields.filter((field) => !isDeepStrictEqual(now[field] ?? {}, before[field] ?? {}))
  return (now.immutable ? changed : ['immutable', ...changed]).map((field) =>
    forbiddenField(field, 'field is immutable when `immutable` is set'),
  )
}

/** Keys become names of files. */
function keyProblems(field: string, values: Readonly<Record<string, unknown>>): FieldError[] {
  return Object.keys(values)
    .filter((key) => !/^[-._a-zA-Z0-9]+$/.test(key))
    .map((key) =>
      invalidValue(
        `${field}[${key}]`,
        JSON.stringify(key),
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ),
    )
}

const decodedBytes = (values: Readonly<Record<string, string>>) =>
  sum(Object.values(values).map((text) => Buffer.byteLength(text, 'base64')))

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
