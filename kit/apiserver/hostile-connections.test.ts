/**
 * Connections that were made to do harm: garbage instead of requests, requests without an end, thousands of watches. The process and its memory
 * bear them, and whoever speaks properly is served meanwhile.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandom } from '../sim/random.ts'
import { collectGarbage } from '../testing/collect-garbage.ts'
import { eventually } from '../testing/eventually.ts'
import { startHttpServer } from './http-server.ts'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
const KNOWN = 'Host: x\r\nAuthorization: Bearer admin\r\n'

let server: PlainServer
beforeAll(async () => {
  server = await startPlainServer()
})
afterAll(() => server?.stop())

function dial(port = Number(new URL(server.url).port)): Socket {
  // What is cut off in the middle of a sentence may be reset.
  return connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
}

/** What is answered until the server hangs up, which it must: this client never does. */
async function answerTo(sent: string, port?: number): Promise<string> {
  const socket = dial(port)
  let received = ''
  socket.on('data', (text) => {
    received += text
  })
  socket.write(sent, 'latin1')
  // Half closed is not closed: only a full one can no longer be written to.
  await once(socket, 'end')
  socket.destroy()
  return received
}

const get = (path: string, ...headers: string[]) =>
  `GET ${path} HTTP/1.1\r\n${KNOWN}${headers.map((one) => `${one}\r\n`).join('')}\r\n`
const upgrade = (path: string, protocol: string, ...headers: string[]) =>
  get(path, 'Connection: Upgrade', `Upgrade: ${protocol}`, ...headers)
const closing = (path: string) => get(path, 'Connection: close')

describe('what is no request', () => {
  it.each([
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00', /^HTTP\/1.1 400/],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1.1 400/],
    ['a version that is not there yet', 'GET / HTTP/9.9\r\n\r\n', /^HTTP\/1.1 400/],
    ['an unknown method', 'FOO / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400/],
    ['a negative length', get('/', 'Content-Length: -1'), /^HTTP\/1.1 400/],
    [
      'two lengths',
      `POST ${CONFIG_MAPS} HTTP/1.1\r\n${KNOWN}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      /^HTTP\/1.1 400/,
    ],
    [
      'a piece of unknown length',
      `POST ${CONFIG_MAPS} HTTP/1.1\r\n${KNOWN}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      /^HTTP\/1.1 400/,
    ],
    ['a line without an end', `GET /${'x'.repeat(200_000)}`, /^HTTP\/1.1 431/],
    ['headers without an end', `GET / HTTP/1.1\r\n${'X-A: b\r\n'.repeat(40_000)}`, /^HTTP\/1.1 431/],
    ['a tunnel', 'CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n', /^$/],
    ['another protocol', upgrade('/api', 'nonsense'), /^HTTP\/1.1 400 .*"kind":"Status"/s],
    ['a WebSocket without a key', upgrade(`${CONFIG_MAPS}?watch=true`, 'websocket'), /^HTTP\/1.1 400/],
    [
      'a WebSocket of an old version',
      upgrade(`${CONFIG_MAPS}?watch=true`, 'websocket', 'Sec-WebSocket-Version: 3', 'Sec-WebSocket-Key: eA=='),
      /^HTTP\/1.1 4\d\d/,
    ],
    [
      'frames of SPDY for no pod',
      `${upgrade('/api/v1/namespaces/default/pods/a/exec', 'SPDY/3.1')}\xff\xff\xff`,
      /^HTTP\/1.1 404 .*"kind":"Status"/s,
    ],
  ])('%s: is refused, and the connection closed', async (_what, sent, answer) => {
    expect(await answerTo(sent)).toMatch(answer)
  })

  it('a WebSocket that sends garbage is closed, and its watch ended', async () => {
    const socket = dial()
    socket.write(
      upgrade(
        `${CONFIG_MAPS}?watch=true`,
        'websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ),
    )
    await once(socket, 'data')
    socket.write(Buffer.alloc(64, 0xff))
    socket.resume()
    await once(socket, 'end')
    socket.destroy()
    await eventually(async () => expect(await watchesRunning()).toBe(0))
  })
})

describe('strange paths and queries', () => {
  it.each([
    ['a separator that is none', '/api/v1/namespaces/default%2Fpods', 404],
    ['nothing between separators', '/api//v1', 404],
    ['a way up', '/api/v1/../v1/pods', 404],
    ['a way up in disguise', '/openapi/v3/..%2f..%2f..%2fetc%2fpasswd', 404],
    ['NUL', '/api/v1/namespaces/%00', 404],
    ['half an escape', '/api/v1/namespaces/%', 400],
    ['bytes that are no text', '/api/v1/namespaces/%ff%fe', 400],
    ['segments without end', `/api/v1/${'a/'.repeat(30_000)}`, 404],
    ['a name as long as can be', `/api/v1/namespaces/${'x'.repeat(100_000)}`, 404],
    ['a selector of commas', `${CONFIG_MAPS}?labelSelector=${'a,'.repeat(50_000)}b`, 400],
    ['a selector of parentheses', `${CONFIG_MAPS}?labelSelector=${'('.repeat(100_000)}`, 400],
    ['a set of everything', `${CONFIG_MAPS}?labelSelector=a+in+(${'x,'.repeat(50_000)}x)`, 400],
    ['fields of backslashes', `${CONFIG_MAPS}?fieldSelector=${'\\'.repeat(100_000)}`, 400],
    ['a parameter again and again', `${CONFIG_MAPS}?${'limit=1&'.repeat(12_000)}`, 200],
    ['a list for ever', `${CONFIG_MAPS}?limit=99999999999999999999&timeout=99999999999h`, 400],
    ['a token that is none', `${CONFIG_MAPS}?limit=1&continue=${'A'.repeat(50_000)}`, 400],
  ])('%s', async (_what, path, code) => {
    expect(await answerTo(closing(path))).toMatch(new RegExp(`^HTTP/1.1 ${code} `))
  })

  it.each(['4294967295', '99999999999'])('a watch for %s seconds does not end at once', async (seconds) => {
    const socket = dial()
    socket.write(get(`${CONFIG_MAPS}?watch=true&timeoutSeconds=${seconds}`))
    await once(socket, 'data')
    await server.ask(CONFIG_MAPS, { method: 'POST', body: { metadata: { generateName: 'seen-' } } })
    let received = ''
    socket.on('data', (text) => {
      received += text
    })
    await eventually(() => expect(received).toContain('"name":"seen-'))
    socket.destroy()
  })
})

describe('slow clients', () => {
  it('that never finish their headers are told so, and closed', async () => {
    const slow = await startHttpServer({
      handle: async () => ({ kind: 'document' }),
      kinds: [],
      bindAddresses: ['127.0.0.1'],
      port: 0,
      headersTimeoutMs: 100,
    })
    expect(await answerTo('GET / HTTP/1.1\r\nX-A: ', slow.port)).toMatch(/^HTTP\/1.1 408 /)
    await slow.stop()
  })
})

describe('noise', () => {
  it('from a seed, in the place of requests, ends nothing but its connection', async ({ task }) => {
    const seed = Number(process.env.SEED ?? 5)
    task.meta.seed = seed
    const random = createRandom(seed)
    const whole = `POST ${CONFIG_MAPS} HTTP/1.1\r\n${KNOWN}Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`
    const noise = () => {
      const bytes = Buffer.from(whole)
      for (let times = 1 + random.below(4); times > 0; times--) bytes[random.below(bytes.length)] = random.below(256)
      return bytes
    }
    for (let round = 0; round < 10; round++) {
      const sockets = Array.from({ length: 30 }, () => dial().resume())
      for (const socket of sockets) socket.end(noise())
      await Promise.all(sockets.map((socket) => socket.closed || once(socket, 'close')))
    }
    expect((await server.ask('/api/v1/namespaces/default')).status).toBe(200)
  })
})

async function watchesRunning(): Promise<number> {
  const { text } = await server.ask('/metrics')
  const gauges = text.matchAll(/^apiserver_longrunning_requests\{[^}]*verb="WATCH"[^}]*\} (\d+)/gm)
  return [...gauges].reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Of this process, in which both ends of each connection are. */
async function memoryBytes(): Promise<number> {
  await collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

describe('idle watches', () => {
  const WATCHES = 5_000
  const AT_ONCE = 250

  it(`${WATCHES} of them cost little, and nothing when they are gone`, async () => {
    // What is made once is made now.
    const warm = await openWatches(AT_ONCE)
    await closeAll(warm)
    const before = await memoryBytes()
    const sockets: Socket[] = []
    while (sockets.length < WATCHES) sockets.push(...(await openWatches(AT_ONCE)))
    expect(await watchesRunning()).toBe(WATCHES)
    const perWatch = ((await memoryBytes()) - before) / WATCHES
    // Others are served meanwhile, and the last watcher hears of it.
    const heard = once(sockets.at(-1)!, 'data')
    await server.ask('/api/v1/namespaces', { method: 'POST', body: { metadata: { name: 'news' } } })
    expect(String(await heard)).toContain('"name":"news"')
    await closeAll(sockets.splice(0))
    const left = (await memoryBytes()) - before
    console.info(
      `an idle watch: ${(perWatch / 1024).toFixed(1)} KiB (both ends); left over: ${(left / 1024).toFixed(0)} KiB`,
    )
    expect(perWatch).toBeLessThan(64 * 1024)
    expect(left).toBeLessThan(16 * 1024 * 1024)
  }, 120_000)

  async function openWatches(count: number): Promise<Socket[]> {
    const sockets = Array.from({ length: count }, () => dial())
    for (const socket of sockets)
      socket.write(get('/api/v1/namespaces?watch=true&resourceVersion=1&fieldSelector=metadata.name%3Dnews'))
    await Promise.all(sockets.map((socket) => once(socket, 'data')))
    return sockets
  }

  async function closeAll(sockets: Socket[]): Promise<void> {
    const closed = sockets.map((socket) => once(socket, 'close'))
    for (const socket of sockets) socket.destroy()
    await Promise.all(closed)
    await eventually(async () => expect(await watchesRunning()).toBe(0))
  }
})
