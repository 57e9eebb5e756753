/** The row of a kind that the server itself cannot do without: for its own objects. */
import type { Resource } from '#kit/api/resources.ts'
import type { KindRow } from '#kit/contracts/apiserver.ts'

export function rowOf(kinds: readonly KindRow[], { group, plural }: Pick<Resource, 'group' | 'plural'>): KindRow {
  const row = kinds.find(({ resource }) => resource.plural === plural && resource.group === group)
  if (!row) throw new Error(`no kind ${plural}`)
  return row
}
