import { once } from 'node:events'
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromGrpcFailure } from './errors.ts'
import { UnaryChannel } from './unary-channel.ts'

const HEAD = { ':status': 200, 'content-type': 'application/grpc' }
const SOON = () => Date.now() + 10_000

/** A member that does with a call whatever its path says. */
const behaviours: Record<string, (stream: ServerHttp2Stream, message: Buffer) => void> = {
  '/echo'(stream, message) {
    stream.respond(HEAD, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(message)
  },
  '/refuse'(stream) {
    stream.respond({ ...HEAD, 'grpc-status': '9', 'grpc-message': 'no%20such l%C3%BCck' }, { endStream: true })
  },
  '/silence'() {},
  '/drop': (stream) => stream.session?.destroy(),
  '/leave'(stream, message) {
    stream.session?.goaway()
    behaviours['/echo']!(stream, message)
  },
}

describe('a unary channel', () => {
  let server: Http2Server
  let channel: UnaryChannel
  const sessions = new Set<ServerHttp2Session>()

  beforeAll(async () => {
    server = createServer()
    server.on('session', (session) => sessions.add(session))
    server.on('stream', async (stream, headers) => {
      stream.on('error', () => {})
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk)
      behaviours[String(headers[':path'])]!(stream, Buffer.concat(chunks))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    channel = new UnaryChannel({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  })
  afterAll(() => {
    channel.close()
    server.close()
    for (const session of sessions) session.destroy()
  })

  const failureOf = (path: string, deadline = SOON()) =>
    channel.call(path, Buffer.from('x'), deadline).then(() => expect.fail('it was answered'), fromGrpcFailure)

  it('brings back what the member answers, large or empty, many at once on one connection', async () => {
    const messages = [
      Buffer.alloc(0),
      Buffer.alloc(3_000_000, 7),
      ...Array.from({ length: 50 }, (_, i) => Buffer.from([i])),
    ]
    const answers = await Promise.all(messages.map((message) => channel.call('/echo', message, SOON())))
    expect(answers.every((answer, i) => answer.equals(messages[i]!))).toBe(true)
    expect(sessions.size).toBe(1)
  })

  it('says that nobody answered when connections break as soon as they are made', async () => {
    const rude = createTcpServer((socket: Socket) => socket.resetAndDestroy())
    await once(rude.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(rude.address() as AddressInfo).port}`
    for (let attempt = 0; attempt < 50; attempt++) {
      const refused = new UnaryChannel({ url })
      const answer = refused.call('/echo', Buffer.from('x'), SOON())
      const failure = await answer.then(() => expect.fail('it was answered'), fromGrpcFailure)
      expect(failure).toMatchObject({ code: 'UNAVAILABLE' })
      refused.close()
    }
    rude.close()
  })

  it("reports the member's own words", async () => {
    expect(await failureOf('/refuse')).toMatchObject({ code: 'FAILED_PRECONDITION', message: 'no such lück' })
  })

  it('ends by the deadline, and does not know what came of the call', async () => {
    const failure = await failureOf('/silence', Date.now() + 20)
    expect(failure).toMatchObject({ code: 'DEADLINE_EXCEEDED', definite: false })
  })

  it('does not know what came of a call whose connection broke, and connects again for the next', async () => {
    expect(await failureOf('/drop')).toMatchObject({ code: 'UNAVAILABLE', definite: false })
    expect((await channel.call('/echo', Buffer.from('again'), SOON())).toString()).toBe('again')
  })

  it('lets calls end on a connection that the member is leaving, and sends new ones on another', async () => {
    const before = sessions.size
    expect((await channel.call('/leave', Buffer.from('last'), SOON())).toString()).toBe('last')
    expect((await channel.call('/echo', Buffer.from('first'), SOON())).toString()).toBe('first')
    expect(sessions.size).toBe(before + 1)
  })

  it('is certain that a call which was never sent had no effect', async () => {
    const nobody = new UnaryChannel({ url: 'http://127.0.0.1:1' })
    const failure = await nobody.call('/echo', Buffer.alloc(1), SOON()).then(() => undefined, fromGrpcFailure)
    expect(failure).toMatchObject({ code: 'UNAVAILABLE', definite: true })
    channel.close()
    expect(await failureOf('/echo')).toMatchObject({ code: 'UNAVAILABLE', definite: true })
  })
})
