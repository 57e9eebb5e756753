/**
 * exec, attach, cp and port-forward: every client that there is, through our API server, to every kind of kubelet. The clients
 * are the real ones; what runs in the "containers" are processes of this machine.
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import * as k8s from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Node, Pod } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { describeWith } from '../testing/tools.ts'
import { type ProcessKubelet, type Speaks, startProcessKubelet } from './testing/process-kubelet.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const KUBELETS: readonly Speaks[] = ['all', 'upstream', 'spdy', 'websocket']
const SPDY_CLIENT = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }
const CLIENTS = { 'with WebSockets': {}, 'with SPDY': SPDY_CLIENT }
/** Processes take their time on a busy machine. */
const SOON = { timeout: 20_000 }

let server: TestApiServer
let kubelets: Record<Speaks, ProcessKubelet>
let web: Server
let directory: string

beforeAll(async () => {
  server = await startTestApiServer()
  const started = await Promise.all(KUBELETS.map(async (speaks) => [speaks, await addNode(speaks)] as const))
  kubelets = Object.fromEntries(started) as Record<Speaks, ProcessKubelet>
  web = createHttpServer((request, response) => request.pipe(response)).listen(0, '127.0.0.1')
  await once(web, 'listening')
  directory = mkdtempSync(join(tmpdir(), 'brain-and-muscle-streams-'))
})

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  web.close()
  for (const kubelet of Object.values(kubelets)) await kubelet.stop()
  await server?.stop()
})

/** A node with such a kubelet, and a pod on it, both named after what the kubelet speaks. */
async function addNode(speaks: Speaks, name: string = speaks): Promise<ProcessKubelet> {
  const { cert, key } = await server.authority.issue({ commonName: name, usages: ['server'], ips: ['127.0.0.1'] })
  const kubelet = await startProcessKubelet({
    certificate: cert,
    privateKey: key,
    clientCertificateAuthority: server.authority.cert,
    speaks,
  })
  const node = await server.client.create<Node>(resources.nodes, { metadata: { name } })
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
  }
  await server.client.update<Node>(resources.nodes, { ...node, status: { ...node.status, ...status } }, 'status')
  const pod = await server.client.create<Pod>(resources.pods, {
    metadata: { name, namespace: 'default' },
    spec: { nodeName: name, containers: [{ name: 'main', image: 'i', stdin: true }] },
  })
  const running = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
  await server.client.update<Pod>(resources.pods, { ...pod, status: { ...pod.status, ...running } }, 'status')
  return kubelet
}

interface Run {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

function kubectl(args: readonly string[], environment: object = {}, stdin?: Buffer): Promise<Run> {
  const { child, said } = startKubectl(args, environment)
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said() })))
}

function startKubectl(args: readonly string[], environment: object, kubeconfig = server.kubectl.kubeconfig) {
  const env = { PATH: process.env.PATH, HOME: join(kubeconfig, '..'), KUBECONFIG: kubeconfig, ...environment }
  const child = spawn('kubectl', args, { env, stdio: 'pipe' })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk) => stdout.push(chunk))
  child.stderr.on('data', (chunk) => stderr.push(chunk))
  return { child, said: () => ({ stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }) }
}

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const combinations = KUBELETS.flatMap((speaks) =>
  Object.entries(CLIENTS).map(([client, environment]) => ({ speaks, client, environment })),
).filter(({ speaks, environment }) => !(speaks === 'websocket' && environment === SPDY_CLIENT))

/** Our kubelet and upstream's. Behind the upgrade, the others are like one of them: a command run tells enough of them. */
const kubeletsInUse = combinations.filter(({ speaks }) => speaks === 'all' || speaks === 'upstream')

describeWith(['kubectl'], 'kubectl', () => {
  describe.each(combinations)('$client, and a kubelet that speaks: $speaks', ({ speaks, environment }) => {
    it('runs a command, keeps its streams apart and learns its exit code', async () => {
      const script = 'echo out; echo err >&2; exit 3'
      const { code, stdout, stderr } = await kubectl(['exec', speaks, '--', 'sh', '-c', script], environment)
      expect([code, stdout.toString(), stderr]).toEqual([3, 'out\n', 'err\ncommand terminated with exit code 3\n'])
      expect((await kubectl(['exec', speaks, '--', 'true'], environment)).code).toBe(0)
    })
  })

  describe.each(kubeletsInUse)('$client, and a kubelet that speaks: $speaks', ({ speaks, environment }) => {
    it('sends 20 MB and gets them back, and the command learns that this is all', async () => {
      const sent = randomBytes(20 * 1024 * 1024)
      const { code, stdout } = await kubectl(['exec', '-i', speaks, '--', 'cat'], environment, sent)
      expect([code, stdout.length, hash(stdout)]).toEqual([0, sent.length, hash(sent)])
    })

    it('copies files into the container and out of it', async () => {
      const [here, there, back] = ['here', 'there', 'back'].map((name) => join(directory, `${speaks}-${name}`))
      const content = randomBytes(3 * 1024 * 1024 + 17)
      writeFileSync(here!, content)
      const into = await kubectl(['cp', here!, `${speaks}:${there}`], environment)
      expect([into.code, into.stderr]).toEqual([0, ''])
      expect(hash(readFileSync(there!))).toBe(hash(content))
      expect((await kubectl(['cp', `${speaks}:${there}`, back!], environment)).code).toBe(0)
      expect(hash(readFileSync(back!))).toBe(hash(content))
    })

    it('attaches to what runs already', async () => {
      const { stdout } = await kubectl(['attach', '-i', speaks], environment, Buffer.from('one\ntwo\n'))
      expect(stdout.toString()).toBe('got one\ngot two\n')
    })

    it('forwards a port, for many connections at once', async () => {
      const forwarding = startKubectl(['port-forward', speaks, `:${(web.address() as AddressInfo).port}`], environment)
      const local = () => /127\.0\.0\.1:(\d+)/.exec(forwarding.said().stdout.toString())?.[1]
      await expect.poll(local, SOON).toBeDefined()
      const ask = async (body: string) => (await fetch(`http://127.0.0.1:${local()}`, { method: 'POST', body })).text()
      const bodies = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(index * 100_000 + 1))
      const answers = await Promise.all(bodies.map(ask))
      expect(answers.map((answer, index) => answer === bodies[index])).toEqual(bodies.map(() => true))
      forwarding.child.kill('SIGINT')
      await once(forwarding.child, 'close')
    })

    it('is told when nobody listens at the port', async () => {
      const closed = createServer().listen(0, '127.0.0.1')
      await once(closed, 'listening')
      const { port } = closed.address() as AddressInfo
      closed.close()
      const forwarding = startKubectl(['port-forward', speaks, `:${port}`], environment)
      const local = () => /127\.0\.0\.1:(\d+)/.exec(forwarding.said().stdout.toString())?.[1]
      await expect.poll(local, SOON).toBeDefined()
      await expect(fetch(`http://127.0.0.1:${local()}`)).rejects.toThrow()
      await expect
        .poll(() => forwarding.said().stderr, SOON)
        .toContain(`error forwarding port ${port} to pod ${speaks}`)
      forwarding.child.kill('SIGINT')
    })
  })

  it('resizes the terminal', async () => {
    for (const [speaks, environment] of [
      ['all', {}],
      ['all', SPDY_CLIENT],
      ['upstream', {}],
    ] as const) {
      kubelets[speaks].sizes.length = 0
      const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: server.kubectl.kubeconfig, ...environment }
      const command = `stty rows 33 cols 101; kubectl exec -it ${speaks} -- sh -c 'read line'`
      const terminal = spawn('script', ['-qec', command, '/dev/null'], { env, stdio: 'pipe' })
      terminal.stdout.resume()
      const closed = once(terminal, 'close')
      await expect.poll(() => kubelets[speaks].sizes[0], SOON).toEqual({ width: 101, height: 33 })
      terminal.stdin.write('\n')
      await closed
    }
  })

  it('is told that a kubelet does not speak what it must', async () => {
    const { code, stderr } = await kubectl(['exec', 'websocket', '--', 'true'], SPDY_CLIENT)
    expect([code, stderr]).toEqual([1, expect.stringContaining('that is not spoken here')])
  })

  it.each(Object.entries(CLIENTS))('%s is told of a container that is not there', async (_, environment) => {
    const { code, stderr } = await kubectl(['exec', 'all', '-c', 'nosuch', '--', 'true'], environment)
    expect([code, stderr]).toEqual([1, expect.stringContaining('container nosuch is not valid for pod all')])
  })

  it('may not, when the rules do not say so: get for WebSockets, create for SPDY', async () => {
    const rules = (verb: string) => ({
      metadata: { name: `exec-${verb}`, namespace: 'default' },
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
        { apiGroups: [''], resources: ['pods/exec'], verbs: [verb] },
      ],
    })
    const allowed: Record<string, (number | null)[]> = {}
    for (const verb of ['get', 'create']) {
      await server.client.create(resources.roles, rules(verb))
      await server.client.create(resources.roleBindings, {
        metadata: { name: `exec-${verb}`, namespace: 'default' },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: verb }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: `exec-${verb}` },
      })
      const { kubeconfig } = await server.kubectlAs(verb)
      const run = async (environment: object) => {
        const { child } = startKubectl(['exec', 'all', '--', 'true'], environment, kubeconfig)
        const [code] = await once(child, 'close')
        return code
      }
      // kubectl tries SPDY after a WebSocket that was refused.
      await expect.poll(() => run(verb === 'get' ? {} : SPDY_CLIENT), SOON).toBe(0)
      allowed[verb] = [await run({}), await run(SPDY_CLIENT)]
    }
    expect(allowed).toEqual({ get: [0, 1], create: [0, 0] })
  })

  it.each(combinations.slice(0, 4))(
    '$client learns that the kubelet is gone: $speaks',
    async ({ speaks, client, environment }) => {
      const name = `gone-${speaks}-${client.split(' ')[1]!.toLowerCase()}`
      const kubelet = await addNode(speaks, name)
      const { child, said } = startKubectl(['exec', name, '--', 'sh', '-c', 'echo started; sleep 60'], environment)
      await expect.poll(() => said().stdout.toString(), SOON).toBe('started\n')
      const closed = once(child, 'close')
      await kubelet.stop()
      await closed
      expect((await kubectl(['exec', name, '--', 'true'], environment)).stderr).toContain('connection refused')
    },
  )

  it('that goes takes the command with it', async () => {
    for (const environment of Object.values(CLIENTS)) {
      const { child, said } = startKubectl(
        ['exec', 'spdy', '--', 'sh', '-c', 'echo started; exec sleep 60'],
        environment,
      )
      await expect.poll(() => said().stdout.toString(), SOON).toBe('started\n')
      child.kill('SIGKILL')
      await expect.poll(() => kubelets.spdy.running, SOON).toBe(0)
    }
  })
})

describe('what goes to the kubelet', () => {
  const open = (pod: string, protocols: string[], query: string) => {
    const { cert: ca } = server.authority
    const config = new k8s.KubeConfig()
    config.loadFromFile(server.kubectl.kubeconfig)
    const user = config.getCurrentUser()!
    const url = `${server.url.replace('https', 'wss')}/api/v1/namespaces/default/pods/${pod}/exec?${query}`
    const fromBase64 = (text: string | undefined) => Buffer.from(text ?? '', 'base64')
    return new WebSocket(url, protocols, { ca, cert: fromBase64(user.certData), key: fromBase64(user.keyData) })
  }
  const echo = 'command=echo&command=hello&stdout=true&stderr=true'
  const fail = 'command=false&stdout=true&stderr=true'

  async function said(socket: WebSocket): Promise<string[]> {
    const messages: string[] = []
    socket.on('message', (message: Buffer, isBinary) => {
      messages.push(isBinary ? `${message[0]}:${message.subarray(1)}` : `text ${message}`)
    })
    await once(socket, 'close')
    return messages
  }

  it('is what the client speaks, if the kubelet does, too', async () => {
    const before = kubelets.all.upgrades.length
    const socket = open('all', ['v5.channel.k8s.io'], echo)
    expect(await said(socket)).toEqual(['1:hello\n', '3:{"metadata":{},"status":"Success"}'])
    expect(kubelets.all.upgrades.slice(before)).toEqual(['websocket v5.channel.k8s.io'])
  })

  it('is SPDY, if it does not; and it is asked only once', async () => {
    const kubelet = await addNode('upstream', 'asked-once')
    for (let times = 0; times < 3; times++) await said(open('asked-once', ['v5.channel.k8s.io'], echo))
    const [websocket, spdy] = ['!websocket v5.channel.k8s.io', 'spdy v4.channel.k8s.io']
    expect(kubelet.upgrades).toEqual([websocket, spdy, spdy, spdy])
    await kubelet.stop()
  })

  it('is translated for clients of every age', async () => {
    const failure = 'command terminated with non-zero exit code: exit code 1'
    expect(await said(open('spdy', ['channel.k8s.io'], fail))).toEqual([`3:${failure}`])
    expect(await said(open('spdy', [], echo))).toEqual(['1:hello\n'])
    const base64 = `text 3${Buffer.from('{"metadata":{},"status":"Success"}').toString('base64')}`
    const socket = open('spdy', ['v4.base64.channel.k8s.io'], echo)
    expect(await said(socket)).toEqual([`text 1${Buffer.from('hello\n').toString('base64')}`, base64])
    expect(socket.protocol).toBe('v4.base64.channel.k8s.io')
  })

  it.each(['all', 'spdy'])(
    'does not pile up here when the client does not read, and the kubelet speaks: %s',
    async (pod) => {
      const socket = open(
        pod,
        ['v5.channel.k8s.io'],
        'command=head&command=-c&command=80000000&command=/dev/zero&stdout=true',
      )
      await once(socket, 'open')
      socket.pause()
      const before = process.memoryUsage()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      const after = process.memoryUsage()
      const grown = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed
      expect(grown).toBeLessThan(40_000_000)
      let bytes = 0
      socket.on('message', (message: Buffer) => {
        if (message[0] === 1) bytes += message.length - 1
      })
      socket.resume()
      await once(socket, 'close')
      expect(bytes).toBe(80_000_000)
    },
  )

  it('is refused when nothing is in common, or it is no upgrade', async () => {
    const socket = open('all', ['v9.channel.k8s.io'], echo).on('error', () => {})
    const [, response] = await once(socket, 'unexpected-response')
    expect(response.statusCode).toBe(400)
  })
})

describe('@kubernetes/client-node', () => {
  let config: k8s.KubeConfig
  beforeAll(() => {
    config = new k8s.KubeConfig()
    config.loadFromFile(server.kubectl.kubeconfig)
  })

  const textOf = (stream: PassThrough) => {
    let text = ''
    stream.on('data', (chunk) => {
      text += chunk
    })
    return () => text
  }

  it.each(['all', 'upstream', 'spdy'] as const)('runs commands, with input; the kubelet speaks: %s', async (speaks) => {
    const output = new PassThrough()
    const text = textOf(output)
    const input = new PassThrough()
    const ended = new Promise<k8s.V1Status>((resolve, reject) => {
      new k8s.Exec(config).exec('default', speaks, 'main', ['cat'], output, null, input, false, resolve).catch(reject)
    })
    input.end('hello')
    expect([(await ended).status, text()]).toEqual(['Success', 'hello'])
  })

  it.each(['all', 'upstream', 'spdy'] as const)('attaches; the kubelet speaks: %s', async (speaks) => {
    const output = new PassThrough()
    const text = textOf(output)
    const input = new PassThrough()
    const socket = await new k8s.Attach(config).attach('default', speaks, 'main', output, null, input, false)
    input.write('one\n')
    await expect.poll(text, SOON).toBe('got one\n')
    socket.close()
  })

  it.each(['all', 'upstream', 'spdy'] as const)('forwards a port; the kubelet speaks: %s', async (speaks) => {
    const { port } = web.address() as AddressInfo
    const output = new PassThrough()
    const text = textOf(output)
    const input = new PassThrough()
    const errors = new PassThrough()
    const socket = await new k8s.PortForward(config).portForward('default', speaks, [port], output, errors, input)
    input.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello')
    await expect.poll(text, SOON).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nhello\r\n/)
    ;(socket as { close(): void }).close()
  })
})
