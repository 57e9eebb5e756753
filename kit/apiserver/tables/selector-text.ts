/**
 * Labels and label selectors as one line of text, the way one would type them after `kubectl get -l`.
 *
 * Source: apimachinery `labels.FormatLabels`, `metav1.FormatLabelSelector`.
 */
import type { LabelSelector } from '../../api/objects.ts'
import { NONE } from './columns.ts'

export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return pairs.sort().join(',') || NONE
}

export function selectorText(selector: LabelSelector | undefined): string {
  const requirements: { key: string; text: string }[] = []
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {}))
    requirements.push({ key, text: `${key}=${value}` })
  for (const { key, operator, values } of selector?.matchExpressions ?? []) {
    requirements.push({ key, text: expressionText(key, operator, values ?? []) })
  }
  requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return requirements.map(({ text }) => text).join(',') || NONE
}

function expressionText(key: string, operator: string, values: readonly string[]): string {
  switch (operator) {
    case 'Exists':
      return key
    case 'DoesNotExist':
      return `!${key}`
    case 'NotIn':
      return `${key} notin (${[...values].sort().join(',')})`
    default:
      return `${key} in (${[...values].sort().join(',')})`
  }
}
