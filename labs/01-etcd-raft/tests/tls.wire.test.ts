/**
 * Mutual TLS between members, and between members and clients.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createAuthority } from '#kit/cluster/pki.ts'
import { createEtcdClient } from '#kit/etcd-api/client.ts'
import { lesson } from '#kit/testing/lesson.ts'

describe('three members with certificates', () => {
  let members: EtcdProcesses
  let directory: string
  let tls: { ca: string; cert: string; key: string }
  let stranger: { cert: string; key: string }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etcd-tls-'))
    const authority = await createAuthority('our authority')
    const member = await authority.issue({ commonName: 'etcd', usages: ['server', 'client'], ips: ['127.0.0.1'] })
    const client = await authority.issue({ commonName: 'a client', usages: ['client'] })
    stranger = await (await createAuthority('another authority')).issue({ commonName: 'a client', usages: ['client'] })
    tls = { ca: authority.cert, ...client }
    const path = (name: string) => join(directory, name)
    await writeFile(path('ca.crt'), authority.cert)
    await writeFile(path('etcd.crt'), member.cert)
    await writeFile(path('etcd.key'), member.key, { mode: 0o600 })
    members = await startEtcdProcesses({
      members: 3,
      scheme: 'https',
      flags: [
        ...['--cert-file', path('etcd.crt'), '--key-file', path('etcd.key'), '--trusted-ca-file', path('ca.crt')],
        '--client-cert-auth',
        ...['--peer-cert-file', path('etcd.crt'), '--peer-key-file', path('etcd.key')],
        ...['--peer-trusted-ca-file', path('ca.crt')],
      ],
    })
  }, 60_000)
  afterAll(async () => {
    await members?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  const story = {
    scenario: 'Members and clients have certificates of one authority; a stranger has one of another, or none.',
    rule: 'Only who shows a certificate of the trusted authority is heard, by members and by clients.',
    source: 'etcd, "Transport security model"',
    timeoutMs: 60_000,
  }

  lesson('agree with each other, and serve a client of the same authority', story, async () => {
    const client = createEtcdClient({ endpoints: members.endpoints, tls })
    for (;;) {
      const done = await client.put({ key: 'secret', value: 'x' }).catch(() => undefined)
      if (done) break
    }
    for (const endpoint of members.endpoints) {
      const one = createEtcdClient({ endpoints: [endpoint], tls })
      expect((await one.range({ key: 'secret' })).count).toBe(1)
      one.close()
    }
    client.close()
  })

  lesson('refuse clients without a certificate of that authority', story, async () => {
    for (const own of [{}, stranger]) {
      const endpoints = [members.endpoint('a')]
      const client = createEtcdClient({ endpoints, tls: { ca: tls.ca, ...own }, timeoutMs: 1500 })
      await expect(client.range({ key: 'secret' })).rejects.toMatchObject({ name: 'EtcdError' })
      client.close()
    }
  })

  lesson('refuse peers without one', story, async () => {
    const peer = connect({ ...members.peerAddress('a'), ca: tls.ca, ...stranger })
    const ended = await new Promise((resolve) => {
      peer.on('error', () => resolve('refused'))
      peer.on('close', () => resolve('refused'))
      setTimeout(() => resolve('still open'), 5000)
    })
    expect(ended).toBe('refused')
  })
})
