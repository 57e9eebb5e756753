/**
 * Lists whose items are told apart by keys cannot have two of one key, or nobody could say which of them is whose. Objects
 * that are there already may have such twins (variables of a container may be set twice); a configuration may not.
 *
 * Source: structured-merge-diff `typed/validate.go`.
 */
import type { FieldType } from '#kit/contracts/field-types.ts'
import { childrenOf, itemElement } from './elements.ts'
import { elementText } from './paths.ts'

/** What is wrong, for each twin: `.spec.containers: duplicate entries for key [name="web"]`. */
export function duplicatesIn(type: FieldType, value: unknown, path = ''): string[] {
  const below = [...childrenOf(type, value)].flatMap(([element, child]) =>
    duplicatesIn(child.type, child.value, path + elementText(element)),
  )
  if ((type.shape !== 'list' && type.shape !== 'set') || !Array.isArray(value)) return below
  const elements = value.map((item) => itemElement(type, item))
  const twins = elements.filter((element, index) => elements.indexOf(element) < index)
  return [...twins.map((element) => `${path}: duplicate entries for key ${elementText(element)}`), ...below]
}
