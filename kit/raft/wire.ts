/**
 * The byte form of what members write to disk and send to each other.
 *
 * Between members the protocol is our own (upstream's rafthttp is not something a client ever sees), in protobuf like the
 * rest, so that fields can be added later without breaking what is on disk.
 */
import { messageCodec, parseProto } from '../etcd-api/codec.ts'
import type { ClusterMember } from '../etcd-api/messages.ts'
import type { Entry, HardState, Message, SnapshotMetadata } from './messages.ts'

const RAFT_PROTO = `
syntax = "proto3";
package raftpb;

message Entry {
  uint64 term = 1;
  uint64 index = 2;
  bytes data = 3;
  MembershipChange change = 4;
}

message MembershipChange {
  enum Kind { AddVoter = 0; AddLearner = 1; Remove = 2; }
  Kind kind = 1;
  string member = 2;
}

message SnapshotMetadata {
  uint64 index = 1;
  uint64 term = 2;
  repeated string voters = 3;
  repeated string learners = 4;
}

message HardState {
  uint64 term = 1;
  string voted_for = 2;
  uint64 commit_index = 3;
}

message WalRecord {
  HardState hard_state = 1;
  repeated Entry entries = 2;
  // A snapshot up to here is on disk in a file of its own.
  SnapshotMetadata snapshot = 3;
  SegmentHeader segment = 4;
}

message SegmentHeader {
  uint64 sequence = 1;
  uint64 first_index = 2;
  uint32 previous_checksum = 3;
}

message Conflict {
  uint64 index = 1;
  uint64 term = 2;
}

message Message {
  enum Type {
    Unknown = 0;
    VoteRequest = 1;
    VoteResponse = 2;
    AppendRequest = 3;
    AppendResponse = 4;
    ProposeRequest = 5;
    ReadIndexRequest = 6;
    ReadIndexResponse = 7;
    PreVoteRequest = 8;
    PreVoteResponse = 9;
    TimeoutNow = 10;
    InstallSnapshot = 11;
  }
  Type type = 1;
  string from = 2;
  string to = 3;
  uint64 term = 4;
  uint64 last_log_index = 5;
  uint64 last_log_term = 6;
  bool granted = 7;
  uint64 prev_log_index = 8;
  uint64 prev_log_term = 9;
  repeated Entry entries = 10;
  uint64 commit_index = 11;
  uint64 read_round = 12;
  bool accepted = 13;
  uint64 match_index = 14;
  uint64 rejected_index = 15;
  Conflict conflict = 16;
  repeated bytes commands = 17;
  string context = 18;
  uint64 index = 19;
  bool leadership_transfer = 20;
  SnapshotMetadata snapshot = 21;
}

message LeaseCall {
  enum Kind { Renew = 0; TimeToLive = 1; }
  Kind kind = 1;
  int64 lease = 2 [jstype = JS_STRING];
}

message LeaseAnswer {
  bool is_leader = 1;
  int64 ttl = 2;
}

message MemberCall {
  enum Kind { Add = 0; Remove = 1; Promote = 2; Update = 3; }
  Kind kind = 1;
  string ID = 2;
  repeated string peerURLs = 3;
  bool is_learner = 4;
}

message MemberAnswer {
  bool is_leader = 1;
  repeated Member members = 2;
  string error_code = 3;
  string error_message = 4;
}

message Member {
  string ID = 1;
  string name = 2;
  repeated string peerURLs = 3;
  repeated string clientURLs = 4;
  bool isLearner = 5;
}

message PeerFrame {
  oneof content {
    Message message = 1;
    LeaseCall lease_call = 2;
    LeaseAnswer lease_answer = 3;
    MemberCall member_call = 20;
    MemberAnswer member_answer = 21;
  }
  uint64 call_id = 4;
}
`

const root = parseProto(RAFT_PROTO)

/** What one write to the write-ahead log adds. */
export interface WalRecordMessage {
  readonly hardState?: HardState
  readonly entries: readonly Entry[]
  /** A snapshot up to here is on disk in a file of its own. */
  readonly snapshot?: SnapshotMetadata
  /** Only in the first record of a file. */
  readonly segment?: SegmentHeader
}

/** With what each file of the write-ahead log begins: its place among the others. */
export interface SegmentHeader {
  /** Counts the files from 0. */
  readonly sequence: number
  /** All entries from this index on are in this file or in later ones. */
  readonly firstIndex: number
  /** Of the whole file before; 0 in the very first. So no file can be missing, cut or exchanged unnoticed. */
  readonly previousChecksum: number
}

interface WalRecordWire {
  readonly hardState?: { term: number; votedFor: string; commitIndex: number }
  readonly entries: readonly Entry[]
  readonly snapshot?: SnapshotMetadata
  readonly segment?: SegmentHeader
}

const walRecords = messageCodec<WalRecordWire>(root, 'raftpb.WalRecord', 'byte-string')

export function encodeWalRecord(record: WalRecordMessage): Buffer {
  const { hardState, entries, snapshot, segment } = record
  return walRecords.encode({
    entries,
    ...(snapshot && { snapshot }),
    ...(segment && { segment }),
    ...(hardState && { hardState: { ...hardState, votedFor: hardState.votedFor ?? '' } }),
  })
}

export function decodeWalRecord(bytes: Uint8Array): WalRecordMessage {
  const { hardState, entries, snapshot, segment } = walRecords.decode(bytes)
  return {
    entries,
    ...(snapshot && { snapshot }),
    ...(segment && { segment }),
    ...(hardState && { hardState: { ...hardState, votedFor: hardState.votedFor || null } }),
  }
}

/** A question that only the leader can answer, about a lease: its clock is the one that counts. */
export interface LeaseCall {
  readonly kind: 'Renew' | 'TimeToLive'
  readonly lease: string
}

export interface LeaseAnswer {
  readonly isLeader: boolean
  /** Seconds left; 0 or less when there is no such lease. */
  readonly ttl: number
}

/** A change of the members, which only the leader can judge. */
export interface MemberCall {
  readonly kind: 'Add' | 'Remove' | 'Promote' | 'Update'
  readonly ID: string
  readonly peerURLs: readonly string[]
  readonly isLearner: boolean
}

export interface MemberAnswer {
  readonly isLeader: boolean
  /** After the change. */
  readonly members: readonly ClusterMember[]
  /** Empty when the change was made; else gRPC's name of the code, and etcd's text. */
  readonly errorCode: string
  readonly errorMessage: string
}

/** What travels between two members: one of these, and what joins an answer to its call. */
export interface PeerFrame {
  readonly message?: Message
  readonly leaseCall?: LeaseCall
  readonly leaseAnswer?: LeaseAnswer
  readonly memberCall?: MemberCall
  readonly memberAnswer?: MemberAnswer
  /** Joins an answer to its call. */
  readonly callId: number
}

const frames = messageCodec<PeerFrame>(root, 'raftpb.PeerFrame', 'byte-string')

export function encodePeerFrame(frame: Partial<PeerFrame>): Buffer {
  return frames.encode(frame)
}

export function decodePeerFrame(bytes: Uint8Array): PeerFrame {
  return frames.decode(bytes)
}
