/**
 * Asking before standing for election, and stepping down when nobody answers.
 *
 * Source: Ongaro's thesis §4.2.3, §6.2, §9.6.
 */
import type { PreVoteRequest, PreVoteResponse } from '#kit/raft/messages.ts'
import type { RaftState } from './state.ts'

export function handlePreVoteRequest(_raft: RaftState, _request: PreVoteRequest): void {}

export function handlePreVoteResponse(_raft: RaftState, _response: PreVoteResponse): void {}
