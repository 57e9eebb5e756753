import { connect, type Socket } from 'node:net'
import { expect, it, vi } from 'vitest'
import { listenForClients, readOpening } from './client-listener.ts'
import { freePort } from './real-etcd.ts'

/** What etcdctl 3.4 sends for `--endpoints http://127.0.0.1:PORT endpoint status` until it is answered, port and all. */
const ETCDCTL = {
  preface: '505249202a20485454502f322e300d0a0d0a534d0d0a0d0a',
  settings: '000000040000000000',
  acknowledgement: '000000040100000000',
  request:
    '0000770104000000018386459760a924882d9dcb6571afa066a925a87510ac6e48d36a3f41909d29aee30c044eae05c0b86e32fbce075f8b1d75d0620d' +
    '263d4c4d65647a8b9acac8b4c7602bb2caecff40027465864d833505b11f40899acac8b24d494f6a7f8669f7de101ab7408d25062d495875996ee5b1063d5f03332e34',
}
/** `http://127.0.0.1:` and `http:..127.0.0.1:` in HPACK's Huffman code. */
const [AUTHORITY, MENDED] = ['9d29aee30c044eae05c0b86e3', '9d29aee2eb844eae05c0b86e3']
const { preface, settings, acknowledgement, request } = ETCDCTL

const opening = (...parts: string[]) => readOpening(Buffer.from(parts.join(''), 'hex'))?.toString('hex')

it('mends an authority that is a URL, without moving a byte', () => {
  const mended = request.replace(AUTHORITY, MENDED)
  expect(mended).not.toBe(request)
  expect(opening(preface, settings, acknowledgement, request)).toBe(preface + settings + mended)
})

it('mends one that is not Huffman-coded, behind fields that HPACK writes in its other ways', () => {
  const authority = Buffer.from('https://[::1]:2379').toString('hex')
  const fields = ['3fe11f', '83', '0001610162', '4403782f79', `0112${authority}`].join('')
  const frame = `0000${(fields.length / 2).toString(16)}010400000001${fields}`
  const mended = frame.replace(authority, Buffer.from('https:..[::1]:2379').toString('hex'))
  expect(opening(preface, settings, acknowledgement, frame)).toBe(preface + settings + mended)
})

it('leaves alone an authority that is none', () => {
  const plain = request.replace('41909d29aee30c044eae05c0b86e32fbce07', '418b089d5c0b8170dc69b6597f')
  const frame = `000072${plain.slice(6)}`
  expect(opening(preface, settings, acknowledgement, frame)).toBe(preface + settings + frame)
})

it('waits until both the acknowledgement and the first request are there, in whichever order', () => {
  const mended = request.replace(AUTHORITY, MENDED)
  expect(opening(preface.slice(0, 20))).toBeUndefined()
  expect(opening(preface, settings, acknowledgement)).toBeUndefined()
  expect(opening(preface, settings, request)).toBeUndefined()
  expect(opening(preface, settings, acknowledgement, request.slice(0, -2))).toBeUndefined()
  expect(opening(preface, settings, request, acknowledgement)).toBe(preface + settings + mended)
})

it('keeps back no ping', () => {
  const ping = '0000080600000000000000000000000000'
  expect(opening(preface, settings, acknowledgement, ping)).toBe(preface + settings + ping)
})

/** What each kind of connection is handed over with. */
async function listening() {
  const port = await freePort()
  const takers = { http2: vi.fn(), http1: vi.fn((socket: Socket) => socket.once('data', (bytes) => socket.end(bytes))) }
  const listener = await listenForClients(`http://127.0.0.1:${port}`, undefined, takers)
  const socket = connect(port, '127.0.0.1')
  const heard = (events: 'data' | 'close') => new Promise<Buffer>((resolve) => socket.once(events, resolve))
  return { listener, socket, heard, takers }
}

it('hands over what is not HTTP/2 as it came, without having said a word', async () => {
  const { listener, socket, heard, takers } = await listening()
  socket.write('GET ')
  socket.write('/health HTTP/1.1\r\n\r\n')
  expect((await heard('data')).toString().startsWith('GET ')).toBe(true)
  expect(takers.http1).toHaveBeenCalledOnce()
  expect(takers.http2).not.toHaveBeenCalled()
  socket.destroy()
  listener.close()
})

it('greets those who begin as HTTP/2 does, and lets go of them when it closes before their first request', async () => {
  const { listener, socket, heard } = await listening()
  socket.write(Buffer.from(preface, 'hex'))
  expect((await heard('data')).toString('hex')).toBe(settings)
  const closed = heard('close')
  listener.close()
  await closed
})
