/**
 * Members come and go while clients write: real processes, and the real etcdctl as an operator would use it.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type EtcdProcesses, startEtcdProcesses } from '#kit/cluster/etcd-processes.ts'
import { createAuthority } from '#kit/cluster/pki.ts'
import { createEtcdClient, type EtcdClient } from '#kit/etcd-api/client.ts'
import { eventually } from '#kit/testing/eventually.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { describeWith } from '#kit/testing/tools.ts'

/** So that newcomers need a snapshot, and restarted members read from one who the members are. */
const SHORT_LOGS = ['--snapshot-count', '50', '--experimental-snapshot-catchup-entries', '10']
const REMOVED = 'the member has been permanently removed from the cluster'

/** What etcdctl prints, or what it complains of. */
function runEtcdctl(endpoint: string, ...args: string[]): string {
  const env = { ...process.env, ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoint }
  const { stdout, stderr, status } = spawnSync('etcdctl', args, { env, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : `Error: ${stderr.slice(stderr.lastIndexOf('Error: ') + 7).trim()}`
}

function listMembers(endpoint: string) {
  return runEtcdctl(endpoint, 'member', 'list')
    .split('\n')
    .map((line) => {
      const [id, status, called, peerUrl, clientUrl, isLearner] = line.split(', ')
      return { id: id!, status, called, peerUrl, clientUrl, isLearner }
    })
}

for (const program of ['ours', 'real'] as const) {
  describeWith(program === 'ours' ? ['etcdctl'] : ['etcd', 'etcdctl'], `what an operator is told (${program})`, () => {
    let members: EtcdProcesses

    beforeAll(async () => {
      members = await startEtcdProcesses({ members: 1, program })
      await eventually(() => expect(listMembers(members.endpoint('a'))[0]!.status).toBe('started'))
    }, 60_000)
    afterAll(() => members?.stop())

    lesson(
      'when adding a learner, and when making the mistakes that one can make',
      {
        scenario:
          'The operator adds b as a learner to a cluster of one, and before it is started asks for eight things that cannot be.',
        rule: 'What contradicts what is, or would endanger the cluster, is refused; in the words of the real etcd.',
        source: 'etcd etcdctl/README.md, MEMBER; api/v3rpc/rpctypes/error.go',
        timeoutMs: 30_000,
      },
      async () => {
        const etcdctl = (...args: string[]) => runEtcdctl(members.endpoint('a'), ...args)
        const list = () => listMembers(members.endpoint('a'))
        const b = await members.reserve()
        const peer = members.peerUrl(b)
        const said = etcdctl('member', 'add', b, '--learner', `--peer-urls=${peer}`)
        expect(said.split('\n')).toEqual([
          expect.stringMatching(/^Member +[0-9a-f]+ added to cluster +[0-9a-f]+$/),
          '',
          'ETCD_NAME="b"',
          `ETCD_INITIAL_CLUSTER="${list()
            .map((member) => `${member.called || 'b'}=${member.peerUrl}`)
            .join(',')}"`,
          `ETCD_INITIAL_ADVERTISE_PEER_URLS="${peer}"`,
          'ETCD_INITIAL_CLUSTER_STATE="existing"',
        ])
        const added = list().find(({ peerUrl }) => peerUrl === peer)!
        expect(added, 'before it is started').toMatchObject({ status: 'unstarted', called: '', isLearner: 'true' })
        const self = list().find(({ called }) => called === 'a')!.id
        const nowhere = '--peer-urls=http://127.0.0.1:1'
        expect({
          'its address again': etcdctl('member', 'add', 'x', `--peer-urls=${peer},http://127.0.0.1:1`),
          'a second learner': etcdctl('member', 'add', 'x', '--learner', nowhere),
          'promoted before it has the log': etcdctl('member', 'promote', added.id),
          'a voter promoted': etcdctl('member', 'promote', self),
          'a stranger promoted': etcdctl('member', 'promote', 'abc'),
          'a stranger removed': etcdctl('member', 'remove', 'abc'),
          'a stranger updated': etcdctl('member', 'update', 'abc', nowhere),
          'updated to the address of another': etcdctl('member', 'update', self, `--peer-urls=${peer}`),
          'the only voter removed': etcdctl('member', 'remove', self),
        }).toEqual({
          'its address again': 'Error: etcdserver: Peer URLs already exists',
          'a second learner': 'Error: etcdserver: too many learner members in cluster',
          'promoted before it has the log':
            'Error: etcdserver: can only promote a learner member which is in sync with leader',
          'a voter promoted': 'Error: etcdserver: can only promote a learner member',
          'a stranger promoted': 'Error: etcdserver: member not found',
          'a stranger removed': 'Error: etcdserver: member not found',
          'a stranger updated': 'Error: etcdserver: member not found',
          'updated to the address of another': 'Error: etcdserver: Peer URLs already exists',
          'the only voter removed': 'Error: etcdserver: re-configuration failed due to not enough started members',
        })
        expect(etcdctl('member', 'remove', added.id)).toMatch(/^Member +[0-9a-f]+ removed from cluster +[0-9a-f]+$/)
        expect(list(), 'who is left').toHaveLength(1)
        expect(etcdctl('member', 'promote', added.id), 'an id that was removed').toBe(
          'Error: etcdserver: member not found',
        )
      },
    )
  })
}

describeWith(['etcdctl'], 'newcomers, with certificates', () => {
  let members: EtcdProcesses
  let directory: string
  const path = (name: string) => join(directory, name)
  const etcdctl = (...args: string[]) =>
    runEtcdctl(
      `https://${members.endpoint('a')}`,
      ...['--cacert', path('ca.crt'), '--cert', path('etcd.crt'), '--key', path('etcd.key'), ...args],
    )

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'etcd-newcomers-'))
    const authority = await createAuthority('our authority')
    const pair = await authority.issue({ commonName: 'etcd', usages: ['server', 'client'], ips: ['127.0.0.1'] })
    await writeFile(path('ca.crt'), authority.cert)
    await writeFile(path('etcd.crt'), pair.cert)
    await writeFile(path('etcd.key'), pair.key, { mode: 0o600 })
    members = await startEtcdProcesses({
      members: 1,
      scheme: 'https',
      flags: [
        ...['--cert-file', path('etcd.crt'), '--key-file', path('etcd.key'), '--trusted-ca-file', path('ca.crt')],
        ...['--peer-cert-file', path('etcd.crt'), '--peer-key-file', path('etcd.key')],
        ...['--peer-trusted-ca-file', path('ca.crt')],
      ],
    })
    await eventually(() => expect(etcdctl('put', 'ready', '')).toBe('OK'))
  }, 60_000)
  afterAll(async () => {
    await members?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  lesson(
    'are told why they cannot join, and join when they can',
    {
      scenario:
        'b starts before it is added; with members named that nobody knows; then when it is added. c is told to join where nobody is.',
      rule: 'A member that joins must name the members that are, itself among them, so that nobody joins the wrong cluster.',
      source: 'etcd server/etcdserver/bootstrap.go, ValidateClusterAndAssignIDs',
      timeoutMs: 60_000,
    },
    async () => {
      const [b, c] = [await members.reserve(), await members.reserve()]
      const at = (name: string) => `${name}=${members.peerUrl(name)}`
      const startAndFail = async (name: string, joining: string) => {
        members.start(name, joining)
        expect(await members.exited(name), 'how it ended').toBe(1)
        return members.output(name)
      }
      const [tooEarly, nowhere] = await Promise.all([
        startAndFail(b, [at('a'), at(b)].join(',')),
        startAndFail(c, `${at(c)},x=https://127.0.0.1:1`),
      ])
      expect(tooEarly).toContain('member count is unequal: --initial-cluster names 2')
      expect(nowhere).toContain('cannot join the cluster: https://127.0.0.1:1')

      expect(etcdctl('member', 'add', b, `--peer-urls=${members.peerUrl(b)}`)).toContain('added to cluster')
      expect(await startAndFail(b, `${at('a')},${b}=https://127.0.0.1:1`)).toContain(
        `PeerURLs: no match found for existing member (${members.peerUrl(b)})`,
      )
      members.start(b, [at('a'), at(b)].join(','))
      await eventually(() => expect(etcdctl('member', 'list')).toMatch(/started, b/))
      await eventually(() => expect(etcdctl('put', 'decided by', 'two')).toBe('OK'))
    },
  )
})

describeWith(['etcdctl'], 'members that come and go', () => {
  let members: EtcdProcesses
  let writer: ReturnType<typeof keepWriting>
  /** Whom clients may ask now. */
  let present = ['a']

  beforeAll(async () => {
    members = await startEtcdProcesses({ members: 1, flags: SHORT_LOGS })
    await eventually(() => ask('a', (client) => client.put({ key: 'ready' })))
    writer = keepWriting(() => present.map(members.endpoint))
  }, 60_000)
  afterAll(async () => {
    await writer?.stop()
    await members?.stop()
  })

  const ask = async <Answer>(name: string, question: (client: EtcdClient) => Promise<Answer>): Promise<Answer> => {
    const client = createEtcdClient({ endpoints: [members.endpoint(name)], timeoutMs: 10_000 })
    return question(client).finally(() => client.close())
  }

  const etcdctl = (name: string, ...args: string[]) => runEtcdctl(members.endpoint(name), ...args)
  /** The same, tried until it succeeds. */
  const succeed = (name: string, ...args: string[]) =>
    eventually(() => {
      const said = etcdctl(name, ...args)
      if (said.startsWith('Error:')) throw new Error(`etcdctl ${args.join(' ')}: ${said}`)
      return said
    })
  const list = (name: string) => listMembers(members.endpoint(name))
  const idOf = (asked: string, name: string) => list(asked).find(({ called }) => called === name)!.id
  const namesIn = (asked: string) =>
    list(asked)
      .map(({ called }) => called)
      .sort()
  const initialCluster = (...names: string[]) => names.map((name) => `${name}=${members.peerUrl(name)}`).join(',')
  const leader = () =>
    eventually(async () => {
      for (const name of present) {
        const status = await ask(name, (client) => client.status()).catch(() => undefined)
        if (status && status.leader !== '0' && status.leader === status.header?.memberId) return name
      }
      throw new Error('no leader')
    })
  const sameHashes = () =>
    eventually(async () => {
      const answers = await Promise.all(present.map((name) => ask(name, (client) => client.hashKV({ revision: 2 }))))
      const all = await Promise.all(present.map((name) => ask(name, (client) => client.status())))
      const distinct = new Set(answers.map(({ hash }) => hash))
      if (distinct.size > 1) throw new Error(`members differ: ${JSON.stringify(all)}`)
    })

  lesson(
    'a cluster of one takes a learner, which serves only what may be stale',
    {
      scenario: 'The operator adds b as a learner and starts it.',
      rule: 'A learner gets the log and has no say, and cannot know whether what it has is fresh.',
      source: "Ongaro's thesis §4.2.1; etcd etcdctl/README.md, MEMBER ADD",
      timeoutMs: 60_000,
    },
    async () => {
      const b = await members.reserve()
      await succeed('a', 'member', 'add', b, '--learner', `--peer-urls=${members.peerUrl(b)}`)
      members.start(b, initialCluster('a', 'b'))
      await eventually(() =>
        expect(list('a').find(({ called }) => called === 'b')).toMatchObject({ status: 'started', isLearner: 'true' }),
      )
      const [stale, fresh, write] = [
        ['get', 'ready', '--consistency=s'],
        ['get', 'ready'],
        ['put', 'x', 'y'],
      ]
      await eventually(() => expect(etcdctl('b', ...stale!)).toBe('ready'))
      for (const args of [fresh!, write!]) {
        expect(etcdctl('b', '--command-timeout=1s', ...args), args.join(' ')).toMatch(
          /rpc not supported for learner|context deadline exceeded/,
        )
      }
      await expect(ask('b', (client) => client.range({ key: 'ready' }))).rejects.toMatchObject({
        message: 'etcdserver: rpc not supported for learner',
      })
    },
  )

  lesson(
    'the learner is promoted, a third is added, and all three hold the same',
    {
      scenario: 'b is promoted by way of a; c is added by way of b, which does not lead. Clients write all the while.',
      rule: 'Any member takes a change and passes it to the leader; from then on the newcomer has a vote.',
      source: 'etcd, "Runtime reconfiguration"',
      timeoutMs: 60_000,
    },
    async () => {
      const promoted = await succeed('a', 'member', 'promote', idOf('a', 'b'))
      expect(promoted).toMatch(/^Member +[0-9a-f]+ promoted in cluster +[0-9a-f]+$/)
      present = ['a', 'b']
      await eventually(() => expect(list('b').map(({ isLearner }) => isLearner)).toEqual(['false', 'false']))
      const c = await members.reserve()
      await succeed('b', 'member', 'add', c, `--peer-urls=${members.peerUrl(c)}`)
      expect(etcdctl('a', 'member', 'add', 'x', '--peer-urls=http://127.0.0.1:1'), 'a fourth, before c runs').toBe(
        'Error: etcdserver: re-configuration failed due to not enough started members',
      )
      members.start(c, initialCluster('a', 'b', 'c'))
      await eventually(() => expect(namesIn('c')).toEqual(['a', 'b', 'c']))
      present = ['a', 'b', 'c']
      await writer.progress(20)
      await sameHashes()
    },
  )

  lesson(
    'refuses to grow while it is not well, and lets a member move',
    {
      scenario:
        'b is killed, and the operator adds a fourth voter. Later b is back, and is told to be reached by another name of its machine.',
      rule: 'A cluster that could not bear another member that fails must not take one.',
      source: 'etcd, "Strict reconfiguration check"',
      timeoutMs: 60_000,
    },
    async () => {
      await members.kill('b')
      const refusal = 'Error: etcdserver: unhealthy cluster'
      const add = () => etcdctl('a', 'member', 'add', 'x', '--peer-urls=http://127.0.0.1:1')
      await eventually(() => expect(add(), 'adding a fourth while one of three is down').toBe(refusal))
      members.start('b')
      await eventually(() => expect(namesIn('b')).toEqual(['a', 'b', 'c']))

      const elsewhere = members.peerUrl('b').replace('127.0.0.1', 'localhost')
      const moved = await succeed('c', 'member', 'update', idOf('a', 'b'), `--peer-urls=${elsewhere}`)
      expect(moved).toMatch(/^Member +[0-9a-f]+ updated in cluster +[0-9a-f]+$/)
      await eventually(() => {
        for (const name of present) {
          expect(list(name).find(({ called }) => called === 'b')!.peerUrl, `b's address as ${name} has it`).toBe(
            elsewhere,
          )
        }
      })
      await writer.progress(20)
    },
  )

  lesson(
    'the leader is removed: it says so and ends, and never starts again from its data',
    {
      scenario: 'Whoever leads is removed, by way of another. Then its process is started again.',
      rule: 'The others elect and go on. An id that was removed never comes back.',
      source: 'Ongaro\'s thesis §4.2.2; etcd, "Remove a member"',
      timeoutMs: 60_000,
    },
    async () => {
      const removed = await leader()
      const other = present.find((name) => name !== removed)!
      present = present.filter((name) => name !== removed)
      const said = await succeed(other, 'member', 'remove', idOf(other, removed))
      expect(said).toMatch(/^Member +[0-9a-f]+ removed from cluster +[0-9a-f]+$/)
      expect(await members.exited(removed), 'how its process ended').toBe(0)
      expect(members.output(removed)).toContain(REMOVED)
      await writer.progress(20)
      expect(namesIn(other)).toEqual(present)
      members.start(removed)
      expect(await members.exited(removed), 'how it ended when it was started again').toBe(1)
      expect(members.output(removed)).toContain(`could not start: ${REMOVED}`)
    },
  )

  lesson(
    'a member that was down while it was removed learns of it from the others',
    {
      scenario: 'Of the two that are left, the one that does not lead is killed, removed, and started again.',
      rule: 'Who is no member any more is told so when it calls, and not listened to.',
      source: 'etcd server/etcdserver/api/rafthttp (ErrMemberRemoved)',
      timeoutMs: 60_000,
    },
    async () => {
      // With two voters, one of which is down, nothing can be decided: a third helps.
      const d = await members.reserve()
      const [first, second] = present as [string, string]
      await succeed(first, 'member', 'add', d, '--learner', `--peer-urls=${members.peerUrl(d)}`)
      members.start(
        d,
        `${list(first)
          .map(({ called, peerUrl }) => `${called || d}=${peerUrl}`)
          .join(',')}`,
      )
      await eventually(() => expect(list(first).find(({ called }) => called === d)?.status).toBe('started'))
      await succeed(first, 'member', 'promote', idOf(first, d))
      present = [first, second, d]
      const leads = await leader()
      const gone = present.find((name) => name !== leads)!
      await members.kill(gone)
      present = present.filter((name) => name !== gone)
      await succeed(leads, 'member', 'remove', idOf(leads, gone))
      members.start(gone)
      expect(await members.exited(gone), 'how its process ended').toBe(0)
      expect(members.output(gone)).toContain(REMOVED)
      await writer.progress(20)
      await sameHashes()
    },
  )

  lesson(
    'shrinks to one, which starts again alone, and no acknowledged write is lost',
    {
      scenario: 'All but one are removed. The last is killed and started with the flags of the very beginning.',
      rule: 'Who is a member is in the log; flags count only for the first start. What was acknowledged stays.',
      source: 'etcd, "KV API guarantees"; Ongaro\'s thesis §4.1',
      timeoutMs: 60_000,
    },
    async () => {
      const last = await leader()
      for (const name of present.filter((one) => one !== last)) {
        await succeed(last, 'member', 'remove', idOf(last, name))
        present = present.filter((one) => one !== name)
        expect(await members.exited(name)).toBe(0)
      }
      await writer.progress(20)
      const acknowledged = await writer.stop()
      await members.kill(last)
      members.start(last)
      const { kvs } = await eventually(() => ask(last, (client) => client.range({ key: 'w/', rangeEnd: 'w0' })))
      const kept = new Set(kvs.map(({ key }) => key.toString()))
      expect(acknowledged.length, 'acknowledged writes').toBeGreaterThan(100)
      expect(
        acknowledged.filter((key) => !kept.has(key)),
        'acknowledged, and lost',
      ).toEqual([])
      expect(namesIn(last)).toEqual([last])
    },
  )
})

/** One client that writes one key after the other, whoever is there. */
function keepWriting(endpoints: () => readonly string[]) {
  const acknowledged: string[] = []
  let isStopped = false
  const writing = (async () => {
    for (let count = 0; !isStopped; count++) {
      const key = `w/${String(count).padStart(5, '0')}`
      const client = createEtcdClient({ endpoints: endpoints(), timeoutMs: 3000 })
      // A write whose fate is unknown is not tried again: it must not be counted, whether it happened or not.
      await client.put({ key, value: 'x' }).then(
        () => acknowledged.push(key),
        () => new Promise((resolve) => setTimeout(resolve, 50)),
      )
      client.close()
    }
  })()
  return {
    /** Resolves after so many more writes were acknowledged. */
    async progress(count: number) {
      const target = acknowledged.length + count
      await eventually(() => expect(acknowledged.length, 'acknowledged writes').toBeGreaterThanOrEqual(target))
    },
    async stop(): Promise<readonly string[]> {
      isStopped = true
      await writing
      return acknowledged
    },
  }
}
