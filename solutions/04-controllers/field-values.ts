/**
 * The strings that a path finds in an object: `spec.nodeName` finds at most one, `metadata.ownerReferences.uid` one per
 * owner, since a list on the way is walked through. Indexes are declared by such paths, so that they stay plain data.
 */
export function fieldValues(object: unknown, path: string): string[] {
  let found: unknown[] = [object]
  for (const field of path.split('.')) found = found.flatMap((value) => valueAt(value, field))
  return [...new Set(found.filter((value): value is string => typeof value === 'string' && value !== ''))]
}

function valueAt(value: unknown, field: string): unknown[] {
  if (value === null || typeof value !== 'object') return []
  const next = (value as Record<string, unknown>)[field]
  return Array.isArray(next) ? next : [next]
}
