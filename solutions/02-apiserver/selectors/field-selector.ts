/**
 * `?fieldSelector=spec.nodeName=node-1,status.phase!=Failed`: a kubelet wants its own pods and no others.
 *
 * Unlike labels, only a few fields of each kind can be selected by, those that the kind's row lists in
 * `selectableFields`; of every kind `metadata.name` and `metadata.namespace`. A field that is not set counts as "".
 *
 * Source: apimachinery `pkg/fields/selector.go`; per kind `pkg/apis/core/v1/conversion.go`.
 */
import type { ApiObject } from '#kit/api/objects.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'
import { badRequest } from '../errors.ts'

export interface FieldRequirement {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/**
 * The requirements of a selector: `field=value`, `field==value` or `field!=value`, separated by commas. A backslash takes
 * the meaning from the comma, equals sign or backslash after it. Terms that are empty are left out.
 *
 * Throws a 400: "invalid selector: '<text>'; can't understand '<term>'".
 *
 * @lab 2.6 Parse a field selector
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => {
      const [, field = '', operator, value = ''] = /^((?:[^\\=!]|\\.)*)(!=|==|=)(.*)$/.exec(term) ?? []
      if (!operator || field === '') throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
      return { field, operator: operator === '!=' ? '!=' : '=', value: value.replace(/\\([\\,=])/g, '$1') }
    })
}

/**
 * What an object offers for selection: its kind's fields, and name and namespace.
 */
export function fieldsOf(row: Pick<KindRow, 'selectableFields'>, object: ApiObject): Readonly<Record<string, string>> {
  return {
    'metadata.name': object.metadata?.name ?? '',
    'metadata.namespace': object.metadata?.namespace ?? '',
    ...row.selectableFields?.(object),
  }
}

/**
 * Whether an object's fields meet all requirements. A field that is not there has the value "".
 *
 * @lab 2.6 Match fields
 */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  fields: Readonly<Record<string, string>>,
): boolean {
  return requirements.every(({ field, operator, value }) => ((fields[field] ?? '') === value) === (operator === '='))
}

/** Refuses a selector that names a field this kind cannot be selected by. */
export function checkFieldsAreSelectable(requirements: readonly FieldRequirement[], row: KindRow): void {
  const known = fieldsOf(row, {})
  for (const { field } of requirements) {
    if (Object.hasOwn(known, field)) continue
    throw badRequest(
      row.selectableFields
        ? `field label not supported: ${field}`
        : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    )
  }
}

/** Cut at commas that no backslash protects. */
function splitTerms(text: string): string[] {
  return text.match(/(?:\\.|[^\\,])+/g) ?? []
}
