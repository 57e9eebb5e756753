/**
 * The Maintenance service: how this member is doing, and a copy of all that it holds.
 * Source: etcd `server/etcdserver/api/v3rpc/maintenance.go`.
 */
import { toByteString } from '#kit/etcd-api/byte-string.ts'
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { hashVersions } from '#kit/etcd-api/key-bucket.ts'
import type {
  AlarmMember,
  AlarmRequest,
  AlarmResponse,
  HashKVRequest,
  HashKVResponse,
  HashResponse,
  MoveLeaderRequest,
  MoveLeaderResponse,
  SnapshotResponse,
  StatusResponse,
} from '#kit/etcd-api/messages.ts'
import { writeSnapshotFile } from '#kit/etcd-api/snapshot-file.ts'
import type { Engine } from './engine.ts'

/** The version of etcd's API that we speak; kube-apiserver asks for watch progress from 3.5.13 on. */
export const API_VERSION = '3.5.21'

export function maintenanceHandlers(engine: Engine) {
  const { store, alarms } = engine.machine
  return {
    Status(): StatusResponse {
      const { leader, commitIndex, term, appliedIndex } = engine.status()
      return {
        header: engine.header(),
        version: API_VERSION,
        // What `--quota-backend-bytes` counts. Upstream's file may be larger than what is in it; ours is in memory.
        dbSize: store.bytes,
        leader: leader ?? '0',
        raftIndex: commitIndex,
        raftTerm: term,
        raftAppliedIndex: appliedIndex,
        errors: [...(leader === null ? ['etcdserver: no leader'] : []), ...alarms.list().map(describeAlarm)],
        dbSizeInUse: store.bytes,
        isLearner: engine.isLearner(),
      }
    },

    /** Asked for through the log too: whoever reads them has all that were raised before. */
    async Alarm(request: AlarmRequest): Promise<AlarmResponse> {
      const { response, revision } = await engine.propose<AlarmResponse>({ alarm: request })
      return { ...response, header: engine.header(revision) }
    },

    async Hash(): Promise<HashResponse> {
      return { header: engine.header(), hash: store.hash() }
    },

    async HashKV({ revision: asked }: HashKVRequest): Promise<HashKVResponse> {
      const { revision, compactRevision, versions } = store.contents()
      if (asked > revision) throw etcdErrors.futureRevision()
      if (asked > 0 && asked < compactRevision) throw etcdErrors.compacted()
      const hashRevision = asked > 0 ? asked : revision
      const hash = await hashVersions([...versions], { revision: hashRevision, compactRevision })
      return { header: engine.header(revision), hash, compactRevision, hashRevision }
    },

    async MoveLeader({ targetID }: MoveLeaderRequest): Promise<MoveLeaderResponse> {
      await engine.moveLeader(targetID)
      return { header: engine.header() }
    },

    /** Nothing is fragmented that this could mend. */
    async Defragment(): Promise<object> {
      return {}
    },

    /** Upstream moves a whole cluster to an older version with this, step by step; ours has one version. */
    async Downgrade(): Promise<object> {
      throw etcdErrors.unimplemented('etcdserver: downgrade is not supported')
    },
  }
}

/** As upstream prints them. */
function describeAlarm({ memberID, alarm }: AlarmMember): string {
  return `memberID:${memberID} alarm:${alarm} `
}

/** About as much as goes into one answer. */
const ANSWER_BYTES = 32 * 1024

/** The file that `etcdctl snapshot save` saves, piece by piece: all as it is at this moment, whatever is written meanwhile. */
export async function* snapshotPieces(engine: Engine): AsyncGenerator<SnapshotResponse<string>> {
  const { appliedIndex, term } = engine.status()
  const { store, ...rest } = engine.machine.contents()
  const pieces = await writeSnapshotFile({ ...store, ...rest, appliedIndex, term })
  let remainingBytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  let blob = ''
  for (const piece of pieces) {
    blob += toByteString(piece)
    remainingBytes -= piece.length
    if (blob.length < ANSWER_BYTES && remainingBytes > 0) continue
    yield { remainingBytes, blob }
    blob = ''
  }
}
