/** Label and field selectors in their string forms, as query parameters carry them. */
import type { SimObject } from './store.ts'

export function matches(object: SimObject, labelSelector: string, fieldSelector: string): boolean {
  const labels = object.metadata.labels ?? {}
  return (
    splitOutsideParentheses(labelSelector).every((requirement) => matchesLabel(labels, requirement)) &&
    splitOutsideParentheses(fieldSelector).every((requirement) => matchesField(object, requirement))
  )
}

function matchesLabel(labels: Record<string, string>, requirement: string): boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(requirement)
  if (set) {
    const [, key = '', operator, list = ''] = set
    const included = labels[key] !== undefined && list.split(',').some((value) => value.trim() === labels[key])
    return operator === 'in' ? included : !included
  }
  const compare = /^([^!=\s]+)\s*(!=|==|=)\s*(.*)$/.exec(requirement)
  if (compare) return (labels[compare[1] ?? ''] === compare[3]) === (compare[2] !== '!=')
  return requirement.startsWith('!')
    ? labels[requirement.slice(1).trim()] === undefined
    : labels[requirement] !== undefined
}

function matchesField(object: SimObject, requirement: string): boolean {
  const [, path = '', operator, wanted = ''] = /^([^!=]+)(!=|==|=)(.*)$/.exec(requirement) ?? []
  let value: unknown = object
  for (const field of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[field]
  return (String(value ?? '') === wanted) === (operator !== '!=')
}

function splitOutsideParentheses(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((requirement) => requirement.trim())
    .filter((requirement) => requirement !== '')
}
