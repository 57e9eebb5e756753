/**
 * etcdctl's commands for operators, against our member.
 *
 * All with endpoints that are URLs. etcdctl 3.4 then sends some of these commands with an `:authority` that HTTP/2 does not allow; a member must not mind
 * (kit/etcd-api/url-authority.ts).
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createAuthority } from '#kit/cluster/pki.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import { startRealEtcd } from '#kit/etcd-api/real-etcd.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'
import { serving } from './api/targets.ts'
import { type Etcdctl, etcdctl, etcdctlStory as story } from './etcdctl.ts'

let directory: string
const path = (name: string) => join(directory, name)
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdctl-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describeWith(['etcdctl'], 'etcdctl for operators, in plain text', () => {
  let members: EtcdProcesses
  let client: EtcdClient
  let run: Etcdctl['run']
  let say: Etcdctl['say']
  let url: string

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 1 })
    client = createEtcdClient({ endpoints: members.endpoints })
    await serving(client)
    url = `http://${members.endpoint('a')}`
    ;({ run, say } = etcdctl([url]))
  }, 60_000)
  afterAll(async () => {
    client?.close()
    await members?.stop()
  })

  lesson('endpoint health, status, hashkv', story('endpoint health, endpoint status, endpoint hashkv'), () => {
    for (const endpoint of [url, members.endpoint('a')]) {
      const one = etcdctl([endpoint])
      const health = one.run(['endpoint', 'health'])
      expect(health.stdout + health.stderr).toContain(`${endpoint} is healthy`)
      const [{ Status: status, Endpoint }] = JSON.parse(one.say('endpoint', 'status', '-w', 'json'))
      expect(Endpoint).toBe(endpoint)
      expect(status.leader).toBe(status.header.member_id)
      expect(status.version).toMatch(/^3\.5\./)
      expect(one.say('endpoint', 'hashkv')).toMatch(/^(http:\/\/)?127\.0\.0\.1:\d+, \d+$/)
      expect(one.say('endpoint', 'status', '--cluster')).toContain(url)
    }
  })

  lesson('member list', story('member list'), () => {
    expect(say('member', 'list')).toMatch(
      /^[0-9a-f]+, started, a, http:\/\/127\.0\.0\.1:\d+, http:\/\/127\.0\.0\.1:\d+, false$/,
    )
    expect(JSON.parse(say('member', 'list', '-w', 'json')).members).toHaveLength(1)
  })

  lesson('defrag', story('defrag'), () => {
    expect(say('defrag')).toBe(`Finished defragmenting etcd member[${url}]`)
  })

  lesson('alarm list, alarm disarm', story('alarm list and alarm disarm, after the disk was full'), async () => {
    expect(say('alarm', 'list')).toBe('')
    const { header } = await client.status()
    await client.alarm({ action: 'ACTIVATE', memberID: header!.memberId, alarm: 'NOSPACE' })
    const raised = `memberID:${header!.memberId} alarm:NOSPACE`
    expect(say('alarm', 'list').trim()).toBe(raised)
    expect(run(['put', 'k', 'v']).stderr).toContain('etcdserver: mvcc: database space exceeded')
    const health = run(['endpoint', 'health'])
    expect(health.stdout + health.stderr).toContain('is healthy')
    expect(say('alarm', 'disarm').trim()).toBe(raised)
    expect(say('alarm', 'list')).toBe('')
    expect(say('put', 'k', 'v')).toBe('OK')
  })

  lesson('auth, user and role say that there is no such thing', story('auth enable, user add, role list'), () => {
    for (const command of [
      ['auth', 'enable'],
      ['user', 'add', 'root:secret'],
      ['user', 'list'],
      ['role', 'list'],
    ]) {
      const { status, stderr } = run(command)
      expect(status, command.join(' ')).not.toBe(0)
      expect(stderr).toContain('code = Unimplemented desc = etcdserver: users and roles are not supported')
    }
  })

  lesson('snapshot save, then status', story('snapshot save FILE and snapshot status FILE'), () => {
    say('put', 'saved', '1')
    const { revision } = JSON.parse(say('get', 'saved', '-w', 'json')).header
    expect(say('snapshot', 'save', path('ours.db'))).toBe(`Snapshot saved at ${path('ours.db')}`)
    const status = JSON.parse(say('snapshot', 'status', path('ours.db'), '-w', 'json'))
    expect(status).toMatchObject({ revision, totalKey: expect.any(Number) })
  })

  lesson(
    'a real etcd goes on from our snapshot, with the same history to the last bit',
    { ...story('snapshot save, snapshot restore, and starts the real etcd with what that made'), timeoutMs: 60_000 },
    async () => {
      say('put', 'moved', '1')
      const old = JSON.parse(say('get', 'moved', '-w', 'json')).header.revision
      say('compaction', String(old - 1))
      say('put', 'moved', '2')
      const lease = say('lease', 'grant', '600').split(' ')[1]!
      say('put', 'leased', 'x', '--lease', lease)
      say('del', 'leased-not')
      say('snapshot', 'save', path('moved.db'))
      const real = await startRealEtcd({ snapshot: path('moved.db') })
      try {
        const theirs = etcdctl([real.endpoint])
        expect(theirs.say('get', 'moved', '--print-value-only')).toBe('2')
        expect(theirs.say('get', 'moved', '--rev', String(old), '--print-value-only')).toBe('1')
        expect(theirs.say('lease', 'timetolive', lease, '--keys')).toContain('attached keys([leased])')
        const hash = (one: Etcdctl) => one.say('endpoint', 'hashkv').split(', ')[1]
        expect(hash(theirs)).toBe(hash(etcdctl([url])))
        expect(theirs.say('put', 'moved', '3')).toBe('OK')
      } finally {
        await real.stop()
      }
    },
  )
})

describeWith(['etcdctl'], 'etcdctl for operators, with certificates', () => {
  let members: EtcdProcesses

  beforeAll(async () => {
    const authority = await createAuthority('our authority')
    const member = await authority.issue({ commonName: 'etcd', usages: ['server', 'client'], ips: ['127.0.0.1'] })
    await writeFile(path('ca.crt'), authority.cert)
    await writeFile(path('etcd.crt'), member.cert)
    await writeFile(path('etcd.key'), member.key, { mode: 0o600 })
    members = await startEtcdProcesses({
      members: 1,
      scheme: 'https',
      flags: [
        ...['--cert-file', path('etcd.crt'), '--key-file', path('etcd.key'), '--trusted-ca-file', path('ca.crt')],
        '--client-cert-auth',
        ...['--peer-cert-file', path('etcd.crt'), '--peer-key-file', path('etcd.key')],
        ...['--peer-trusted-ca-file', path('ca.crt')],
      ],
    })
  }, 60_000)
  afterAll(() => members?.stop())

  lesson('the same commands with https://', story('its commands with --cacert, --cert and --key'), async () => {
    const url = `https://${members.endpoint('a')}`
    const flags = ['--cacert', path('ca.crt'), '--cert', path('etcd.crt'), '--key', path('etcd.key')]
    const { run, say } = etcdctl([url], flags)
    for (let attempt = 0; attempt < 10 && run(['put', 'k', 'v']).status !== 0; attempt++);
    expect(say('get', 'k', '--print-value-only')).toBe('v')
    expect(say('endpoint', 'status')).toContain(`${url}, `)
    expect(say('endpoint', 'hashkv')).toContain(`${url}, `)
    expect(say('defrag')).toContain('Finished defragmenting')
    expect(say('snapshot', 'save', path('tls.db'))).toContain('Snapshot saved')
    const [ca, cert, key] = await Promise.all(['ca.crt', 'etcd.crt', 'etcd.key'].map((name) => readFile(path(name))))
    const health = await new Promise((resolve) => get(`${url}/health`, { ca, cert, key }, resolve))
    expect(health, 'a probe in plain HTTP, with a certificate').toMatchObject({ statusCode: 200 })
    const stranger = etcdctl([url], ['--cacert', path('ca.crt'), '--command-timeout', '1s', '--dial-timeout', '1s'])
    expect(stranger.run(['get', 'k']).status).not.toBe(0)
  })
})
