/**
 * Operations in words, for tables and pages.
 */
import type { StoreAnswer, StoreOperation, Version } from './store-model.ts'

export function describeRequest(request: StoreOperation['request']): string {
  switch (request.kind) {
    case 'get':
      return `get ${request.key}`
    case 'list':
      return 'get all'
    case 'put':
      return `put ${request.key} = ${request.value}`
    case 'delete':
      return `delete ${request.key}`
    case 'swap':
      return `if ${request.keys[0]} is of revision ${request.ifRevision}: put ${request.keys.join(', ')} = ${request.value}`
  }
}

export function describeAnswer({ revision, found, succeeded }: StoreAnswer): string {
  const outcome = succeeded === undefined ? '' : succeeded ? 'done, ' : 'not done, '
  const what = Object.entries(found).map(([key, version]) => `${key} ${describeVersion(version)}`)
  return `${outcome}at revision ${revision}${what.length > 0 ? `; found ${what.join(', ')}` : ''}`
}

function describeVersion(version: Version | null): string {
  return version ? `= ${version.value} of revision ${version.modRevision}` : 'absent'
}
