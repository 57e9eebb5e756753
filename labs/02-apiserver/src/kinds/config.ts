/** ConfigMaps and Secrets. Source: kubernetes `pkg/apis/core/v1/defaults.go`, `conversion.go`, `pkg/registry/core/secret`. */
import type { ApiObject, ConfigMap, Secret } from '#kit/api/objects.ts'
import type { FieldError } from '#kit/contracts/apiserver.ts'
import { invalidValue } from '../validation/field-errors.ts'

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

export function validateSecret(object: ApiObject): readonly FieldError[] {
  return Object.keys((object as Secret).data ?? {}).flatMap((key) =>
    /^[-._a-zA-Z0-9]+$/.test(key)
      ? []
      : [
          invalidValue(
            `data[${key}]`,
            JSON.stringify(key),
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
          ),
        ],
  )
}
