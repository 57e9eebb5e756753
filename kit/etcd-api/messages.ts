/**
 * etcd's v3 messages as plain data: what `codec.ts` makes of the bytes.
 *
 * `B` is how bytes are held: `Buffer` for clients, byte strings (see `byte-string.ts`) inside a member. Revisions, counts,
 * limits and watch ids are numbers; ids of leases, members and clusters are decimal strings, since they use all 64 bits
 * ("0" means none). Field names are upstream's in camelCase, enum values upstream's names.
 * Source: etcd `api/etcdserverpb/rpc.proto`.
 */

export interface KeyValue<B = Buffer> {
  readonly key: B
  readonly createRevision: number
  readonly modRevision: number
  /** 1 when created; one more with each put. */
  readonly version: number
  readonly value: B
  readonly lease: string
}

export interface KeyEvent<B = Buffer> {
  readonly type: 'PUT' | 'DELETE'
  readonly kv: KeyValue<B>
  readonly prevKv?: KeyValue<B>
}

export interface ResponseHeader {
  readonly clusterId: string
  readonly memberId: string
  readonly revision: number
  readonly raftTerm: number
}

export type SortOrder = 'NONE' | 'ASCEND' | 'DESCEND'
export type SortTarget = 'KEY' | 'VERSION' | 'CREATE' | 'MOD' | 'VALUE'

export interface RangeRequest<B = Buffer> {
  readonly key: B
  /** Exclusive. Empty: only `key`; one zero byte: everything from `key` on. */
  readonly rangeEnd: B
  /** 0 means no limit. */
  readonly limit: number
  /** 0 means the newest. */
  readonly revision: number
  readonly sortOrder: SortOrder
  readonly sortTarget: SortTarget
  readonly serializable: boolean
  readonly keysOnly: boolean
  readonly countOnly: boolean
  readonly minModRevision: number
  readonly maxModRevision: number
  readonly minCreateRevision: number
  readonly maxCreateRevision: number
}

export interface RangeResponse<B = Buffer> {
  readonly header?: ResponseHeader
  readonly kvs: readonly KeyValue<B>[]
  readonly more: boolean
  readonly count: number
}

export interface PutRequest<B = Buffer> {
  readonly key: B
  readonly value: B
  readonly lease: string
  readonly prevKv: boolean
  readonly ignoreValue: boolean
  readonly ignoreLease: boolean
}

export interface PutResponse<B = Buffer> {
  readonly header?: ResponseHeader
  readonly prevKv?: KeyValue<B>
}

export interface DeleteRangeRequest<B = Buffer> {
  readonly key: B
  readonly rangeEnd: B
  readonly prevKv: boolean
}

export interface DeleteRangeResponse<B = Buffer> {
  readonly header?: ResponseHeader
  readonly deleted: number
  readonly prevKvs: readonly KeyValue<B>[]
}

/** Exactly one of the fields is set. */
export interface RequestOp<B = Buffer> {
  readonly requestRange?: RangeRequest<B>
  readonly requestPut?: PutRequest<B>
  readonly requestDeleteRange?: DeleteRangeRequest<B>
  readonly requestTxn?: TxnRequest<B>
}

/** The field that answers the request's. */
export interface ResponseOp<B = Buffer> {
  readonly responseRange?: RangeResponse<B>
  readonly responsePut?: PutResponse<B>
  readonly responseDeleteRange?: DeleteRangeResponse<B>
  readonly responseTxn?: TxnResponse<B>
}

export type CompareResult = 'EQUAL' | 'GREATER' | 'LESS' | 'NOT_EQUAL'
export type CompareTarget = 'VERSION' | 'CREATE' | 'MOD' | 'VALUE' | 'LEASE'

export interface Compare<B = Buffer> {
  readonly result: CompareResult
  readonly target: CompareTarget
  readonly key: B
  readonly version?: number
  readonly createRevision?: number
  readonly modRevision?: number
  readonly value?: B
  readonly lease?: string
  readonly rangeEnd: B
}

export interface TxnRequest<B = Buffer> {
  readonly compare: readonly Compare<B>[]
  readonly success: readonly RequestOp<B>[]
  readonly failure: readonly RequestOp<B>[]
}

export interface TxnResponse<B = Buffer> {
  readonly header?: ResponseHeader
  readonly succeeded: boolean
  readonly responses: readonly ResponseOp<B>[]
}

export interface CompactionRequest {
  readonly revision: number
  readonly physical: boolean
}

export interface CompactionResponse {
  readonly header?: ResponseHeader
}

export interface WatchRequest<B = Buffer> {
  readonly createRequest?: WatchCreateRequest<B>
  readonly cancelRequest?: { readonly watchId: number }
  readonly progressRequest?: Record<never, never>
}

export interface WatchCreateRequest<B = Buffer> {
  readonly key: B
  readonly rangeEnd: B
  /** The first revision to report; 0 means from now on. */
  readonly startRevision: number
  readonly progressNotify: boolean
  readonly filters: readonly ('NOPUT' | 'NODELETE')[]
  readonly prevKv: boolean
  readonly watchId: number
  readonly fragment: boolean
}

export interface WatchResponse<B = Buffer> {
  readonly header?: ResponseHeader
  readonly watchId: number
  readonly created: boolean
  readonly canceled: boolean
  readonly compactRevision: number
  readonly cancelReason: string
  readonly fragment: boolean
  readonly events: readonly KeyEvent<B>[]
}

export interface LeaseGrantRequest {
  /** Seconds. */
  readonly TTL: number
  /** "0": the member chooses. */
  readonly ID: string
}

export interface LeaseGrantResponse {
  readonly header?: ResponseHeader
  readonly ID: string
  readonly TTL: number
  readonly error: string
}

export interface LeaseRevokeRequest {
  readonly ID: string
}

export interface LeaseRevokeResponse {
  readonly header?: ResponseHeader
}

export interface LeaseKeepAliveRequest {
  readonly ID: string
}

export interface LeaseKeepAliveResponse {
  readonly header?: ResponseHeader
  readonly ID: string
  /** Seconds left; 0 when there is no such lease. */
  readonly TTL: number
}

export interface LeaseTimeToLiveRequest {
  readonly ID: string
  readonly keys: boolean
}

export interface LeaseTimeToLiveResponse<B = Buffer> {
  readonly header?: ResponseHeader
  readonly ID: string
  /** Seconds left; -1 when there is no such lease. */
  readonly TTL: number
  readonly grantedTTL: number
  readonly keys: readonly B[]
}

export interface LeaseLeasesResponse {
  readonly header?: ResponseHeader
  readonly leases: readonly { readonly ID: string }[]
}

export interface ClusterMember {
  readonly ID: string
  readonly name: string
  readonly peerURLs: readonly string[]
  readonly clientURLs: readonly string[]
  readonly isLearner: boolean
}

export interface MemberListRequest {
  readonly linearizable: boolean
}

export interface MemberListResponse {
  readonly header?: ResponseHeader
  readonly members: readonly ClusterMember[]
}

export interface MemberAddRequest {
  readonly peerURLs: readonly string[]
  readonly isLearner: boolean
}

export interface MemberAddResponse extends MemberListResponse {
  readonly member?: ClusterMember
}

export interface MemberRemoveRequest {
  readonly ID: string
}

export interface MemberUpdateRequest {
  readonly ID: string
  readonly peerURLs: readonly string[]
}

export interface MemberPromoteRequest {
  readonly ID: string
}

export type AlarmType = 'NONE' | 'NOSPACE' | 'CORRUPT'

export interface AlarmRequest {
  readonly action: 'GET' | 'ACTIVATE' | 'DEACTIVATE'
  readonly memberID: string
  readonly alarm: AlarmType
}

export interface AlarmMember {
  readonly memberID: string
  readonly alarm: AlarmType
}

export interface AlarmResponse {
  readonly header?: ResponseHeader
  readonly alarms: readonly AlarmMember[]
}

export interface StatusResponse {
  readonly header?: ResponseHeader
  readonly version: string
  /** Bytes. */
  readonly dbSize: number
  /** "0" when the member knows no leader. */
  readonly leader: string
  readonly raftIndex: number
  readonly raftTerm: number
  readonly raftAppliedIndex: number
  readonly errors: readonly string[]
  readonly dbSizeInUse: number
  readonly isLearner: boolean
}

export interface HashResponse {
  readonly header?: ResponseHeader
  readonly hash: number
}

export interface MoveLeaderRequest {
  readonly targetID: string
}

export interface MoveLeaderResponse {
  readonly header?: ResponseHeader
}

export interface SnapshotResponse<B = Buffer> {
  readonly header?: ResponseHeader
  /** After this piece. */
  readonly remainingBytes: number
  readonly blob: B
}

export interface HashKVRequest {
  readonly revision: number
}

export interface HashKVResponse {
  readonly header?: ResponseHeader
  readonly hash: number
  readonly compactRevision: number
  readonly hashRevision: number
}

/** A message as one may write it: what is left out has its default, and text stands for its UTF-8 bytes. */
export type Sparse<T> = T extends Buffer
  ? Buffer | string
  : T extends readonly (infer Item)[]
    ? readonly Sparse<Item>[]
    : T extends object
      ? { readonly [Field in keyof T]?: Sparse<T[Field]> }
      : T
