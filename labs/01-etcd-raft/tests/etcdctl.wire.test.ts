/**
 * The real etcdctl, as a user would run it, against one of our members.
 *
 * Endpoints are given without `http://`: with it, etcdctl 3.4 sends `endpoint status` and `endpoint hashkv` with an `:authority` that
 * HTTP/2 does not allow (`http://…`), and Node's HTTP/2 refuses it before any of our code sees it. 3.5 mended that.
 */
import { spawn, spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createEtcdClient } from '#kit/etcd-api/client.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'

describeWith(['etcdctl'], 'etcdctl against our member', () => {
  let members: EtcdProcesses

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 1 })
    const client = createEtcdClient({ endpoints: members.endpoints })
    for (let attempt = 0; attempt < 10; attempt++) {
      if (await client.put({ key: 'ready' }).catch(() => undefined)) break
    }
    client.close()
  }, 60_000)
  afterAll(() => members?.stop())

  const options = () => ({ env: { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: members.endpoints.join(',') } })
  const run = (args: readonly string[], input = '') => {
    const { status, stdout, stderr } = spawnSync('etcdctl', args, { ...options(), input, encoding: 'utf8' })
    return { status, stdout: stdout.trimEnd(), stderr }
  }
  const say = (...args: string[]) => run(args).stdout
  const story = (command: string) => ({
    scenario: `A user runs etcdctl ${command}.`,
    rule: 'Our member answers as a real one does; etcdctl cannot tell them apart.',
    source: 'etcd etcdctl/README.md',
    timeoutMs: 30_000,
  })

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
    const first = JSON.parse(say('get', 'fruit/apple', '-w', 'json')).kvs[0]
    expect(first).toMatchObject({ version: 1, create_revision: first.mod_revision })
    say('put', 'fruit/apple', 'green')
    expect(say('get', 'fruit/apple', '--rev', String(first.mod_revision), '--print-value-only')).toBe('red')
    expect(say('put', 'fruit/apple', 'brown', '--prev-kv')).toBe('OK\nfruit/apple\ngreen')
    expect(say('del', 'fruit/apple', '--prev-kv')).toBe('1\nfruit/apple\nbrown')
    expect(say('del', '--prefix', 'fruit/')).toBe('2')
    expect(run(['get', 'x', '--rev', '999999']).stderr).toContain('required revision is a future revision')
  })

  lesson('txn', story('txn'), () => {
    const create = 'mod("t") = "0"\n\nput t created\n\nget t\n\n'
    expect(run(['txn'], create).stdout).toBe('SUCCESS\n\nOK')
    expect(run(['txn'], create).stdout).toBe('FAILURE\n\nt\ncreated')
    const twice = run(['txn'], '\nput t 1\nput t 2\n\n\n')
    expect(twice.stderr).toContain('etcdserver: duplicate key given in txn request')
  })

  lesson('watch from a revision, with prev-kv, and as it happens', story('watch'), async () => {
    say('put', 'w', '1')
    const revision = JSON.parse(say('get', 'w', '-w', 'json')).kvs[0].mod_revision
    say('put', 'w', '2')
    const watch = spawn('etcdctl', ['watch', 'w', '--rev', String(revision), '--prev-kv'], options())
    let output = ''
    const seen = new Promise<void>((resolve) => {
      watch.stdout.on('data', (text) => {
        output += text
        if (output.includes('2') && !output.includes('DELETE')) say('del', 'w')
        if (output.includes('DELETE')) resolve()
      })
    })
    await seen
    watch.kill()
    expect(output.split('\n').filter(Boolean)).toEqual([
      'PUT',
      'w',
      '1',
      'PUT',
      'w',
      '1',
      'w',
      '2',
      'DELETE',
      'w',
      '2',
      'w',
    ])
  })

  lesson('compaction', story('compaction'), () => {
    say('put', 'c', '1')
    say('put', 'c', '2')
    const revision = JSON.parse(say('get', 'c', '-w', 'json')).kvs[0].mod_revision
    expect(say('compaction', String(revision))).toBe(`compacted revision ${revision}`)
    expect(run(['get', 'c', '--rev', String(revision - 1)]).stderr).toContain('required revision has been compacted')
    expect(run(['compaction', String(revision)]).stderr).toContain('required revision has been compacted')
    expect(say('get', 'c', '--print-value-only')).toBe('2')
    const late = run(['watch', 'c', '--rev', '1'])
    expect(late.stderr + late.stdout).toContain('required revision has been compacted')
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
    expect(say('lease', 'timetolive', id)).toContain('already expired')
  })

  lesson('a lease that nobody renews takes its key along', story('lease grant 1'), async () => {
    const id = say('lease', 'grant', '1').match(/^lease ([0-9a-f]+) /)![1]!
    say('put', 'short', 'x', '--lease', id)
    const watch = spawn('etcdctl', ['watch', 'short'], options())
    await new Promise<void>((resolve) => {
      watch.stdout.on('data', (text) => String(text).includes('DELETE') && resolve())
    })
    watch.kill()
    expect(say('get', 'short')).toBe('')
  })

  lesson('lock and elect, which are made of leases, transactions and watches', story('lock, elect'), () => {
    expect(run(['lock', 'mutex', 'echo', 'held']).stdout).toContain('held')
    const election = spawnSync('timeout', ['1', 'etcdctl', 'elect', 'crown', 'me'], { ...options(), encoding: 'utf8' })
    expect(election.stdout).toMatch(/^crown\/[0-9a-f]+\nme/)
  })

  lesson('endpoint and member', story('endpoint health, endpoint status, endpoint hashkv, member list'), () => {
    const health = run(['endpoint', 'health'])
    expect(health.stdout + health.stderr).toContain('is healthy')
    const [{ Status: status }] = JSON.parse(say('endpoint', 'status', '-w', 'json'))
    expect(status.leader).toBe(status.header.member_id)
    expect(status.version).toMatch(/^3\.5\./)
    expect(say('endpoint', 'hashkv')).toMatch(/^127\.0\.0\.1:\d+, \d+$/)
    expect(say('member', 'list')).toMatch(
      /^[0-9a-f]+, started, a, http:\/\/127\.0\.0\.1:\d+, http:\/\/127\.0\.0\.1:\d+, false$/,
    )
    expect(say('alarm', 'list')).toBe('')
  })
})
