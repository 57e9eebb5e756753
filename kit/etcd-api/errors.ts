/**
 * An etcd error as clients meet it: a gRPC code and upstream's exact text, by which Go clients recognise it.
 * Source: etcd `api/v3rpc/rpctypes/error.go`.
 */

/** gRPC's status codes by name (those that etcd uses). */
export const GRPC_CODES = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type GrpcCodeName = keyof typeof GRPC_CODES

export class EtcdError extends Error {
  override readonly name = 'EtcdError'
  readonly code: GrpcCodeName
  /**
   * True when the request certainly had no effect: the member refused it, or was never reached. False when nobody
   * knows, such as after a timeout: a write may still take effect at any later time.
   */
  readonly definite: boolean
  /** Set when a watch was cancelled because its revision is compacted: the oldest revision that can be watched. */
  readonly compactRevision: number | undefined

  constructor(code: GrpcCodeName, message: string, options: { definite?: boolean; compactRevision?: number } = {}) {
    super(message)
    this.code = code
    this.definite = options.definite ?? !UNKNOWN_OUTCOME.has(code)
    this.compactRevision = options.compactRevision
  }
}

const UNKNOWN_OUTCOME: ReadonlySet<GrpcCodeName> = new Set([
  'CANCELLED',
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'ABORTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])

/** Upstream's errors. Each call makes a new error, so that its stack says where it came from. */
export const etcdErrors = {
  emptyKey: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: key is not provided'),
  keyNotFound: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: key not found'),
  valueProvided: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: value is provided'),
  leaseProvided: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: lease is provided'),
  tooManyOps: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: too many operations in txn request'),
  duplicateKey: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: duplicate key given in txn request'),
  requestTooLarge: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: request is too large'),
  compacted: () => new EtcdError('OUT_OF_RANGE', 'etcdserver: mvcc: required revision has been compacted'),
  futureRevision: () => new EtcdError('OUT_OF_RANGE', 'etcdserver: mvcc: required revision is a future revision'),
  leaseNotFound: () => new EtcdError('NOT_FOUND', 'etcdserver: requested lease not found'),
  leaseExists: () => new EtcdError('FAILED_PRECONDITION', 'etcdserver: lease already exists'),
  leaseTtlTooLarge: () => new EtcdError('OUT_OF_RANGE', 'etcdserver: too large lease TTL'),
  noLeader: () => new EtcdError('UNAVAILABLE', 'etcdserver: no leader', { definite: true }),
  badLeaderTransferee: () => new EtcdError('FAILED_PRECONDITION', 'etcdserver: bad leader transferee'),
  /** Upstream forgot to give this one a code. */
  leaderTransferTimedOut: () =>
    new EtcdError('UNKNOWN', 'etcdserver: request timed out, leader transfer took too long'),
  notLeader: () => new EtcdError('FAILED_PRECONDITION', 'etcdserver: not leader'),
  leaderChanged: () => new EtcdError('UNAVAILABLE', 'etcdserver: leader changed'),
  timedOut: () => new EtcdError('UNAVAILABLE', 'etcdserver: request timed out'),
  stopped: () => new EtcdError('UNAVAILABLE', 'etcdserver: server stopped'),
  tooManyRequests: () => new EtcdError('RESOURCE_EXHAUSTED', 'etcdserver: too many requests'),
  memberExists: () => new EtcdError('FAILED_PRECONDITION', 'etcdserver: member ID already exist'),
  peerUrlExists: () => new EtcdError('FAILED_PRECONDITION', 'etcdserver: Peer URLs already exists'),
  // The code is not the one that upstream's list has for it, but the one that its servers send, by an oversight as old as the error.
  notEnoughStarted: () =>
    new EtcdError('UNKNOWN', 'etcdserver: re-configuration failed due to not enough started members', {
      definite: true,
    }),
  badMemberUrls: () => new EtcdError('INVALID_ARGUMENT', 'etcdserver: given member URLs are invalid'),
  memberNotFound: () => new EtcdError('NOT_FOUND', 'etcdserver: member not found'),
  memberNotLearner: () => new EtcdError('FAILED_PRECONDITION', 'etcdserver: can only promote a learner member'),
  learnerNotReady: () =>
    new EtcdError('FAILED_PRECONDITION', 'etcdserver: can only promote a learner member which is in sync with leader'),
  tooManyLearners: () => new EtcdError('FAILED_PRECONDITION', 'etcdserver: too many learner members in cluster'),
  unhealthy: () => new EtcdError('UNAVAILABLE', 'etcdserver: unhealthy cluster', { definite: true }),
  notForLearners: () => new EtcdError('UNAVAILABLE', 'etcdserver: rpc not supported for learner', { definite: true }),
  noSpace: () => new EtcdError('RESOURCE_EXHAUSTED', 'etcdserver: mvcc: database space exceeded'),
  corrupt: () => new EtcdError('DATA_LOSS', 'etcdserver: corrupt cluster', { definite: true }),
  unimplemented: (what: string) => new EtcdError('UNIMPLEMENTED', what, { definite: true }),
}

const CODE_NAMES = new Map(Object.entries(GRPC_CODES).map(([name, code]) => [code as number, name as GrpcCodeName]))

/** What grpc-js reports of a failed call. */
interface GrpcFailure {
  readonly code?: number
  readonly details?: string
}

/** The error of a failed gRPC call. Text of connection failures is grpc-js's own. */
export function fromGrpcFailure(failure: unknown): EtcdError {
  if (failure instanceof EtcdError) return failure
  const { code, details } = failure as GrpcFailure
  const name = CODE_NAMES.get(code ?? GRPC_CODES.UNKNOWN) ?? 'UNKNOWN'
  const message = details || (failure instanceof Error ? failure.message : String(failure))
  const refused = message === 'etcdserver: no leader' || /^No connection established/.test(message)
  return refused ? new EtcdError(name, message, { definite: true }) : new EtcdError(name, message)
}
