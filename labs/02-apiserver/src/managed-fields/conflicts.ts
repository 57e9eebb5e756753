/**
 * How conflicts are told to people.
 *
 * Source: apimachinery `pkg/util/managedfields/internal/conflict.go`.
 */
import { StatusError } from '#kit/api/status-error.ts'
import type { Conflict } from './apply.ts'
import type { FieldsEntry } from './entries.ts'
import { pathsOf } from './paths.ts'

/** A 409 with a cause for each field. */
export function applyConflict(conflicts: readonly Conflict[]): StatusError {
  const fields = conflicts.flatMap(({ entry, fields }) =>
    pathsOf(fields).map((field) => ({ owner: ownerText(entry), field })),
  )
  const causes = fields.map(({ owner, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${owner}`,
    field,
  }))
  return new StatusError(409, 'Conflict', conflictText(fields), { causes })
}

function conflictText(fields: readonly { owner: string; field: string }[]): string {
  const [first] = fields
  if (first && fields.length === 1) return `Apply failed with 1 conflict: conflict with ${first.owner}: ${first.field}`
  const owners = [...new Set(fields.map(({ owner }) => owner))].sort()
  const lines = owners.flatMap((owner) => [
    `conflicts with ${owner}:`,
    ...fields.filter((one) => one.owner === owner).map(({ field }) => `- ${field}`),
  ])
  return `Apply failed with ${fields.length} conflicts: ${lines.join('\n')}`
}

/** `"kubectl"`; `"deploy-bot" with subresource "status" using apps/v1` */
function ownerText({ manager, operation, apiVersion, subresource }: FieldsEntry): string {
  const through = subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''
  return `${JSON.stringify(manager)}${through}${operation === 'Update' ? ` using ${apiVersion}` : ''}`
}
