/**
 * The Maintenance service: how this member is doing.
 * Source: etcd `server/etcdserver/api/v3rpc/maintenance.go`.
 */
import type {
  AlarmResponse,
  HashKVRequest,
  HashKVResponse,
  HashResponse,
  StatusResponse,
} from '#kit/etcd-api/messages.ts'
import type { Engine } from './engine.ts'

/** The version of etcd's API that we speak; kube-apiserver asks for watch progress from 3.5.13 on. */
export const API_VERSION = '3.5.21'

export function maintenanceHandlers(engine: Engine) {
  const { store } = engine.machine
  return {
    Status(): StatusResponse {
      const { leader, commitIndex, term, appliedIndex, walBytes } = engine.status()
      return {
        header: engine.header(),
        version: API_VERSION,
        dbSize: walBytes,
        leader: leader ?? '0',
        raftIndex: commitIndex,
        raftTerm: term,
        raftAppliedIndex: appliedIndex,
        errors: leader === null ? ['etcdserver: no leader'] : [],
        dbSizeInUse: walBytes,
        isLearner: false,
      }
    },

    async Alarm(): Promise<AlarmResponse> {
      return { header: engine.header(), alarms: [] }
    },

    async Hash(): Promise<HashResponse> {
      return { header: engine.header(), hash: store.hash() }
    },

    async HashKV({ revision }: HashKVRequest): Promise<HashKVResponse> {
      const hashRevision = revision > 0 ? revision : store.revision
      return {
        header: engine.header(),
        hash: store.hash(hashRevision),
        compactRevision: store.compactRevision,
        hashRevision,
      }
    },

    /** Nothing is fragmented that this could mend. */
    async Defragment(): Promise<object> {
      return { header: engine.header() }
    },
  }
}
