import { createServer, type Socket, connect as tcpConnect } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPeerNetwork, type PeerNetwork } from './peer-network.ts'

let network: PeerNetwork
let received: string
let onReceived: () => void
let accepted: Socket | undefined
const closing: (() => unknown)[] = []

beforeEach(() => {
  network = createPeerNetwork()
  network.introduce('a', '11')
  network.introduce('b', '22')
  received = ''
  onReceived = () => {}
})
afterEach(async () => {
  for (const close of closing.splice(0)) close()
  await network.close()
})

/** A member "b" that remembers what arrives, and "a" that has dialled it and said who it is. */
async function connectPair(hello = '{"from":"11"}'): Promise<Socket> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted = socket
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      received += bytes
      onReceived()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { host, port } = await network.expose('b', {
    host: '127.0.0.1',
    port: (server.address() as { port: number }).port,
  })
  const socket = tcpConnect({ host, port })
  socket.on('error', () => {})
  closing.push(
    () => socket.destroy(),
    () => accepted?.destroy(),
    () => server.close(),
  )
  socket.write(hello)
  await until(() => received.endsWith(hello))
  return socket
}

function until(isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    onReceived = () => isTrue() && resolve()
    onReceived()
  })
}

it('hands on what nobody holds back, and the answers', async () => {
  const socket = await connectPair()
  const answered = new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes))))
  accepted!.write('pong')
  expect(await answered).toBe('pong')
})

it.each(['{"from":"11"}', 'GET /raft/stream/message/16 HTTP/1.1\r\nX-Server-From: b\r\n\r\n'])(
  'holds back one direction and lets the other be, for a caller that says %j',
  async (hello) => {
    const socket = await connectPair(hello)
    received = ''
    network.cut('a', 'b')
    socket.write('held ')
    const answered = new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes))))
    accepted!.write('pong')
    expect(await answered).toBe('pong')
    expect(received).toBe('')
    network.heal()
    await until(() => received === 'held ')
  },
)

it('holds back what an answer travels on, when that direction is cut', async () => {
  const socket = await connectPair()
  network.cut('b', 'a')
  let answer = ''
  socket.on('data', (bytes) => {
    answer += bytes
    onReceived()
  })
  accepted!.write('pong')
  socket.write('ping')
  await until(() => received.endsWith('ping'))
  expect(answer).toBe('')
  network.heal()
  await until(() => answer === 'pong')
})

it('delays without changing the order', async () => {
  const socket = await connectPair()
  received = ''
  network.delay('a', 'b', 40)
  const begun = performance.now()
  for (const word of ['one ', 'two ', 'three']) socket.write(word)
  await until(() => received === 'one two three')
  expect(performance.now() - begun).toBeGreaterThan(35)
})

it('lets a caller that has said everything hear the answer', async () => {
  const socket = await connectPair()
  accepted!.on('end', () => accepted!.end('all received'))
  const answered = new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes))))
  socket.end('all')
  expect(await answered).toBe('all received')
})

it('tears connections off', async () => {
  const socket = await connectPair()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  network.tear('b', 'a')
  await closed
})
