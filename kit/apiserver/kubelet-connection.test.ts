import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { resources } from '../api/resources.ts'
import { createAuthority } from '../cluster/pki.ts'
import type { ApiRequest, ApiResponse, HttpServer, KindRow } from '../contracts/apiserver.ts'
import { startHttpServer } from './http-server.ts'
import { type FakeKubelet, startFakeKubelet } from './testing/fake-kubelet.ts'

const row: KindRow = { resource: resources.pods, verbs: ['get'], subresources: [], storagePrefix: 'pods' }

let kubelet: FakeKubelet
let server: HttpServer
let closedPort: number

beforeAll(async () => {
  const authority = await createAuthority()
  const serving = await authority.issue({ commonName: 'node-1', usages: ['server'], ips: ['127.0.0.1'] })
  const client = await authority.issue({ commonName: 'kube-apiserver-kubelet-client', usages: ['client'] })
  kubelet = await startFakeKubelet({
    certificate: serving.cert,
    privateKey: serving.key,
    clientCertificateAuthority: authority.cert,
  })
  const other = await startFakeKubelet({
    certificate: serving.cert,
    privateKey: serving.key,
    clientCertificateAuthority: authority.cert,
  })
  closedPort = other.port
  await other.stop()
  server = await startHttpServer({
    handle: async (request) => toKubelet(request),
    kinds: [row],
    bindAddresses: ['127.0.0.1'],
    port: 0,
    kubelet: { certificateAuthority: authority.cert, clientCertificate: client.cert, clientPrivateKey: client.key },
  })
})

afterAll(async () => {
  await server.stop()
  await kubelet.stop()
})

/** A core for which the path says everything: "/log/main", "/exec/main", "/dead/main", "/forbidden". */
function toKubelet({ path, query }: ApiRequest): ApiResponse {
  const [, operation = '', container] = path.split('/')
  if (operation === 'forbidden') {
    return { kind: 'object', code: 403, object: { kind: 'Status', apiVersion: 'v1', code: 403, message: 'no' } }
  }
  const port = operation === 'dead' ? closedPort : kubelet.port
  const kubeletPath = `/${operation === 'exec' ? 'exec' : 'containerLogs'}/default/web/${container}`
  return {
    kind: 'stream',
    operation: operation === 'exec' ? 'exec' : 'log',
    node: { name: 'node-1', address: '127.0.0.1', port },
    path: kubeletPath,
    query,
  }
}

const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server.port}${path}`, init)

describe('logs', () => {
  it('come from the kubelet, which knows the caller for the API server', async () => {
    const response = await get('/log/main?tailLines=2')
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['text/plain', 'two\nthree\n'])
    expect(kubelet.requests).toContain('GET /containerLogs/default/web/main?tailLines=2 kube-apiserver-kubelet-client')
  })

  it('can be followed until the client has enough', async () => {
    const client = new AbortController()
    const response = await get('/log/main?follow=true', { signal: client.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('more\nmore\n')) text += (await reader.read()).value ?? ''
    expect(text.startsWith('one\ntwo\nthree\n')).toBe(true)
    client.abort()
  })

  it('that the kubelet refuses become a Status with its words', async () => {
    const status = await (await get('/log/side')).json()
    const message = 'container "side" in pod "web" is waiting to start: ContainerCreating'
    expect(status).toMatchObject({ kind: 'Status', code: 400, reason: 'BadRequest', message })
  })

  it('of a node that does not answer are a 500 that says so', async () => {
    const status = await (await get('/dead/main')).json()
    expect(status).toMatchObject({ code: 500, message: expect.stringContaining('connect: connection refused') })
  })
})

describe('exec', () => {
  const open = (path: string) =>
    new WebSocket(`ws://127.0.0.1:${server.port}${path}`, ['v5.channel.k8s.io', 'v4.channel.k8s.io'])

  it('is a WebSocket from client to kubelet', async () => {
    const socket = open('/exec/main?command=cat')
    await once(socket, 'open')
    expect(socket.protocol).toBe('v5.channel.k8s.io')
    const received: string[] = []
    socket.on('message', (message: Buffer) => received.push(`${message[0]} ${message.subarray(1)}`))
    socket.send(Buffer.from('\0hello'))
    socket.send(Buffer.from([255, 0]))
    const [code] = await once(socket, 'close')
    expect([code, ...received]).toEqual([1000, '1 hello', '3 {"metadata":{},"status":"Success"}'])
  })

  it('loses nothing when the client is slow and the command is done long before', async () => {
    const socket = open('/exec/main?command=flood&command=200')
    await once(socket, 'open')
    socket.pause()
    await new Promise((resolve) => setTimeout(resolve, 300))
    let bytes = 0
    const statuses: string[] = []
    socket.on('message', (message: Buffer) => {
      if (message[0] === 1) bytes += message.length - 1
      else statuses.push(message.subarray(1).toString())
    })
    socket.resume()
    const [code] = await once(socket, 'close')
    expect([code, bytes, ...statuses]).toEqual([1000, 200 * 64 * 1024, '{"metadata":{},"status":"Success"}'])
  })

  it('ends at the kubelet when the client goes', async () => {
    const socket = open('/exec/main?command=cat')
    await once(socket, 'open')
    expect(kubelet.sessions).toBe(1)
    socket.terminate()
    await expect.poll(() => kubelet.sessions).toBe(0)
  })

  it('that the core or the kubelet refuses is answered, not left hanging', async () => {
    const refusal = async (path: string) => {
      const [, response] = await once(
        open(path).on('error', () => {}),
        'unexpected-response',
      )
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      return JSON.parse(Buffer.concat(chunks).toString())
    }
    expect(await refusal('/forbidden')).toMatchObject({ code: 403, message: 'no' })
    expect(await refusal('/exec/side')).toMatchObject({ code: 400, message: 'cannot exec here' })
    expect(await refusal('/log/main')).toMatchObject({ code: 400, reason: 'BadRequest' })
  })

  it('without an upgrade is a 400', async () => {
    expect(await (await get('/exec/main')).json()).toMatchObject({ code: 400, message: 'Upgrade request required' })
  })
})
