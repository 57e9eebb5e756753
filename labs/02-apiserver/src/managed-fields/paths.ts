/**
 * Fields as people write them.
 *
 * Source: structured-merge-diff `fieldpath/{path,element}.go`.
 */
import { type FieldSet, isMember } from './field-set.ts'

/** The members of a set: `.spec.template.spec.containers[name="web"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  const elements = Object.keys(set)
    .filter((element) => element !== '.')
    .sort()
  const members = elements.filter((element) => isMember(set[element]!))
  return [
    ...members.map((element) => prefix + elementText(element)),
    ...elements.flatMap((element) => pathsOf(set[element]!, prefix + elementText(element))),
  ]
}

/** `.replicas`, `[name="web"]`, `[="x"]` */
export function elementText(element: string): string {
  const content = element.slice(2)
  if (element.startsWith('v:')) return `[=${content}]`
  if (!element.startsWith('k:')) return element.startsWith('i:') ? `[${content}]` : `.${content}`
  const keys = Object.entries(JSON.parse(content) as Record<string, unknown>)
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`
}
