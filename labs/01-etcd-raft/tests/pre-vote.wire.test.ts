/**
 * Pre-vote and check-quorum in real processes: who leads, and in which term, when members go and come back.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import { eventually } from '#kit/testing/eventually.ts'
import { lesson } from '#kit/testing/lesson.ts'

describe('three members of which some go and come back', () => {
  let members: EtcdProcesses
  let clients: Map<string, EtcdClient>

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 3 })
    clients = new Map(
      members.names.map((name) => [name, createEtcdClient({ endpoints: [members.endpoint(name)], timeoutMs: 5000 })]),
    )
    await eventually(() => clients.get('a')!.put({ key: 'ready' }))
  }, 60_000)
  afterAll(async () => {
    for (const client of clients?.values() ?? []) client.close()
    await members?.stop()
  })

  const see = async (name: string) => {
    const { leader, raftTerm, header } = await clients.get(name)!.status()
    return { leader, term: raftTerm, isLeader: leader === header?.memberId }
  }
  const leader = () =>
    eventually(async () => {
      for (const name of members.names) {
        const seen = await see(name).catch(() => undefined)
        if (seen?.isLeader) return { name, ...seen }
      }
      throw new Error('no leader')
    })

  lesson(
    'a follower that restarts changes nothing',
    {
      scenario: 'A follower is killed and started again. It is impatient at first, as there may be no leader.',
      rule: 'Whoever comes back finds leader and term as they were.',
      source: "Ongaro's thesis §9.6",
      timeoutMs: 60_000,
    },
    async () => {
      const before = await leader()
      const follower = members.names.find((name) => name !== before.name)!
      await members.kill(follower)
      members.start(follower)
      await eventually(() => clients.get(follower)!.put({ key: 'back' }))
      expect(await see(follower)).toEqual({ leader: before.leader, term: before.term, isLeader: false })
    },
  )

  lesson(
    'a leader left alone knows that it does not lead any more',
    {
      scenario: 'Both followers are killed. The leader is asked, again and again, who leads; then they come back.',
      rule: 'A leader that no majority answers steps down, and says that there is none.',
      source: "Ongaro's thesis §6.2",
      timeoutMs: 60_000,
    },
    async () => {
      const { name, term } = await leader()
      const followers = members.names.filter((one) => one !== name)
      for (const follower of followers) await members.kill(follower)
      await eventually(async () => {
        const seen = await see(name)
        if (seen.leader !== '0') throw new Error(`${name} still follows ${seen.leader}`)
      })
      expect((await see(name)).term, 'its term, however long it asks').toBe(term)
      for (const follower of followers) members.start(follower)
      await eventually(() => clients.get(name)!.put({ key: 'together' }))
      expect((await leader()).term, 'the term when they are back').toBeGreaterThan(term)
    },
  )
})
