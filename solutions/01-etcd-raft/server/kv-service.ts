/**
 * The KV service: what is wrong by itself is refused at once, writes go through consensus, reads wait to be fresh unless they need not be.
 * Source: etcd `server/etcdserver/api/v3rpc/key.go`, `server/etcdserver/v3_server.go`.
 */
import { etcdErrors } from '#kit/etcd-api/errors.ts'
import { checkPut, checkTxn } from '../mvcc/txn.ts'
import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../mvcc/types.ts'
import type { Request } from './command.ts'
import type { Engine } from './engine.ts'

export function kvHandlers(engine: Engine) {
  const write = async <Response extends object>(request: Request): Promise<Response> => {
    const { response, revision } = await engine.propose<Response>(request)
    return { ...response, header: engine.header(revision) }
  }
  return {
    async Range(request: RangeRequest): Promise<RangeResponse> {
      if (request.key === '') throw etcdErrors.emptyKey()
      if (!request.serializable) await engine.waitForFreshRead()
      return { ...engine.machine.store.range(request), header: engine.header() }
    },

    async Put(request: PutRequest): Promise<PutResponse> {
      checkPut(request)
      return write<PutResponse>({ put: request })
    },

    async DeleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
      if (request.key === '') throw etcdErrors.emptyKey()
      return write<DeleteRangeResponse>({ deleteRange: request })
    },

    async Txn(request: TxnRequest): Promise<TxnResponse> {
      checkTxn(request)
      const { store } = engine.machine
      if (!store.isReadOnly(request)) return write<TxnResponse>({ txn: request })
      await engine.waitForFreshRead()
      return { ...store.txn(request), header: engine.header() }
    },

    async Compact({ revision }: { revision: number }): Promise<object> {
      return write({ compaction: { revision } })
    },
  }
}
