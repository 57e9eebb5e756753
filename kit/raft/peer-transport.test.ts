/**
 * Peers over real sockets on loopback: who is listened to, who is told that it was removed, and who is found without having been named.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../contracts/log.ts'
import { freePort } from '../etcd-api/real-etcd.ts'
import { until } from '../testing/eventually.ts'
import { askForMembers } from './peer-question.ts'
import { type PeerTransport, type PeerTransportOptions, startPeerTransport } from './peer-transport.ts'

const open: PeerTransport[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()))
})

interface Member {
  readonly transport: PeerTransport
  readonly url: string
  /** From whom frames came, in order. */
  readonly heard: string[]
}

async function start(id: string, different: Partial<PeerTransportOptions> = {}): Promise<Member> {
  const url = `http://127.0.0.1:${await freePort()}`
  const heard: string[] = []
  const transport = await startPeerTransport({
    id,
    clusterId: '7',
    listenUrls: [url],
    peers: [],
    onFrame: (from) => heard.push(from),
    log: silentLog,
    ...different,
  })
  open.push(transport)
  return { transport, url, heard }
}

const frame = { leaseCall: { kind: 'Renew', lease: '1' }, callId: 1 } as const

/** Sends until it arrives: connections take a moment. */
const reaches = (from: Member, to: string, receiver: Member, sender: string) =>
  until(() => {
    from.transport.send(to, frame)
    return receiver.heard.includes(sender)
  }, `${receiver.url} hears ${sender}`)

describe('peer transport', () => {
  it('answers a caller that it did not know', async () => {
    const a = await start('a')
    const b = await start('b', { peers: [{ id: 'a', urls: [a.url] }] })
    expect(a.transport.send('b', frame), 'before b has called').toBe(false)
    await reaches(b, 'a', a, 'b')
    await reaches(a, 'b', b, 'a')
  })

  it('keeps whom it met when it is told who the others are, until they are removed', async () => {
    const removed = new Set<string>()
    const a = await start('a', { isRemoved: (id) => removed.has(id) })
    const b = await start('b', { peers: [{ id: 'a', urls: [a.url] }] })
    await reaches(b, 'a', a, 'b')
    a.transport.setPeers([])
    await reaches(a, 'b', b, 'a')
    removed.add('b')
    a.transport.setPeers([])
    expect(a.transport.isConnected('b')).toBe(false)
  })

  it('follows a peer to its new address', async () => {
    const a = await start('a')
    const before = await start('b')
    const after = await start('b')
    a.transport.setPeers([{ id: 'b', urls: [before.url] }])
    await reaches(a, 'b', before, 'a')
    a.transport.setPeers([{ id: 'b', urls: [after.url] }])
    await reaches(a, 'b', after, 'a')
  })

  it('tries all addresses of a peer', async () => {
    const a = await start('a')
    const b = await start('b')
    a.transport.setPeers([{ id: 'b', urls: [`http://127.0.0.1:${await freePort()}`, b.url] }])
    await reaches(a, 'b', b, 'a')
  })

  it('tells one that was removed, and does not listen to it', async () => {
    let isTold = false
    const a = await start('a', { isRemoved: (id) => id === 'b' })
    const b = await start('b', {
      peers: [{ id: 'a', urls: [a.url] }],
      onRemoved: () => {
        isTold = true
      },
    })
    await until(() => {
      b.transport.send('a', frame)
      return isTold
    }, 'b is told')
    expect(a.heard).toEqual([])
  })

  it('refuses members of other clusters', async () => {
    const a = await start('a')
    const b = await start('b', { clusterId: '8', peers: [{ id: 'a', urls: [a.url] }] })
    await until(() => b.transport.send('a', frame), 'b has sent')
    await until(() => !b.transport.isConnected('a'), 'b is disconnected')
    expect(a.heard).toEqual([])
  })

  it('tells one who wants to join who the members are', async () => {
    const description = { clusterId: '7', founders: [], members: [{ id: '1', name: 'a', peerURLs: ['http://x:1'] }] }
    const a = await start('a', { describeCluster: () => description })
    expect(await askForMembers(a.url, undefined)).toEqual(description)
    await a.transport.close()
    await expect(askForMembers(a.url, undefined)).rejects.toThrow(a.url)
  })
})
