/**
 * etcd: ours and the real one on the same disk, both with fsync, asked in turns by the same clients: one member of each, and three of each.
 *
 * Values have 1 KiB, as in `etcdctl check perf`, which is run as well: its load and its verdict are upstream's own.
 */
import type { Benchmark } from '../benchmark.ts'
import { measureCheckPerf } from '../etcd/check-perf.ts'
import { startCluster } from '../etcd/cluster.ts'
import { type Contest, eachSide } from '../etcd/contest.ts'
import { measureFailover } from '../etcd/failover.ts'
import { measureFanOut } from '../etcd/fan-out.ts'
import { measureLoads, ONE_MEMBER, THREE_MEMBERS } from '../etcd/loads.ts'
import { createStand, type EtcdKind, realEtcdVersion, startEtcd } from '../stand.ts'

export const etcd: Benchmark = {
  name: 'etcd',
  about: 'etcd, ours and the real one in turns, with fsync: 1 KiB puts, gets, transactions, watches, failover',

  async run(context) {
    const stand = await createStand(context)
    const version = realEtcdVersion()
    if (!version) context.note('The real etcd is not installed here, so there is nothing to compare with.')
    const kinds: Contest<EtcdKind> = { ours: 'ours', real: version ? 'real' : undefined, realName: `etcd ${version}` }

    context.progress('starting one member of each')
    const members = await eachSide(kinds, (kind) => startEtcd(context, stand, kind))
    const endpoints = await eachSide(members, ({ endpoint }) => endpoint)
    await measureLoads(context, members, ONE_MEMBER)
    await measureFanOut(context, endpoints)
    if (!context.quick) await measureCheckPerf(context, endpoints)

    context.progress('starting three members of each')
    const clusters = await eachSide(kinds, (kind) => startCluster(context, stand, kind))
    const leaders = await eachSide(clusters, async (cluster) => ({ ...cluster, endpoint: await cluster.leader() }))
    await measureLoads(context, leaders, THREE_MEMBERS)
    await measureFailover(context, clusters)
  },
}
