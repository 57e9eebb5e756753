/** What every member knew at the chosen event: role, term, vote, how far it is, and its log. */
import type { Entry } from '../../../raft/messages.ts'
import type { MemberView } from './cluster-at.ts'
import { html } from './elements.ts'

/** Of a long log, the last so many entries are shown. */
const SHOWN_ENTRIES = 24
/** Neighbouring terms get hues far apart. */
const HUE_STEP = 137

export function memberCards(members: readonly MemberView[]): HTMLElement[] {
  return members.map((member) =>
    html(
      'section',
      { class: `member ${roleOf(member)}`, 'data-member': member.id },
      heading(member),
      facts(member),
      log(member),
    ),
  )
}

function roleOf({ isUp, status }: MemberView): string {
  return isUp ? (status?.role ?? 'follower') : 'down'
}

function heading(member: MemberView): HTMLElement {
  return html('h2', {}, member.id, html('span', { class: 'role' }, roleOf(member)))
}

function facts({ status, disk, appliedIndex }: MemberView): HTMLElement {
  const rows: [string, string][] = [
    ['term', String(status?.term ?? disk.term)],
    ['vote', disk.votedFor === null ? 'none' : `${disk.votedFor} in ${disk.term}`],
    ['leader', status?.leader ?? 'none'],
    ['commit', String(status?.commitIndex ?? 0)],
    ['applied', String(appliedIndex)],
  ]
  if (disk.snapshot) rows.push(['snapshot', `up to ${disk.snapshot.index}`])
  return html('dl', {}, ...rows.flatMap(([name, value]) => [html('dt', {}, name), html('dd', {}, value)]))
}

function log(member: MemberView): HTMLElement {
  const { entries, snapshot } = member.disk
  const shown = entries.slice(-SHOWN_ENTRIES)
  const hidden = entries.length - shown.length
  const boxes = shown.map((entry) => entryBox(entry, member))
  const unwritten = (member.status?.lastIndex ?? 0) - (entries.at(-1)?.index ?? snapshot?.index ?? 0)
  const before =
    snapshot || hidden > 0
      ? [html('span', { class: 'covered' }, `… ${(shown[0]?.index ?? (snapshot?.index ?? 0) + 1) - 1}`)]
      : []
  const after = unwritten > 0 ? [html('span', { class: 'unwritten' }, `+${unwritten} not on disk yet`)] : []
  return html('div', { class: 'log' }, ...before, ...boxes, ...after)
}

function entryBox({ index, term, data, change }: Entry, { status, appliedIndex }: MemberView): HTMLElement {
  const stage = index <= appliedIndex ? 'applied' : index <= (status?.commitIndex ?? 0) ? 'committed' : 'open'
  const content = change ? `${change.kind} ${change.member}` : data === '' ? 'no-op' : data
  const style = `--hue: ${(term * HUE_STEP) % 360}`
  const title = `entry ${index} of term ${term}, ${stage === 'open' ? 'not known to be committed here' : stage}: ${content}`
  return html('span', { class: `entry ${stage}`, style, title }, html('small', {}, `${index}·${term}`), content)
}
