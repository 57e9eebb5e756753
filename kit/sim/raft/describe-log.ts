/**
 * Entries and members in the words of a broken rule.
 */
import type { Entry, MemberId } from '../../raft/messages.ts'

export function describeEntry(entry: Entry | undefined): string {
  return entry ? `"${entry.data}" of term ${entry.term}` : 'nothing'
}

export function listOf(members: readonly MemberId[]): string {
  return members.length === 0 ? '(none)' : [...members].sort().join(', ')
}
