/**
 * Leadership that moves because somebody wants it to: an operator with the real etcdctl, or a leader that is asked to stop.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient } from '#kit/etcd-api/client.ts'
import { eventually } from '#kit/testing/eventually.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'

const execute = promisify(execFile)

interface Seen {
  readonly name: string
  readonly id: string
  readonly term: number
}

/** A cluster of three whose members are asked, each by itself, who leads. */
async function startThree(flags: readonly string[] = [], electionTimeoutMs?: number) {
  const members = await startEtcdProcesses({ members: 3, flags, ...(electionTimeoutMs && { electionTimeoutMs }) })
  const clients = new Map(
    members.names.map((name) => [name, createEtcdClient({ endpoints: [members.endpoint(name)], timeoutMs: 10_000 })]),
  )
  const client = createEtcdClient({ endpoints: members.endpoints })
  await eventually(() => client.put({ key: 'ready' }))
  const leader = () =>
    eventually(async (): Promise<Seen> => {
      for (const [name, one] of clients) {
        const status = await one.status().catch(() => undefined)
        const id = status?.header?.memberId
        if (status && id !== undefined && status.leader === id) return { name, id, term: status.raftTerm }
      }
      throw new Error('no leader')
    })
  const idOf = async (name: string) => (await clients.get(name)!.status()).header!.memberId
  const stop = async () => {
    for (const one of [client, ...clients.values()]) one.close()
    await members.stop()
  }
  return { members, client, leader, idOf, stop }
}

describeWith(['etcdctl'], 'etcdctl move-leader', () => {
  let cluster: Awaited<ReturnType<typeof startThree>>
  beforeAll(async () => {
    cluster = await startThree()
  }, 60_000)
  afterAll(() => cluster?.stop())

  /** As etcdctl takes the ids of members: in hexadecimal. */
  const moveLeader = async (target: string, endpoints: readonly string[]) => {
    const env = { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoints.join(',') }
    return execute('etcdctl', ['move-leader', BigInt(target).toString(16)], { env }).then(
      ({ stdout }) => stdout.trim(),
      (error) => `failed: ${error.stderr.trim().split('\n').at(-1)}`,
    )
  }

  lesson(
    'moves it to the member that is named',
    {
      scenario: 'An operator hands leadership from one of three members to another, while a client writes.',
      rule: 'The named member leads the next term, and no write fails.',
      source: 'etcd etcdctl/README.md, MOVE-LEADER',
      timeoutMs: 30_000,
    },
    async () => {
      const { members, client } = cluster
      const old = await cluster.leader()
      const to = members.names.find((name) => name !== old.name)!
      let isWriting = true
      const writing = (async () => {
        let written = 0
        for (; isWriting; written++) await client.put({ key: 'w', value: String(written) })
        return written
      })()
      const said = await moveLeader(await cluster.idOf(to), members.endpoints)
      const leader = await cluster.leader()
      isWriting = false
      expect(said).toMatch(/^Leadership transferred from [0-9a-f]+ to [0-9a-f]+$/)
      expect(leader).toMatchObject({ name: to, term: old.term + 1 })
      expect(await writing, 'writes meanwhile').toBeGreaterThan(0)
    },
  )

  lesson(
    'is refused by whoever does not lead, and for whoever cannot',
    {
      scenario:
        'A follower is asked to move leadership; then the leader is, to a member that is not there, and to itself.',
      rule: 'Upstream’s errors, which clients know by their text.',
      source: 'etcd api/v3rpc/rpctypes/error.go',
      timeoutMs: 30_000,
    },
    async () => {
      const { members } = cluster
      const { name, id, term } = await cluster.leader()
      const follower = members.names.find((one) => one !== name)!
      // etcdctl looks for the leader among its endpoints before it asks, so a follower alone is refused by etcdctl itself.
      expect(await moveLeader(await cluster.idOf(follower), [members.endpoint(follower)])).toContain(
        'no leader endpoint',
      )
      expect(await moveLeader('12345', members.endpoints)).toContain('etcdserver: bad leader transferee')
      expect(await moveLeader(id, members.endpoints)).toMatch(/^Leadership transferred/)
      expect(await cluster.leader(), 'the leader, as before').toEqual({ name, id, term })
    },
  )
})

describe('a leader that is asked to stop', () => {
  let cluster: Awaited<ReturnType<typeof startThree>>
  beforeAll(async () => {
    // Waiting for the election timeout would take at least ten seconds, and be seen.
    cluster = await startThree([], 10_000)
  }, 60_000)
  afterAll(() => cluster?.stop())

  lesson(
    'hands over first',
    {
      scenario: 'The election timeout is ten seconds. The leader gets SIGTERM.',
      rule: 'Nobody needs to wait for a timeout when a leader knows that it is leaving.',
      source: 'etcd server/etcdserver/server.go, Stop, TransferLeadership',
      timeoutMs: 60_000,
    },
    async () => {
      const { members } = cluster
      const old = await cluster.leader()
      const began = performance.now()
      members.signal(old.name, 'SIGTERM')
      expect(await members.exited(old.name), 'exit code').toBe(0)
      const rest = createEtcdClient({
        endpoints: members.names.filter((name) => name !== old.name).map(members.endpoint),
        timeoutMs: 30_000,
      })
      await eventually(() => rest.put({ key: 'after' }))
      const tookMs = performance.now() - began
      rest.close()
      expect(tookMs, 'milliseconds until others write').toBeLessThan(9000)
      expect(await cluster.leader()).toMatchObject({ term: old.term + 1 })
    },
  )
})
