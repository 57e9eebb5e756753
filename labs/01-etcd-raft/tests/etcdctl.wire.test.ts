/**
 * etcdctl against our member: keys, transactions, watches, leases, and what is made of them.
 */
import { afterAll, beforeAll, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient } from '#kit/etcd-api/client.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { serving } from './api/targets.ts'
import { type Etcdctl, etcdctl, etcdctlStory as story } from './etcdctl.ts'

describeWith(['etcdctl'], 'etcdctl against our member', () => {
  let members: EtcdProcesses
  let run: Etcdctl['run']
  let say: Etcdctl['say']
  let start: Etcdctl['start']

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 1 })
    const client = createEtcdClient({ endpoints: members.endpoints })
    await serving(client)
    client.close()
    ;({ run, say, start } = etcdctl(members.endpoints))
  }, 60_000)
  afterAll(() => members?.stop())

  const revisionOf = (key: string): number => JSON.parse(say('get', key, '-w', 'json')).kvs[0].mod_revision

  lesson('put, get in its forms, del', story('put, get, del'), () => {
    expect(say('put', 'fruit/apple', 'red')).toBe('OK')
    say('put', 'fruit/banana', 'yellow')
    say('put', 'fruit/cherry', 'dark')
    expect(say('get', 'fruit/apple')).toBe('fruit/apple\nred')
    expect(say('get', '--prefix', 'fruit/', '--keys-only').split('\n').filter(Boolean)).toHaveLength(3)
    expect(say('get', 'fruit/banana', 'fruit/c', '--print-value-only')).toBe('yellow')
    expect(say('get', '--from-key', 'fruit/b', '--limit', '1', '--print-value-only')).toBe('yellow')
    const order = ['--sort-by', 'MODIFY', '--order', 'DESCEND', '--limit', '1', '--print-value-only']
    expect(say('get', '--prefix', 'fruit/', ...order)).toBe('dark')
    expect(JSON.parse(say('get', '--prefix', 'fruit/', '-w', 'json')).count).toBe(3)
    expect(say('get', '--prefix', 'fruit/', '-w', 'fields')).toContain('"Count" : 3')
    expect(say('get', '--consistency', 's', 'fruit/apple', '--print-value-only')).toBe('red')
    const first = JSON.parse(say('get', 'fruit/apple', '-w', 'json')).kvs[0]
    expect(first).toMatchObject({ version: 1, create_revision: first.mod_revision })
    say('put', 'fruit/apple', 'green')
    expect(say('get', 'fruit/apple', '--rev', String(first.mod_revision), '--print-value-only')).toBe('red')
    expect(say('put', 'fruit/apple', 'brown', '--prev-kv')).toBe('OK\nfruit/apple\ngreen')
    expect(say('del', 'fruit/apple', '--prev-kv')).toBe('1\nfruit/apple\nbrown')
    expect(say('del', '--prefix', 'fruit/')).toBe('2')
    expect(run(['get', 'x', '--rev', '999999']).stderr).toContain('required revision is a future revision')
    expect(run(['put', 'nothing', '--ignore-value']).stderr).toContain('etcdserver: key not found')
  })

  lesson('txn', story('txn'), () => {
    const create = 'mod("t") = "0"\n\nput t created\n\nget t\n\n'
    expect(run(['txn'], create).stdout).toBe('SUCCESS\n\nOK')
    expect(run(['txn'], create).stdout).toBe('FAILURE\n\nt\ncreated')
    const compares = 'value("t") = "created"\nver("t") > "0"\ncreate("t") > "0"\n\ndel t\n\n\n'
    expect(run(['txn'], compares).stdout).toBe('SUCCESS\n\n1')
    const twice = run(['txn'], '\nput t 1\nput t 2\n\n\n')
    expect(twice.stderr).toContain('etcdserver: duplicate key given in txn request')
  })

  lesson('watch from a revision, with prev-kv, and as it happens', story('watch'), async () => {
    say('put', 'w', '1')
    const revision = revisionOf('w')
    say('put', 'w', '2')
    const watch = start('watch', 'w', '--rev', String(revision), '--prev-kv')
    await watch.until('2')
    say('del', 'w')
    const output = await watch.until('DELETE\nw\n2\nw')
    await watch.stop()
    expect(output.split('\n').filter(Boolean).join(' ')).toBe('PUT w 1 PUT w 1 w 2 DELETE w 2 w')
    const prefix = start('watch', '--prefix', 'w', '--rev', String(revision))
    expect(await prefix.until('DELETE')).toContain('PUT\nw\n2\n')
    await prefix.stop()
  })

  lesson('compaction', story('compaction'), () => {
    say('put', 'c', '1')
    say('put', 'c', '2')
    const revision = revisionOf('c')
    expect(say('compaction', String(revision))).toBe(`compacted revision ${revision}`)
    expect(run(['get', 'c', '--rev', String(revision - 1)]).stderr).toContain('required revision has been compacted')
    expect(run(['compaction', String(revision)]).stderr).toContain('required revision has been compacted')
    expect(say('get', 'c', '--print-value-only')).toBe('2')
    const late = run(['watch', 'c', '--rev', '1'])
    expect(late.stderr + late.stdout).toContain('required revision has been compacted')
    say('put', 'c', '3')
    expect(say('compaction', '--physical', String(revisionOf('c')))).toContain('compacted revision')
  })

  lesson('leases: granted, listed, kept alive, revoked, and their keys with them', story('lease'), () => {
    const id = say('lease', 'grant', '60').match(/^lease ([0-9a-f]+) granted with TTL\(60s\)$/)![1]!
    say('put', 'leased', 'x', '--lease', id)
    expect(say('lease', 'list')).toBe(`found 1 leases\n${id}`)
    expect(say('lease', 'timetolive', id, '--keys')).toMatch(
      /granted with TTL\(60s\), remaining\(\d+s\), attached keys\(\[leased\]\)/,
    )
    expect(say('lease', 'keep-alive', '--once', id)).toBe(`lease ${id} keepalived with TTL(60)`)
    expect(say('lease', 'revoke', id)).toBe(`lease ${id} revoked`)
    expect(say('get', 'leased')).toBe('')
    expect(run(['put', 'x', 'y', '--lease', 'abc']).stderr).toContain('etcdserver: requested lease not found')
    expect(run(['lease', 'revoke', 'abc']).stderr).toContain('etcdserver: requested lease not found')
    expect(say('lease', 'timetolive', id)).toContain('already expired')
    expect(run(['lease', 'keep-alive', id]).stdout).toContain(`lease ${id} expired or revoked.`)
  })

  lesson('a lease that nobody renews takes its key along', story('lease grant 1'), async () => {
    const id = say('lease', 'grant', '1').match(/^lease ([0-9a-f]+) /)![1]!
    const put: number = JSON.parse(say('put', 'short', 'x', '--lease', id, '-w', 'json')).header.revision
    const watch = start('watch', 'short', '--rev', String(put + 1))
    await watch.until('DELETE')
    await watch.stop()
    expect(say('get', 'short')).toBe('')
  })

  lesson('a lease that is kept alive stays', story('lease keep-alive'), async () => {
    const id = say('lease', 'grant', '2').match(/^lease ([0-9a-f]+) /)![1]!
    const keepAlive = start('lease', 'keep-alive', id)
    const renewals = await keepAlive.until(`TTL(2)\nlease ${id} keepalived with TTL(2)`)
    expect(renewals).toContain('keepalived')
    await keepAlive.stop()
    expect(say('lease', 'timetolive', id)).toContain('granted with TTL(2s)')
  })

  lesson('lock: one holds it, the next waits', story('lock'), async () => {
    expect(run(['lock', 'mutex', 'echo', 'held']).stdout).toContain('held')
    const holder = start('lock', 'mutex')
    const [, key] = /^(mutex\/[0-9a-f]+)\n/.exec(await holder.until('\n'))!
    const waiting = start('lock', 'mutex', 'echo', 'mine now')
    expect(say('get', key!, '--keys-only')).toBe(key)
    await holder.stop()
    expect(await waiting.until('mine now')).toContain('mine now')
    await waiting.stop()
  })

  lesson('elect: one leads, the others are told', story('elect'), async () => {
    const leader = start('elect', 'crown', 'me')
    expect(await leader.until('me\n')).toMatch(/^crown\/[0-9a-f]+\nme\n/)
    const listener = start('elect', '-l', 'crown')
    expect(await listener.until('me\n')).toMatch(/^crown\/[0-9a-f]+\nme\n/)
    await leader.stop()
    const next = start('elect', 'crown', 'you')
    await next.until('you\n')
    expect(await listener.until('you\n')).toContain('you')
    await Promise.all([listener.stop(), next.stop()])
  })
})
