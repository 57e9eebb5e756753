/**
 * The main job, as its user does it: boot, apply a Deployment and a Service with the real kubectl, ask the Service from a pod.
 * Then what must not break it: every component killed, a node lost, everything stopped and started again.
 * All of it once on our etcd, and once on a real one.
 */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RealEtcd, startRealEtcd } from '../etcd-api/real-etcd.ts'
import { describeWith } from '../testing/tools.ts'
import { clusterDirectory, readJsonFile } from './cluster-directory.ts'
import type { ClusterState } from './supervisor.ts'

const run = promisify(execFile)
const name = `e2e-${process.pid}`
const directory = clusterDirectory(name)
const docker = new Dockerode()

const npmScript = (command: string, ...args: string[]) => run(process.execPath, ['kit/cli/start.mjs', command, ...args])
/** Where its state is kept: in members of its own, or where these flags say. */
let etcdFlags: readonly string[] = []
const up = () => npmScript('up', '--name', name, '--detach', ...etcdFlags)
const down = () => npmScript('cluster', 'down', '--name', name)
const state = () => readJsonFile<ClusterState>(directory.stateFile)!

async function kubectl(...args: string[]): Promise<string> {
  const { stdout } = await run('kubectl', ['--kubeconfig', directory.kubeconfig, ...args])
  return stdout.trim()
}

/** The fallback of every kubectl, and the only protocol of old ones. */
const SPDY = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }

function startKubectl(environment: object, ...args: string[]) {
  const env = { ...process.env, ...environment }
  return spawn('kubectl', ['--kubeconfig', directory.kubeconfig, ...args], { env, stdio: 'pipe' })
}

/** What it prints, given this input. */
async function kubectlWith(environment: object, input: string, ...args: string[]): Promise<string> {
  const child = startKubectl(environment, ...args)
  child.stdin.end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (child.exitCode === null) await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`kubectl ${args.join(' ')} exited with ${child.exitCode}: ${stderr}`)
  return stdout
}

/** Two answers of the server at this port of the pod, which must be the same, through `kubectl port-forward`. */
async function throughForward(environment: object, pod: string, port: number): Promise<string> {
  const forwarding = startKubectl(environment, 'port-forward', pod, `:${port}`)
  try {
    const [line] = await once(forwarding.stdout.setEncoding('utf8'), 'data')
    const local = /127\.0\.0\.1:(\d+)/.exec(line)?.[1]
    const ask = async () => (await fetch(`http://127.0.0.1:${local}/`)).text()
    const first = await eventually(ask, () => true)
    expect(await ask()).toBe(first)
    return first
  } finally {
    forwarding.kill('SIGINT')
  }
}

/** Repeats a question until its answer is right; the test's own time-out bounds it. */
async function eventually<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined && isRight(answer)) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Which pods answered, when the client pod asked the Service so many times. */
async function whoAnswers(times: number): Promise<Set<string>> {
  const ask = `for i in $(seq ${times}); do wget -T 5 -qO- http://$HELLO_SERVICE_HOST; done`
  return new Set((await kubectl('exec', 'client', '--', 'sh', '-c', ask)).split('\n'))
}

async function helloPods(): Promise<Set<string>> {
  return new Set(
    (await kubectl('get', 'pods', '-l', 'app=hello', '-o', 'jsonpath={.items[*].metadata.name}')).split(' '),
  )
}

async function ourContainers() {
  return docker.listContainers({ all: true, filters: { label: [`brain-and-muscle.cluster=${name}`] } })
}

/** A process that ended but whose parent has not asked for its exit code (a zombie) does not run. */
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout !== '' && !stdout.startsWith('Z')
}

describeWith(['docker', 'kubectl'], 'a cluster with real containers', () => {
  clusterStories(async () => undefined)
})

describeWith(['docker', 'kubectl', 'etcd'], 'the same cluster on a real etcd', () => {
  clusterStories(startRealEtcd)
})

function clusterStories(startEtcd: () => Promise<RealEtcd | undefined>): void {
  let etcd: RealEtcd | undefined
  beforeAll(async () => {
    etcd = await startEtcd()
    etcdFlags = etcd ? ['--etcd-endpoints', etcd.endpoint] : []
    await up()
  }, 90_000)
  afterAll(async () => {
    await down()
    await etcd?.stop()
    rmSync(directory.root, { recursive: true, force: true })
  }, 60_000)

  it('has all nodes ready', async () => {
    expect(
      await kubectl(
        'get',
        'nodes',
        '-o',
        'jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}',
      ),
    ).toBe('node-1=True node-2=True')
  })

  it('runs a Deployment with three replicas on two nodes, and a Service that all three answer in turn', async () => {
    await kubectl('apply', '-f', 'kit/examples/hello.yaml')
    await kubectl('rollout', 'status', 'deployment/hello', '--timeout=60s')
    await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=60s')
    const nodes = await kubectl('get', 'pods', '-l', 'app=hello', '-o', 'jsonpath={.items[*].spec.nodeName}')
    expect(new Set(nodes.split(' '))).toEqual(new Set(['node-1', 'node-2']))
    const pods = await helloPods()
    expect(pods.size).toBe(3)
    // Thirty questions: the chance that one of three pods is never drawn is 1 in 60,000.
    expect(
      await eventually(
        () => whoAnswers(30),
        (answers) => answers.size === 3,
      ),
    ).toEqual(pods)
  }, 120_000)

  it('streams logs and passes exit codes through exec', async () => {
    const [pod] = [...(await helloPods())]
    expect(await kubectl('logs', pod!)).toContain('listens on port 8080')
    await expect(kubectl('exec', 'client', '--', 'sh', '-c', 'exit 7')).rejects.toMatchObject({ code: 7 })
  }, 30_000)

  it('attaches, copies files, and carries input to its end, over WebSockets and over SPDY', async () => {
    const lines = 'while read line; do echo "got $line"; done'
    await kubectl(
      'run',
      'echo',
      '--image=brain-and-muscle/demo:1',
      '--stdin',
      '--attach=false',
      '--restart=Never',
      '--',
      'sh',
      '-c',
      lines,
    )
    await kubectl('wait', '--for=condition=Ready', 'pod/echo', '--timeout=60s')
    const file = `${directory.root}/copied`
    for (const environment of [{}, SPDY]) {
      expect(await kubectlWith(environment, 'one\ntwo\n', 'exec', '-i', 'client', '--', 'cat')).toBe('one\ntwo\n')
      writeFileSync(file, randomBytes(5_000_000))
      const sent = readFileSync(file)
      await kubectlWith(environment, '', 'cp', file, 'client:/tmp/copied')
      await kubectlWith(environment, '', 'cp', 'client:/tmp/copied', file)
      expect(readFileSync(file).equals(sent)).toBe(true)
    }
    // Its input is its container's: when whoever attached lets go, it ends (stdinOnce), and so does the loop.
    expect(await kubectlWith({}, 'one\n', 'attach', '-i', 'echo')).toBe('got one\n')
    await kubectl('delete', 'pod', 'echo', '--now')
  }, 120_000)

  it('forwards ports of a pod, also of a server that only the pod itself can see', async () => {
    const serve = (port: number) =>
      `require("http").createServer((q, s) => s.end("loopback")).listen(${port}, "127.0.0.1")`
    const inner = startKubectl({}, 'exec', 'client', '--', 'node', '-e', serve(9000))
    const [hello] = [...(await helloPods())]
    for (const environment of [{}, SPDY]) {
      expect(await throughForward(environment, hello!, 8080)).toContain(hello)
      expect(await throughForward(environment, 'client', 9000)).toBe('loopback')
    }
    inner.kill()
  }, 60_000)

  it('gives each pod a token, with which it reaches the API server, and what its account may do there', async () => {
    const ask = (path: string) => {
      const program = `
        const { readFileSync } = require('node:fs')
        const at = '/var/run/secrets/kubernetes.io/serviceaccount/'
        const headers = { authorization: 'Bearer ' + readFileSync(at + 'token', 'utf8') }
        fetch('https://10.96.0.1${path}', { headers }).then(async (answer) => console.log(await answer.text()))`
      const ca = 'NODE_EXTRA_CA_CERTS=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'
      return kubectl('exec', 'client', '--', 'env', ca, 'node', '-e', program)
    }
    expect(JSON.parse(await ask('/version')).major).toBe('1')
    expect(JSON.parse(await ask('/api/v1/namespaces/default/pods')).message).toBe(
      'pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default"',
    )
    await kubectl('create', 'rolebinding', 'viewers', '--clusterrole=view', '--serviceaccount=default:default')
    const list = await eventually(
      () => ask('/api/v1/namespaces/default/pods').then(JSON.parse),
      ({ kind }) => kind === 'PodList',
    )
    expect(list.items.length).toBeGreaterThan(0)
  }, 60_000)

  it('rolls a change out and back', async () => {
    await kubectl('set', 'env', 'deployment/hello', 'COLOUR=blue')
    await kubectl('rollout', 'status', 'deployment/hello', '--timeout=90s')
    expect(await kubectl('exec', 'deploy/hello', '--', 'sh', '-c', 'echo $COLOUR')).toBe('blue')
    await kubectl('rollout', 'undo', 'deployment/hello')
    await kubectl('rollout', 'status', 'deployment/hello', '--timeout=90s')
    expect(await kubectl('exec', 'deploy/hello', '--', 'sh', '-c', 'echo [$COLOUR]')).toBe('[]')
  }, 240_000)

  it('heals after each component was killed with SIGKILL', async () => {
    for (const component of Object.keys(state().components)) {
      const before = state().components[component]!
      await npmScript('cluster', 'kill', component, '--name', name)
      await eventually(
        async () => state().components[component],
        (now) => now?.pid !== undefined && now.pid !== before.pid,
      )
    }
    const before = await helloPods()
    await eventually(
      () => kubectl('scale', 'deployment/hello', '--replicas=4'),
      () => true,
    )
    await kubectl('rollout', 'status', 'deployment/hello', '--timeout=60s')
    const after = await helloPods()
    expect(after.size).toBe(4)
    // The pods that ran before still run: nothing was started twice or replaced.
    expect([...after]).toEqual(expect.arrayContaining([...before]))
    expect(
      await eventually(
        () => whoAnswers(40),
        (answers) => answers.size === 4,
      ),
    ).toEqual(after)
  }, 120_000)

  it('resumes with all its objects after it was stopped, and leaves nothing behind meanwhile', async () => {
    const uid = await kubectl('get', 'deployment', 'hello', '-o', 'jsonpath={.metadata.uid}')
    const pids = Object.values(state().components).map(({ pid }) => pid)
    await down()
    expect(await ourContainers()).toEqual([])
    expect((await docker.listNetworks()).map(({ Name }) => Name)).not.toContain(`bm-${name}`)
    for (const pid of pids) expect(await isRunning(pid!)).toBe(false)

    await up()
    expect(await kubectl('get', 'deployment', 'hello', '-o', 'jsonpath={.metadata.uid}')).toBe(uid)
    await kubectl('rollout', 'status', 'deployment/hello', '--timeout=90s')
    const answers = await eventually(
      () => whoAnswers(40),
      (those) => those.size === 4,
    )
    expect(answers).toEqual(await helloPods())
  }, 180_000)

  it('cleans up after its supervisor was killed', async () => {
    process.kill(state().supervisorPid, 'SIGKILL')
    const pids = Object.values(state().components).map(({ pid }) => pid)
    await down()
    expect(await ourContainers()).toEqual([])
    for (const pid of pids) expect(await isRunning(pid!)).toBe(false)
  }, 60_000)
}
