import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { constants, createDeflate } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { createRandom } from '../sim/random.ts'
import { FrameReader, ProtocolError } from './frame-reader.ts'
import { encodeFrame, type Frame } from './frames.ts'
import { HeaderReader, HeaderWriter, type SpdyHeaders } from './header-block.ts'
import { headerDictionary } from './header-dictionary.ts'
import { SpdySession, type SpdySessionOptions } from './session.ts'
import type { SpdyStream } from './stream.ts'

const frames = (...sent: Frame[]) => {
  const writer = new HeaderWriter()
  return Buffer.concat(sent.map((frame) => encodeFrame(frame, writer)))
}

describe('header blocks', () => {
  it('written here can be read again, one after the other', () => {
    const writer = new HeaderWriter()
    const reader = new HeaderReader()
    const all: SpdyHeaders[] = [
      { streamtype: 'stdin' },
      {},
      { streamtype: 'data', port: '80' },
      { x: 'é'.repeat(30_000) },
    ]
    for (const headers of all) {
      expect({ ...reader.read(writer.write(headers)) }).toEqual(headers)
    }
  })

  it('of a compressor that remembers what it sent, and knows the dictionary, are understood', async () => {
    const deflate = createDeflate({ dictionary: headerDictionary })
    const reader = new HeaderReader()
    for (let number = 0; number < 50; number++) {
      const chunks: Buffer[] = []
      deflate.on('data', (chunk) => chunks.push(chunk))
      const value = `request ${number} `.repeat(100)
      const plain = Buffer.concat(
        [Buffer.from('url'), Buffer.from(value)].flatMap((part) => [uint32(part.length), part]),
      )
      deflate.write(Buffer.concat([uint32(1), plain]))
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
      deflate.removeAllListeners('data')
      expect(reader.read(Buffer.concat(chunks)).url).toBe(value)
    }
  })

  it('that are broken, or far too long when unpacked, are refused', () => {
    expect(() => new HeaderReader().read(Buffer.from('nonsense'))).toThrow()
    expect(() => new HeaderReader().read(Buffer.alloc(0))).toThrow()
    expect(() => new HeaderReader().read(new HeaderWriter().write({ x: 'y'.repeat(70_000) }))).toThrow()
    const cut = Buffer.concat([Buffer.from([0x78, 1, 0, 6, 0, 0xf9, 0xff]), uint32(7), Buffer.alloc(2)])
    expect(() => new HeaderReader().read(cut)).toThrow()
  })
})

describe('the frame reader', () => {
  const sent: Frame[] = [
    { type: 'syn-stream', id: 1, headers: { streamtype: 'stdin' }, fin: false },
    { type: 'syn-reply', id: 1, headers: {}, fin: false },
    { type: 'data', id: 1, bytes: Buffer.from('hello'), fin: true },
    { type: 'headers', id: 1, headers: { a: 'b' }, fin: true },
    { type: 'rst-stream', id: 1, status: 5 },
    { type: 'ping', id: 7 },
    { type: 'go-away', lastGoodId: 1, status: 0 },
  ]

  it('finds the same frames however the bytes are cut', () => {
    const bytes = frames(...sent)
    for (const size of [1, 2, 3, 7, 8, 9, bytes.length]) {
      const reader = new FrameReader()
      const read: Frame[] = []
      for (let start = 0; start < bytes.length; start += size) {
        read.push(...reader.read(bytes.subarray(start, start + size)))
      }
      const data = read.filter((frame) => frame.type === 'data')
      expect(Buffer.concat(data.map((frame) => frame.bytes)).toString()).toBe('hello')
      expect(data.map((frame) => frame.fin).indexOf(true)).toBe(data.length - 1)
      const others = (list: Frame[]) => JSON.stringify(list.filter((frame) => frame.type !== 'data'))
      expect(others(read)).toBe(others(sent))
    }
  })

  it('hands on a long data frame in pieces, and keeps none of it', () => {
    const reader = new FrameReader()
    const head = Buffer.from([0, 0, 0, 1, 1, 0xff, 0xff, 0xff])
    expect([...reader.read(head)]).toEqual([])
    const [piece] = [...reader.read(Buffer.alloc(1000))]
    expect(piece).toMatchObject({ type: 'data', id: 1, fin: false })
  })

  it('skips what it does not know, and refuses what cannot be', () => {
    const skipped = Buffer.from([0x80, 3, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0x80, 3, 0, 99, 0, 0, 0, 0])
    expect([...new FrameReader().read(skipped)]).toEqual([])
    const refused = [
      [0x80, 2, 0, 1, 0, 0, 0, 0],
      [0x80, 3, 0, 1, 0, 0xff, 0, 0],
      [0x80, 3, 0, 1, 0, 0, 0, 2, 0, 0],
      [0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5],
      [0x80, 3, 0, 6, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0],
    ]
    for (const bytes of refused) expect(() => [...new FrameReader().read(Buffer.from(bytes))]).toThrow(ProtocolError)
  })
})

describe('a session', () => {
  const open: Socket[] = []
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy()
  })

  async function sockets(): Promise<[Socket, Socket]> {
    const server = createServer({ allowHalfOpen: false })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = dial((server.address() as { port: number }).port, '127.0.0.1')
    const [accepted] = await once(server, 'connection')
    server.close()
    open.push(client, accepted)
    return [client, accepted]
  }

  async function sessions(onStream?: SpdySessionOptions['onStream']) {
    const [near, far] = await sockets()
    const client = new SpdySession(near, { isServer: false })
    const server = new SpdySession(far, { isServer: true, ...(onStream && { onStream }) })
    return { client, server, near, far }
  }

  it('carries streams both ways, each of whose directions ends by itself', async () => {
    const { client, server } = await sessions((stream) => {
      stream.write(`${stream.headers.streamtype}: `)
      stream.pipe(stream)
    })
    const stream = client.openStream({ streamtype: 'data' })
    stream.end('question')
    expect(await text(stream)).toBe('data: question')
    await expect.poll(() => [client.streamCount, server.streamCount]).toEqual([0, 0])
  })

  it('carries many at once and mixes none of them up', async () => {
    const { client } = await sessions((stream) => stream.pipe(stream))
    const echoes = Array.from({ length: 50 }, async (_, number) => {
      const stream = client.openStream({})
      const sent = `${number}-`.repeat(20_000)
      stream.end(sent)
      expect((await text(stream)) === sent).toBe(true)
    })
    await Promise.all(echoes)
  })

  it('holds the sender back when the reader is slow, and loses nothing', async () => {
    let received: SpdyStream | undefined
    const { client, near, far } = await sessions((stream) => {
      received = stream
    })
    const stream = client.openStream({})
    const total = 20 * 1024 * 1024
    const chunk = Buffer.alloc(256 * 1024, 'x')
    let sent = 0
    let isWaiting = false
    const write = () => {
      isWaiting = false
      while (sent < total && !isWaiting) {
        sent += chunk.length
        isWaiting = !stream.write(chunk, () => {})
      }
      if (sent >= total) stream.end()
    }
    stream.on('drain', write)
    write()
    // Nobody reads: all buffers on the way fill up, ours and the kernel's, and then it stops.
    await expect.poll(() => far.isPaused()).toBe(true)
    const held = () => near.writableLength + stream.writableLength + (received?.readableLength ?? 0)
    expect(held()).toBeLessThan(4 * 1024 * 1024)
    let bytes = 0
    received!.on('data', (data: Buffer) => {
      bytes += data.length
    })
    await once(received!, 'end')
    expect(bytes).toBe(total)
  })

  it('tells the peer of a stream that was given up', async () => {
    let received: SpdyStream | undefined
    const { client } = await sessions((stream) => {
      received = stream.resume()
    })
    const stream = client.openStream({})
    await expect.poll(() => received).toBeDefined()
    stream.destroy()
    await once(received!, 'close')
    expect(received!.writableEnded).toBe(true)
  })

  it('keeps what was said before a stream was reset, for whoever reads late', async () => {
    const { client } = await sessions((stream) => stream.write('last words', () => stream.destroy()))
    const stream = client.openStream({})
    await once(stream, 'readable')
    await expect.poll(() => stream.writableFinished).toBe(true)
    expect(await text(stream)).toBe('last words')
  })

  it('closes when either end says so, after what was said before', async () => {
    const { client, server } = await sessions((stream) => {
      stream.end('good-bye')
      server.close()
    })
    const stream = client.openStream({})
    const said = text(stream)
    stream.end()
    expect(await said).toBe('good-bye')
    await Promise.all([client.closed, server.closed])
  })

  it('ends all its streams when the connection breaks, and what had come can still be read', async () => {
    const { client, far } = await sessions((stream) => stream.write('half'))
    const stream = client.openStream({})
    await once(stream, 'readable')
    far.destroy()
    await client.closed
    expect(await text(stream)).toBe('half')
  })

  it('answers pings', async () => {
    const [near, far] = await sockets()
    new SpdySession(far, { isServer: true })
    near.write(frames({ type: 'ping', id: 1 }))
    const [answer] = await once(near, 'data')
    expect([...new FrameReader().read(answer)]).toEqual([{ type: 'ping', id: 1 }])
  })

  it('resets streams that may not be opened, and data of streams that never were', async () => {
    const [near, far] = await sockets()
    new SpdySession(far, { isServer: true, onStream: (stream) => stream.resume() })
    const syn = (id: number): Frame => ({ type: 'syn-stream', id, headers: {}, fin: false })
    const seen: Frame[] = []
    const reader = new FrameReader()
    near.on('data', (chunk) => seen.push(...reader.read(chunk)))
    near.write(frames(syn(3), syn(1), syn(4), { type: 'data', id: 9, bytes: Buffer.from('x'), fin: false }))
    await expect.poll(() => seen.length).toBe(4)
    expect(seen.map((frame) => [frame.type, 'id' in frame && frame.id, 'status' in frame && frame.status])).toEqual([
      ['syn-reply', 3, false],
      ['rst-stream', 1, 1],
      ['rst-stream', 4, 1],
      ['rst-stream', 9, 2],
    ])
  })

  it('says good-bye to a peer that speaks something else, and is not hurt by any bytes', async () => {
    const [near, far] = await sockets()
    const session = new SpdySession(far, { isServer: true })
    const said: Buffer[] = []
    near.on('data', (chunk) => said.push(chunk))
    near.write('\x80\x02GET / HTTP/1.1\r\n\r\n')
    await session.closed
    await expect
      .poll(() => [...new FrameReader().read(Buffer.concat(said))])
      .toMatchObject([{ type: 'go-away', status: 1 }])
  })

  it('survives whatever comes: frames changed at random, cut at random', async () => {
    const seed = Math.floor(Math.random() * 2 ** 32)
    const random = createRandom(seed)
    for (let round = 0; round < 200; round++) {
      const writer = new HeaderWriter()
      const sent = Buffer.concat(
        Array.from({ length: 10 }, (_, index) => {
          const id = 1 + random.below(8)
          const syn: Frame = {
            type: 'syn-stream',
            id: 2 * index + 1,
            headers: { a: 'b'.repeat(random.below(99)) },
            fin: false,
          }
          const data: Frame = { type: 'data', id, bytes: Buffer.alloc(random.below(2_000)), fin: random.chance(0.3) }
          const other: Frame = random.pick<Frame>([{ type: 'rst-stream', id, status: 5 }, { type: 'ping', id }, data])
          return Buffer.concat([encodeFrame(syn, writer), encodeFrame(other, writer)])
        }),
      )
      for (let changes = random.below(5); changes > 0; changes--) sent[random.below(sent.length)] = random.below(256)
      const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
      const session = new SpdySession(connection, { isServer: true, onStream: (stream) => stream.resume() })
      for (let start = 0; start < sent.length; ) {
        const end = start + 1 + random.below(500)
        connection.emit('data', sent.subarray(start, end))
        start = end
      }
      expect(session.streamCount, `seed ${seed}, round ${round}`).toBeLessThanOrEqual(10)
      connection.destroy()
      await session.closed
    }
  })

  it('over any stream of bytes, not only sockets', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const loop = Duplex.fromWeb({ readable, writable })
    const session = new SpdySession(loop, { isServer: false })
    session.close()
    loop.destroy()
    await session.closed
  })
})

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
