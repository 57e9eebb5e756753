/**
 * The Lease service.
 * Source: etcd `server/etcdserver/api/v3rpc/lease.go`.
 */
import { randomBytes } from 'node:crypto'
import type {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from '#kit/etcd-api/messages.ts'
import type { Engine } from './engine.ts'

/** @param minTtlSeconds shorter leases would not outlive an election; they are lengthened, as upstream does. */
export function leaseHandlers(engine: Engine, minTtlSeconds: number) {
  const { lessor } = engine.machine
  return {
    async LeaseGrant(request: LeaseGrantRequest): Promise<LeaseGrantResponse> {
      const ID = request.ID === '0' ? randomLeaseId() : request.ID
      const TTL = Math.max(minTtlSeconds, request.TTL)
      const { response, revision } = await engine.propose<LeaseGrantResponse>({ leaseGrant: { ID, TTL } })
      return { ...response, header: engine.header(revision) }
    },

    async LeaseRevoke({ ID }: { ID: string }): Promise<object> {
      const { revision } = await engine.propose({ leaseRevoke: { ID } })
      return { header: engine.header(revision) }
    },

    async LeaseTimeToLive({ ID, keys }: LeaseTimeToLiveRequest): Promise<LeaseTimeToLiveResponse<string>> {
      await engine.waitForFreshRead()
      const lease = lessor.view(ID)
      const TTL = lease ? await engine.leases.secondsLeft(ID) : -1
      return { header: engine.header(), ID, TTL, grantedTTL: lease?.ttl ?? 0, keys: keys ? (lease?.keys ?? []) : [] }
    },

    async LeaseLeases(): Promise<LeaseLeasesResponse> {
      return { header: engine.header(), leases: lessor.ids().map((ID) => ({ ID })) }
    },

    /** One message of the keep-alive stream. */
    async keepAlive(ID: string): Promise<LeaseKeepAliveResponse> {
      return { header: engine.header(), ID, TTL: await engine.leases.renew(ID) }
    },
  }
}

/** 63 bits, since lease ids are signed. */
function randomLeaseId(): string {
  return ((randomBytes(8).readBigUInt64BE() >> 1n) | 1n).toString()
}
