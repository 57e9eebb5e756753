/** Step 5.8 over the wire: a whole kubelet, its HTTPS server, and clients with and without certificates. */
import https from 'node:https'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import WebSocket from 'ws'
import { type Authority, createAuthority } from '#kit/cluster/pki.ts'
import { SpdySession } from '#kit/spdy/session.ts'
import { textOf } from '#kit/streaming/remote-command.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { isRunning, type Rig, startRig } from './kubelet-rig.ts'

const SERVER = 'kubernetes pkg/kubelet/server/server.go'
const CHANNELS = 'kubernetes remotecommand/constants.go'

let rig: Rig
let authority: Authority
let apiserver: { cert: string; key: string }

beforeAll(async () => {
  authority = await createAuthority()
  const serving = await authority.issue({ commonName: 'node-1', usages: ['server'], ips: ['127.0.0.1'] })
  apiserver = await authority.issue({
    commonName: 'kube-apiserver-kubelet-client',
    organizations: ['system:masters'],
    usages: ['client'],
  })
  const tls = { ...serving, clientCa: authority.cert }
  rig = await startRig({ server: { address: '127.0.0.1', port: 0, tls } })
  await rig.create('web', 'echo one; echo two >&2; echo three; sleep 1000')
})
afterAll(() => rig?.stop())

function get(path: string, identity: object = apiserver): Promise<{ code: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: rig.kubelet.port, path, ca: authority.cert, agent: false, ...identity }
    https
      .get(options, (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve({ code: response.statusCode, text }))
      })
      .on('error', reject)
  })
}

interface Session {
  readonly frames: Buffer[]
  readonly socket: WebSocket
  readonly closed: Promise<void>
  text(channel: number): string
}

function exec(command: string[], more = '', protocol = 'v5.channel.k8s.io'): Promise<Session> {
  const query = `${command.map((word) => `command=${encodeURIComponent(word)}`).join('&')}&output=1&error=1${more}`
  const url = `wss://127.0.0.1:${rig.kubelet.port}/exec/default/web/main?${query}`
  const socket = new WebSocket(url, protocol, { ca: authority.cert, ...apiserver })
  const frames: Buffer[] = []
  socket.on('message', (frame: Buffer) => frames.push(frame))
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  const text = (channel: number) =>
    Buffer.concat(frames.filter(([first]) => first === channel).map((frame) => frame.subarray(1))).toString('utf8')
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve({ frames, socket, closed, text }))
    socket.on('error', reject)
  })
}

/** The caller's side of SPDY/3.1, as upstream's API server has it. */
function upgradeToSpdy(path: string, protocol: string): Promise<SpdySession> {
  const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol }
  const { port } = rig.kubelet
  const request = https.request({
    host: '127.0.0.1',
    port,
    path,
    method: 'POST',
    headers,
    ca: authority.cert,
    ...apiserver,
  })
  return new Promise((resolve, reject) => {
    request.once('upgrade', (_, socket) => resolve(new SpdySession(socket, { isServer: false })))
    request.once('response', (response) => reject(new Error(`the kubelet answered ${response.statusCode}`)))
    request.once('error', reject).end()
  })
}

describe('who may call', () => {
  lesson(
    'is nobody without a certificate, and no mere node',
    {
      scenario: 'A caller without a certificate, one with a certificate of another authority, and another node.',
      rule: '401 without a certificate of the cluster, 403 without the group: exec is power over every pod of the node.',
      source: 'kubernetes pkg/kubelet/server/auth.go',
    },
    async () => {
      expect(await get('/containerLogs/default/web/main', {})).toEqual({ code: 401, text: 'Unauthorized' })
      const stranger = await (await createAuthority('else')).issue({
        commonName: 'kube-apiserver-kubelet-client',
        organizations: ['system:masters'],
        usages: ['client'],
      })
      expect(await get('/pods', stranger)).toMatchObject({ code: 401 })
      const node = await authority.issue({
        commonName: 'system:node:node-2',
        organizations: ['system:nodes'],
        usages: ['client'],
      })
      expect(await get('/containerLogs/default/web/main', node)).toMatchObject({ code: 403 })
      expect(await get('/healthz', node)).toEqual({ code: 200, text: 'ok' })
    },
  )
})

describe('logs', () => {
  lesson(
    'come whole, in part, and with their time',
    {
      scenario: 'kubectl logs, --tail=1, --limit-bytes=5, --timestamps, of a container that wrote three lines.',
      rule: 'Both streams, in the order in which they were written.',
      source: SERVER,
    },
    async () => {
      await rig.until('web', isRunning)
      const logs = async (query: string) => (await get(`/containerLogs/default/web/main${query}`)).text
      expect(await logs('')).toBe('one\ntwo\nthree\n')
      expect(await logs('?tailLines=1')).toBe('three\n')
      expect(await logs('?tailLines=0')).toBe('')
      expect(await logs('?limitBytes=5')).toBe('one\nt')
      expect(await logs('?timestamps=true&tailLines=1')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z three\n$/)
    },
  )

  lesson(
    'that cannot be had are refused with a reason',
    {
      scenario: 'A pod that does not exist, an attempt that never was, an option that makes no sense.',
      rule: '404 and 400, with the text that kubectl shows.',
      source: SERVER,
    },
    async () => {
      expect(await get('/containerLogs/default/none/main')).toEqual({ code: 404, text: 'pod "none" does not exist' })
      await rig.until('web', isRunning)
      const previous = await get('/containerLogs/default/web/main?previous=true')
      const text = 'previous terminated container "main" in pod "web" not found'
      expect(previous).toEqual({ code: 400, text })
      expect(await get('/containerLogs/default/web/main?tailLines=-1')).toMatchObject({ code: 400 })
    },
  )
})

describe('exec', () => {
  lesson(
    'brings both streams and the exit code',
    {
      scenario: 'kubectl exec web -- sh -c "echo out; echo err >&2; exit 7"',
      rule: 'stdout on channel 1, stderr on 2, the Status on 3, then the socket closes.',
      source: CHANNELS,
      timeoutMs: 10_000,
    },
    async () => {
      await rig.until('web', isRunning)
      const session = await exec(['sh', '-c', 'echo out; echo err >&2; exit 7'])
      await session.closed
      expect([session.text(1), session.text(2)]).toEqual(['out\n', 'err\n'])
      expect(JSON.parse(session.text(3))).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode' })
    },
  )

  lesson(
    'carries input, until the client ends it',
    {
      scenario: 'echo hello | kubectl exec -i web -- cat',
      rule: 'Channel 0 goes to the process; 255 and 0 is the end of input, after which cat ends with 0.',
      source: 'KEP-4006',
      timeoutMs: 10_000,
    },
    async () => {
      await rig.until('web', isRunning)
      const session = await exec(['cat'], '&input=1')
      session.socket.send(Buffer.concat([Buffer.from([0]), Buffer.from('hello\n')]))
      session.socket.send(Buffer.from([255, 0]))
      await session.closed
      expect(session.text(1)).toBe('hello\n')
      expect(JSON.parse(session.text(3))).toEqual({ metadata: {}, status: 'Success' })
    },
  )

  lesson(
    'says when the command cannot be run',
    {
      scenario: 'kubectl exec web -- nosuch',
      rule: 'The connection was upgraded already, so the error travels as a Status on channel 3.',
      source: CHANNELS,
      timeoutMs: 10_000,
    },
    async () => {
      await rig.until('web', isRunning)
      const session = await exec(['nosuch'], '', 'v4.channel.k8s.io')
      await session.closed
      const status = JSON.parse(session.text(3))
      expect(status.status).toBe('Failure')
      expect(status.message).toContain('executable file not found')
    },
  )
})

describe('SPDY', () => {
  lesson(
    'carries exec as WebSockets do, with a stream for each channel',
    {
      scenario: 'Upstream’s API server asks for exec of "cat; exit 7": it opens streams for error, stdin and stdout.',
      rule: 'The end of the stream is the end of input; the Status on the error stream is that of channel 3.',
      source: 'kubernetes cri/streaming/remotecommand/httpstream.go',
      timeoutMs: 10_000,
    },
    async () => {
      await rig.until('web', isRunning)
      const command = ['sh', '-c', 'cat; exit 7'].map((word) => `command=${encodeURIComponent(word)}`).join('&')
      const session = await upgradeToSpdy(`/exec/default/web/main?${command}&input=1&output=1`, 'v4.channel.k8s.io')
      const [error, stdin, stdout] = ['error', 'stdin', 'stdout'].map((streamtype) =>
        session.openStream({ streamtype }),
      )
      stdin!.end('hello\n')
      const said = Promise.all([textOf(stdout!), textOf(error!)])
      const [output, status] = await Promise.race([said, rig.missingPart])
      expect(output).toBe('hello\n')
      expect(JSON.parse(status)).toMatchObject({ status: 'Failure', details: { causes: [{ message: '7' }] } })
      await session.closed
    },
  )
})
