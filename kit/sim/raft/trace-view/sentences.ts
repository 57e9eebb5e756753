/** Events of a trace, as one would say them. */
import type { Message } from '../../../raft/messages.ts'
import type { RaftTrace, TraceEvent } from '../../raft-trace.ts'

/** How messages look up by their ids. */
export type Messages = ReadonlyMap<number, Message>

export function messagesOf({ events }: Pick<RaftTrace, 'events'>): Messages {
  return new Map(events.flatMap((event) => (event.kind === 'send' ? [[event.id, event.message] as const] : [])))
}

export function sentenceOf(event: TraceEvent, messages: Messages): string {
  switch (event.kind) {
    case 'start':
      return `${event.member} starts`
    case 'crash':
      return `${event.member} crashes: what was not on its disk is gone`
    case 'state':
      return stateSentence(event)
    case 'persist':
      return persistSentence(event)
    case 'apply':
      return `${event.member} applies entry ${event.entry.index} of term ${event.entry.term}${quoted(event.entry.data)}`
    case 'send':
      return `${event.message.from} sends ${event.message.to} ${describe(event.message)}`
    case 'arrive':
      return arrival(messages.get(event.id))
    case 'lost':
      return `${describeSent(messages.get(event.id))} is lost: ${REASONS[event.why]}`
    case 'partition':
      return `the network parts: ${event.groups.map((group) => group.join(', ')).join(' | ')}`
    case 'heal':
      return 'the network is whole again'
    case 'ask':
      return `${event.member} ${event.what}`
  }
}

const REASONS = {
  network: 'the network dropped it',
  partition: 'there is no way to the receiver',
  'receiver is down': 'the receiver is down',
}

function stateSentence({ member, status }: Extract<TraceEvent, { kind: 'state' }>): string {
  const { role, term, leader, commitIndex } = status
  const follows = role === 'follower' ? (leader === null ? ' of nobody yet' : ` of ${leader}`) : ''
  return `${member} is ${role}${follows} in term ${term}, knows entries up to ${commitIndex} to be committed`
}

function persistSentence({
  member,
  entries,
  from,
  snapshot,
  term,
  votedFor,
}: Extract<TraceEvent, { kind: 'persist' }>) {
  const parts = [`term ${term}`, votedFor === null ? 'no vote' : `its vote for ${votedFor}`]
  if (snapshot) parts.push(`a snapshot up to ${snapshot.index}`)
  if (entries.length > 0) parts.push(`entries ${from ?? entries[0]!.index} to ${entries.at(-1)!.index}`)
  return `${member} has on its disk: ${parts.join(', ')}`
}

function arrival(message: Message | undefined): string {
  return message ? `${message.to} gets from ${message.from} ${describe(message)}` : 'a message arrives'
}

function describeSent(message: Message | undefined): string {
  return message ? `${describe(message)} from ${message.from} to ${message.to}` : 'a message'
}

function quoted(data: string): string {
  return data === '' ? ' (a no-op)' : `: ${data}`
}

/** One message without its sender and receiver. */
export function describe(message: Message): string {
  const inTerm = `in term ${message.term}`
  switch (message.type) {
    case 'VoteRequest':
    case 'PreVoteRequest':
      return `${message.type} ${inTerm}, its log ends at ${message.lastLogIndex} (term ${message.lastLogTerm})`
    case 'VoteResponse':
    case 'PreVoteResponse':
      return `${message.type} ${inTerm}: ${message.granted ? 'granted' : 'refused'}`
    case 'AppendRequest': {
      const { entries, prevLogIndex, prevLogTerm, commitIndex } = message
      const what = entries.length === 0 ? 'no entries' : `entries ${entries[0]!.index} to ${entries.at(-1)!.index}`
      return `AppendRequest ${inTerm}: ${what} after ${prevLogIndex} (term ${prevLogTerm}), committed up to ${commitIndex}`
    }
    case 'AppendResponse':
      return message.accepted
        ? `AppendResponse ${inTerm}: matches up to ${message.matchIndex}`
        : `AppendResponse ${inTerm}: refused, ${message.rejectedIndex} does not match`
    case 'InstallSnapshot':
      return `InstallSnapshot ${inTerm}: up to ${message.snapshot.index}`
    case 'ProposeRequest':
      return `ProposeRequest ${inTerm}: ${message.commands.join(', ')}`
    default:
      return `${message.type} ${inTerm}`
  }
}

/** Appends that carry nothing, and their answers: shown faintly, since there are so many. */
export function isHeartbeat(message: Message): boolean {
  if (message.type === 'AppendRequest') return message.entries.length === 0
  return message.type === 'AppendResponse' && message.accepted
}
