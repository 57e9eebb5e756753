/**
 * `/proxy`: requests that the API server passes on, against a real HTTP server that tells what reached it.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { resources } from '../api/resources.ts'
import { describeWith } from '../testing/tools.ts'
import { type KubectlProxy, startKubectlProxy } from './testing/kubectl-proxy.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

const SERVICE = '/api/v1/namespaces/default/services'

let cluster: TestApiServer
let backend: Server
let port: number
let proxied: KubectlProxy
const seen: { request: IncomingMessage; body: string }[] = []

describeWith(['kubectl'], 'proxy subresources', () => {
  beforeAll(async () => {
    cluster = await startTestApiServer()
    backend = startBackend()
    await once(backend.listen(0, '127.0.0.1'), 'listening')
    port = (backend.address() as AddressInfo).port
    await createService('web', port)
    await createService('dead', 1)
    const service = { spec: { ports: [{ name: 'http', port: 80 }] } }
    await cluster.client.create(resources.services, { ...service, metadata: { name: 'empty', namespace: 'default' } })
    await cluster.client.create(resources.endpoints, { metadata: { name: 'empty', namespace: 'default' } })
    proxied = await startKubectlProxy(cluster.kubectl.kubeconfig)
  })
  afterAll(async () => {
    await proxied?.stop()
    backend?.closeAllConnections()
    backend?.close()
    await cluster?.stop()
  })

  it('leads to an endpoint of a Service, by the name or the number of its port', async () => {
    for (const name of ['web:http', 'web:80', 'http:web:80']) {
      expect(await cluster.kubectl.output(`get --raw ${SERVICE}/${name}/proxy/hello?a=1&a=2`)).toBe(
        'GET /hello?a=1&a=2\n',
      )
    }
  })

  it('passes method, body and headers on, and neither credentials nor what is about the connection', async () => {
    const answer = await fetch(`${proxied.url}${SERVICE}/web:80/proxy/form%2Fx?q=%20`, {
      method: 'PATCH',
      headers: { 'content-type': 'text/strange', 'x-own': 'yes', accept: 'text/html', authorization: 'Bearer secret' },
      body: 'not JSON',
    })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('PATCH /form%2Fx?q=%20\n')
    expect(answer.headers.get('x-backend')).toBe('yes')
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    const { request, body } = seen.at(-1)!
    expect(body).toBe('not JSON')
    expect(request.headers).toMatchObject({
      'content-type': 'text/strange',
      'x-own': 'yes',
      accept: 'text/html',
      'x-forwarded-uri': `${SERVICE}/web:80/proxy/form%2Fx`,
    })
    expect(request.headers).not.toHaveProperty('authorization')
  })

  it('leads redirects back through itself, and a path without its last slash to the one with it', async () => {
    const redirected = await fetch(`${proxied.url}${SERVICE}/web:80/proxy/redirect`, { redirect: 'manual' })
    expect([redirected.status, redirected.headers.get('location')]).toEqual([302, `${SERVICE}/web:80/proxy/there?x=1`])
    const root = await fetch(`${proxied.url}${SERVICE}/web:80/proxy?x=1`, { redirect: 'manual' })
    expect([root.status, root.headers.get('location')]).toEqual([301, `${SERVICE}/web:80/proxy/?x=1`])
  })

  it('sends what comes as it comes', async () => {
    const { body } = await fetch(`${proxied.url}${SERVICE}/web:80/proxy/drip`)
    const reader = body!.getReader()
    const first = await reader.read()
    // The backend says no more until it is asked to, so this part has come without the rest.
    expect(Buffer.from(first.value!).toString()).toBe('first\n')
    backend.emit('more')
    const second = await reader.read()
    expect(Buffer.from(second.value!).toString()).toBe('second\n')
    await reader.cancel()
  })

  it('connects WebSockets through', async () => {
    const socket = new WebSocket(`${proxied.url.replace('http', 'ws')}${SERVICE}/web:80/proxy/socket`)
    await once(socket, 'open')
    socket.send('ping')
    const [echo] = await once(socket, 'message')
    expect(String(echo)).toBe('echo ping')
    socket.close()
    await once(socket, 'close')
  })

  it('leads to the kubelet of a node', async () => {
    const logs = await cluster.kubectl.output(
      'get --raw /api/v1/nodes/node-1/proxy/containerLogs/default/web/main?tailLines=1',
    )
    expect(logs).toBe('three\n')
  })

  it.each([
    [`${SERVICE}/empty:80/proxy/`, 503, 'no endpoints available for service "empty"'],
    [`${SERVICE}/web:nosuch/proxy/`, 503, 'no endpoints available for service "web:nosuch"'],
    [`${SERVICE}/web:81/proxy/`, 503, 'no service port 81 found for service "web"'],
    [`${SERVICE}/ftp:web:80/proxy/`, 400, 'invalid service request "ftp:web:80"'],
    [
      `${SERVICE}/dead:80/proxy/`,
      503,
      'error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    ['/api/v1/namespaces/default/pods/web/proxy/', 400, 'address not allowed'],
    ['/api/v1/namespaces/default/pods/none/proxy/', 404, 'pods "none" not found'],
    ['/api/v1/nodes/node-1:80/proxy/', 400, 'address not allowed'],
  ])('says why not: %s', async (path, code, message) => {
    const answer = await fetch(proxied.url + path)
    expect(await answer.json()).toMatchObject({ kind: 'Status', code, message })
  })

  it('is for those who may', async () => {
    const somebody = await cluster.kubectlAs('somebody')
    const { stderr } = await somebody(`get --raw ${SERVICE}/web:80/proxy/`)
    expect(stderr).toContain(
      'User "somebody" cannot get resource "services/proxy" in API group "" in the namespace "default"',
    )
  })

  it('is not for kubelets, which would look like the API server to each other', async () => {
    const kubelet = await cluster.kubectlAs('system:node:node-1', ['system:nodes'])
    const { stderr } = await kubelet('get --raw /api/v1/nodes/node-1/proxy/pods')
    expect(stderr).toContain('cannot get resource "nodes/proxy"')
  })
})

/** A Service with one endpoint, which is a pod that pretends to be where the backend is. */
async function createService(name: string, endpointPort: number): Promise<void> {
  const { client } = cluster
  const metadata = { name, namespace: 'default' }
  const spec = { nodeName: 'node-1', containers: [{ name: 'main', image: 'web' }] }
  const pod = await client.create(resources.pods, { metadata, spec })
  const status = { phase: 'Running', podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] }
  await client.update(resources.pods, { ...pod, status }, 'status')
  await client.create(resources.services, { metadata, spec: { ports: [{ name: 'http', port: 80 }] } })
  const stranger = { ip: '127.0.0.2', targetRef: { kind: 'Pod', namespace: 'default', name } }
  const ours = { ip: '127.0.0.1', targetRef: { kind: 'Pod', namespace: 'default', name } }
  await client.create(resources.endpoints, {
    metadata,
    subsets: [{ addresses: [stranger, ours], ports: [{ name: 'http', port: endpointPort }] }],
  })
}

function startBackend(): Server {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    seen.push({ request, body })
    response.setHeader('X-Backend', 'yes')
    response.setHeader('Access-Control-Allow-Origin', '*')
    if (request.url === '/redirect') response.writeHead(302, { Location: '/there?x=1' }).end()
    else if (request.url === '/drip') {
      response.write('first\n')
      server.once('more', () => response.write('second\n'))
    } else response.end(`${request.method} ${request.url}\n`)
  })
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data) => webSocket.send(`echo ${data}`))
    })
  })
  return server
}
