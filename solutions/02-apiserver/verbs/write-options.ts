/**
 * What the query of a write says about how to write.
 *
 * Source: apimachinery `pkg/apis/meta/v1/validation/validation.go` (ValidateCreateOptions, ValidatePatchOptions).
 */
import type { ApiRequest, FieldError, UserInfo } from '#kit/contracts/apiserver.ts'
import { invalid } from '../errors.ts'
import { managerOf, validateManager } from '../managed-fields/manager-name.ts'
import { forbiddenField, required } from '../validation/field-errors.ts'
import type { WriteOptions } from './context.ts'

export const APPLY_PATCH = 'application/apply-patch+yaml'

/** By method, the kind whose fields the query parameters are. */
const optionsKinds: Readonly<Record<string, string>> = {
  POST: 'CreateOptions',
  PUT: 'UpdateOptions',
  PATCH: 'PatchOptions',
}

export function writeOptionsOf(request: ApiRequest, user: UserInfo): WriteOptions {
  const { query } = request
  const kind = optionsKinds[request.method]
  const errors = kind ? validateOptions(request) : []
  if (kind && errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors)
  const fieldValidation = query.fieldValidation?.[0]
  return {
    user,
    manager: managerOf(request),
    force: query.force?.[0] === 'true',
    dryRun: (query.dryRun ?? []).includes('All'),
    fieldValidation: fieldValidation === 'Strict' || fieldValidation === 'Ignore' ? fieldValidation : 'Warn',
  }
}

function validateOptions({ method, query, contentType }: ApiRequest): FieldError[] {
  const isApply = contentType === APPLY_PATCH
  const manager = query.fieldManager?.[0] ?? ''
  return [
    ...(isApply && !manager ? [required('fieldManager', 'is required for apply patch')] : []),
    ...(method === 'PATCH' && !isApply && query.force
      ? [forbiddenField('force', 'may not be specified for non-apply patch')]
      : []),
    ...validateManager(manager),
  ]
}
