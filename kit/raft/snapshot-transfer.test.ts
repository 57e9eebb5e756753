import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../contracts/log.ts'
import { freePort } from '../etcd-api/real-etcd.ts'
import { until } from '../testing/eventually.ts'
import type { InstallSnapshot } from './messages.ts'
import { type PeerTransport, type PeerTransportOptions, startPeerTransport } from './peer-transport.ts'

const message: InstallSnapshot = {
  type: 'InstallSnapshot',
  from: '1',
  to: '2',
  term: 3,
  snapshot: { index: 700, term: 3, voters: ['1', '2'], learners: [] },
}

/** More than a frame between members may have. */
const BIG_BYTES = 80 << 20

describe('a snapshot between two members', () => {
  let directory: string
  const open: PeerTransport[] = []

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'snapshot-transfer-'))
  })
  afterEach(async () => {
    for (const transport of open.splice(0)) await transport.close()
    await rm(directory, { recursive: true, force: true })
  })

  async function pair(onSnapshot: PeerTransportOptions['onSnapshot'], clusterOfReceiver = 'c') {
    const urls = { sender: `http://127.0.0.1:${await freePort()}`, receiver: `http://127.0.0.1:${await freePort()}` }
    const common = { onFrame: () => {}, log: silentLog }
    const receiver = await startPeerTransport({
      ...common,
      id: '2',
      clusterId: clusterOfReceiver,
      listenUrls: [urls.receiver],
      peers: [],
      ...(onSnapshot && { onSnapshot }),
    })
    const sender = await startPeerTransport({
      ...common,
      id: '1',
      clusterId: 'c',
      listenUrls: [urls.sender],
      peers: [{ id: '2', urls: [urls.receiver] }],
    })
    open.push(receiver, sender)
    await until(() => sender.isConnected('2'), 'the sender reaches the receiver')
    return { sender, receiver }
  }

  async function fileOf(bytes: Buffer): Promise<string> {
    const path = join(directory, 'content')
    await writeFile(path, bytes)
    return path
  }

  it('brings message and content, however large', async () => {
    const content = Buffer.alloc(BIG_BYTES, 'all that there is ')
    const received = await new Promise<{ message: InstallSnapshot; bytes: Buffer }>((resolve) => {
      void pair(async (got, chunks) => {
        const parts: Uint8Array[] = []
        for await (const chunk of chunks) parts.push(chunk)
        resolve({ message: got, bytes: Buffer.concat(parts) })
      }).then(async ({ sender }) => sender.sendSnapshot(message, await fileOf(content)))
    })
    expect(received.message).toMatchObject(message)
    expect(received.bytes.equals(content)).toBe(true)
  })

  it('goes no faster than it is stored, one at a time to each member, and again when one is through', async () => {
    let taken = 0
    let inHand = 0
    let letGo: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const ended: (() => void)[] = []
    const firstEnded = new Promise<void>((resolve) => ended.push(resolve))
    const { sender } = await pair(async (_, chunks) => {
      taken += 1
      for await (const chunk of chunks) {
        inHand += chunk.length
        if (taken === 1) await held
      }
      ended.shift()?.()
    })
    const file = await fileOf(Buffer.alloc(BIG_BYTES, 'x'))
    sender.sendSnapshot(message, file)
    sender.sendSnapshot(message, file)
    await until(() => inHand > 0, 'the receiver has begun')
    sender.sendSnapshot(message, file)
    expect(inHand, 'bytes that were handed over while nothing is stored').toBeLessThan(1 << 20)
    letGo()
    await firstEnded
    expect(taken).toBe(1)
    expect(inHand).toBe(BIG_BYTES)
    await until(() => {
      sender.sendSnapshot(message, file)
      return taken === 2
    }, 'a transfer goes through again')
  })

  it('that is cut off says so to who stores it', async () => {
    const failures: string[] = []
    const { sender } = await pair(async (_, chunks) => {
      try {
        for await (const _chunk of chunks) void sender.close()
      } catch (error) {
        failures.push((error as Error).message)
      }
    })
    sender.sendSnapshot(message, await fileOf(Buffer.alloc(BIG_BYTES, 'x')))
    await until(() => failures.length > 0, 'the transfer fails')
    expect(failures[0]).toMatch(/ended after \d+ of|aborted|ECONNRESET|closed/i)
  })

  it('is not taken from another cluster', async () => {
    let taken = 0
    const { sender, receiver } = await pair(async () => {
      taken += 1
    }, 'another')
    sender.sendSnapshot(message, await fileOf(Buffer.from('content')))
    await until(() => !sender.isConnected('2'), 'the sender notices that the receiver is gone')
    await receiver.close()
    expect(taken).toBe(0)
  })
})
