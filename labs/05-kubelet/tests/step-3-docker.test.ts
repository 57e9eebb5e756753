/** Step 5.3: sandbox and containers, in Docker's words. No engine is needed here; step-3-runtime.docker.test.ts has one. */
import { describe, expect } from 'vitest'
import type { ContainerConfig, PodSandboxConfig } from '#kit/contracts/cri.ts'
import { type ContainerCreateBody, type DockerEngine, DockerError } from '#kit/runtime/docker-engine.ts'
import { createRandom } from '#kit/sim/random.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { containerOptions, type DockerPlace, sandboxOptions } from '#kubelet/docker-options.ts'
import { createOnce } from '#kubelet/docker-runtime.ts'
import { containerStatus } from '#kubelet/docker-status.ts'
import { nextPodIp } from '#kubelet/pod-ips.ts'

const DOCKERSHIM = 'dockershim docker_container.go'
const SHIM_SANDBOX = 'dockershim docker_sandbox.go'

const place: DockerPlace = {
  clusterName: 'demo',
  nodeName: 'node-1',
  network: 'bm-demo',
  nodeIp: '10.244.0.11',
  nodeContainer: 'bm-demo-node-1',
  sandboxImage: 'brain-and-muscle/pause:1',
}

const sandbox: PodSandboxConfig = {
  metadata: { name: 'web', namespace: 'default', uid: 'uid-1', attempt: 2 },
  hostname: 'web',
  ip: '10.244.1.5',
  labels: { 'io.kubernetes.pod.uid': 'uid-1', app: 'web' },
  annotations: { note: 'hello' },
}

function config(changes: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    metadata: { name: 'main', attempt: 3 },
    image: 'brain-and-muscle/demo:1',
    envs: [],
    mounts: [],
    labels: { 'io.kubernetes.container.name': 'main' },
    annotations: {},
    resources: {},
    stdin: false,
    stdinOnce: false,
    tty: false,
    ...changes,
  }
}

const options = (changes: Partial<ContainerConfig> = {}) =>
  containerOptions(config(changes), sandbox, 'sandbox-id', place)

describe('the sandbox', () => {
  lesson(
    'holds the network of the pod: its address, and its node as gateway',
    {
      scenario: 'Pod web gets the address 10.244.1.5 on the network bm-demo; its node is 10.244.0.11.',
      rule: 'The address is asked for by name of the network; NODE_IP and NET_ADMIN let the sandbox set its routes.',
      source: SHIM_SANDBOX,
    },
    () => {
      const body = sandboxOptions(sandbox, place)
      expect(body).toMatchObject({
        Image: 'brain-and-muscle/pause:1',
        Hostname: 'web',
        Env: ['NODE_IP=10.244.0.11'],
        HostConfig: { NetworkMode: 'bm-demo', IpcMode: 'shareable', CapAdd: ['NET_ADMIN'] },
        NetworkingConfig: { EndpointsConfig: { 'bm-demo': { IPAMConfig: { IPv4Address: '10.244.1.5' } } } },
      })
    },
  )

  lesson(
    'carries all that a kubelet must know after a restart',
    {
      scenario: 'The kubelet is killed. The next one finds this container, and nothing else to go by.',
      rule: 'Labels: those of the config, its annotations with a prefix, cluster, node, type, attempt, and the address.',
      source: 'dockershim naming.go, labels.go',
    },
    () => {
      expect(sandboxOptions(sandbox, place).Labels).toEqual({
        'io.kubernetes.pod.uid': 'uid-1',
        app: 'web',
        'annotation.note': 'hello',
        'brain-and-muscle.cluster': 'demo',
        'brain-and-muscle.node': 'node-1',
        'io.kubernetes.docker.type': 'podsandbox',
        'io.kubernetes.docker.attempt': '2',
        'brain-and-muscle.pod-ip': '10.244.1.5',
      })
    },
  )

  lesson(
    'of a pod with hostNetwork joins the network of its node',
    {
      scenario: 'A pod has hostNetwork: true, so the kubelet gives it no address.',
      rule: 'It shares the network of the node container. Docker refuses a host name, and an address, for such a one.',
      source: SHIM_SANDBOX,
    },
    () => {
      const body = sandboxOptions({ ...sandbox, ip: undefined }, place)
      expect(body.HostConfig?.NetworkMode).toBe('container:bm-demo-node-1')
      expect(body.Hostname).toBeUndefined()
      expect(body.NetworkingConfig).toBeUndefined()
    },
  )
})

describe('a container', () => {
  lesson(
    'joins the sandbox, and leaves restarting to the kubelet',
    {
      scenario: 'A container of pod web.',
      rule: 'Network and IPC of the sandbox; restart policy "no", or Docker would restart behind the back of the kubelet.',
      source: DOCKERSHIM,
    },
    () => {
      expect(options().HostConfig).toMatchObject({
        NetworkMode: 'container:sandbox-id',
        IpcMode: 'container:sandbox-id',
        RestartPolicy: { Name: 'no' },
      })
    },
  )

  lesson(
    'runs command and args as Kubernetes means them',
    {
      scenario: 'The four combinations of command and args.',
      rule: 'command is Entrypoint, args is Cmd. With a command the Cmd of the image must not be appended.',
      source: 'Kubernetes: Define a Command and Arguments for a Container',
    },
    () => {
      const run = (changes: Partial<ContainerConfig>) => {
        const { Entrypoint, Cmd } = options(changes)
        return { Entrypoint, Cmd }
      }
      expect(run({})).toEqual({ Entrypoint: undefined, Cmd: undefined })
      expect(run({ args: ['x'] })).toEqual({ Entrypoint: undefined, Cmd: ['x'] })
      expect(run({ command: ['sh'] })).toEqual({ Entrypoint: ['sh'], Cmd: [] })
      expect(run({ command: ['sh'], args: ['-c', 'x'] })).toEqual({ Entrypoint: ['sh'], Cmd: ['-c', 'x'] })
      expect('Entrypoint' in options()).toBe(false)
    },
  )

  lesson(
    'gets environment, directory, user and terminal',
    {
      scenario: 'A container with env A=1 and B=x=y, workingDir /app, user 1000, stdin and tty.',
      rule: 'Each has its field in Docker.',
      source: DOCKERSHIM,
    },
    () => {
      const envs = [
        { key: 'A', value: '1' },
        { key: 'B', value: 'x=y' },
      ]
      expect(
        options({ envs, workingDir: '/app', user: '1000', stdin: true, stdinOnce: true, tty: true }),
      ).toMatchObject({
        Env: ['A=1', 'B=x=y'],
        WorkingDir: '/app',
        User: '1000',
        OpenStdin: true,
        StdinOnce: true,
        Tty: true,
      })
    },
  )

  lesson(
    'is limited in cpu and memory, and cannot escape into swap',
    {
      scenario: 'Half a core requested, one and a half as the limit, 64 MiB of memory.',
      rule: 'Shares, quota per period, memory; MemorySwap equal to Memory means no swap. What is absent is unlimited.',
      source: 'kubernetes kuberuntime_container_linux.go',
    },
    () => {
      const resources = { cpuShares: 512, cpuQuotaUs: 150_000, cpuPeriodUs: 100_000, memoryLimitBytes: 67_108_864 }
      expect(options({ resources }).HostConfig).toMatchObject({
        CpuShares: 512,
        CpuQuota: 150_000,
        CpuPeriod: 100_000,
        Memory: 67_108_864,
        MemorySwap: 67_108_864,
      })
      expect(options().HostConfig).not.toHaveProperty('Memory')
      expect(options().HostConfig).not.toHaveProperty('CpuQuota')
    },
  )

  lesson(
    'mounts its volumes',
    {
      scenario: 'One volume to write, one to read only.',
      rule: 'Binds: "host:container", with ":ro" for read only.',
      source: DOCKERSHIM,
    },
    () => {
      const mounts = [
        { hostPath: '/data/a', containerPath: '/a', readonly: false },
        { hostPath: '/data/b', containerPath: '/b', readonly: true },
      ]
      expect(options({ mounts }).HostConfig?.Binds).toEqual(['/data/a:/a', '/data/b:/b:ro'])
    },
  )

  lesson(
    'carries its name, its sandbox and its attempt as labels',
    {
      scenario: 'The third restart of container main.',
      rule: 'Found again by labels: pod, container, sandbox, attempt, cluster and node.',
      source: 'dockershim labels.go',
    },
    () => {
      expect(options({ annotations: { 'io.kubernetes.container.hash': 'h1' } }).Labels).toEqual({
        'io.kubernetes.pod.name': 'web',
        'io.kubernetes.pod.namespace': 'default',
        'io.kubernetes.pod.uid': 'uid-1',
        'io.kubernetes.container.name': 'main',
        'annotation.io.kubernetes.container.hash': 'h1',
        'brain-and-muscle.cluster': 'demo',
        'brain-and-muscle.node': 'node-1',
        'io.kubernetes.docker.type': 'container',
        'io.kubernetes.sandbox.id': 'sandbox-id',
        'io.kubernetes.docker.attempt': '3',
      })
    },
  )
})

describe('creating', () => {
  /** An engine that knows only names, and counts what it makes. */
  function engine(refuse?: DockerError) {
    const made: string[] = []
    const docker = {
      async createContainer(name: string, _: ContainerCreateBody) {
        if (refuse) throw refuse
        if (made.includes(name)) throw new DockerError(409, `The container name "/${name}" is already in use`)
        made.push(name)
        return `id of ${name}`
      },
      inspectContainer: async (name: string) => (made.includes(name) ? { Id: `id of ${name}` } : undefined),
    }
    return { docker: docker as unknown as DockerEngine, made }
  }

  lesson(
    'the same twice makes one',
    {
      scenario: 'The kubelet dies right after Docker made the container. The next kubelet does the same again.',
      rule: 'A name that is taken means that the work is done: take what is there. Nothing is ever started twice.',
      source: 'dockershim helpers.go, recoverFromCreationConflictIfNeeded',
    },
    async () => {
      const { docker, made } = engine()
      expect(await createOnce(docker, 'k8s_POD_web', {})).toBe('id of k8s_POD_web')
      expect(await createOnce(docker, 'k8s_POD_web', {})).toBe('id of k8s_POD_web')
      expect(made).toEqual(['k8s_POD_web'])
    },
  )

  lesson(
    'fails aloud for any other reason',
    {
      scenario: 'Docker refuses, because the image is not there.',
      rule: 'Only a taken name is good news. The message of every other refusal goes into the status of the pod.',
      source: DOCKERSHIM,
    },
    async () => {
      const { docker } = engine(new DockerError(404, 'No such image: nope:1'))
      await expect(createOnce(docker, 'k8s_main_web', {})).rejects.toThrow('No such image: nope:1')
    },
  )
})

describe('an inspection', () => {
  const inspection = (state: object) => ({
    Id: 'container-id',
    Name: '/k8s_main',
    Created: '2026-01-01T00:00:00.5Z',
    Image: 'sha256:abc',
    Config: {
      Image: 'brain-and-muscle/demo:1',
      Labels: {
        'io.kubernetes.container.name': 'main',
        'io.kubernetes.docker.attempt': '3',
        'io.kubernetes.sandbox.id': 'sandbox-id',
        'annotation.io.kubernetes.container.hash': 'h1',
      },
    },
    State: {
      Status: 'running',
      Running: true,
      OOMKilled: false,
      ExitCode: 0,
      Error: '',
      StartedAt: '2026-01-01T00:00:01Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      ...state,
    },
  })

  lesson(
    'of a running container tells who it is and since when',
    {
      scenario: 'docker inspect of a container that runs.',
      rule: 'Identity comes from the labels, times from the state; Docker writes year 1 for "never", which is 0 here.',
      source: DOCKERSHIM,
    },
    () => {
      expect(containerStatus(inspection({}))).toMatchObject({
        id: 'container-id',
        podSandboxId: 'sandbox-id',
        metadata: { name: 'main', attempt: 3 },
        state: 'CONTAINER_RUNNING',
        annotations: { 'io.kubernetes.container.hash': 'h1' },
        image: 'brain-and-muscle/demo:1',
        imageRef: 'sha256:abc',
        createdAtMs: Date.UTC(2026, 0, 1, 0, 0, 0, 500),
        startedAtMs: Date.UTC(2026, 0, 1, 0, 0, 1),
        finishedAtMs: 0,
        reason: '',
      })
    },
  )

  lesson(
    'of an ended container tells how',
    {
      scenario: 'Containers that ended with 0, with 3, and by the out-of-memory killer, whatever the code then was.',
      rule: 'Reasons Completed, Error and OOMKilled; the last wins over the exit code.',
      source: DOCKERSHIM,
    },
    () => {
      const reason = (ExitCode: number, OOMKilled = false) => {
        const ended = { Status: 'exited', Running: false, ExitCode, OOMKilled, FinishedAt: '2026-01-01T00:00:09Z' }
        const { exitCode, reason, finishedAtMs, state } = containerStatus(inspection(ended))
        expect([state, finishedAtMs]).toEqual(['CONTAINER_EXITED', Date.UTC(2026, 0, 1, 0, 0, 9)])
        return [exitCode, reason]
      }
      expect(reason(0)).toEqual([0, 'Completed'])
      expect(reason(3)).toEqual([3, 'Error'])
      expect(reason(137, true)).toEqual([137, 'OOMKilled'])
      expect(reason(0, true)).toEqual([0, 'OOMKilled'])
    },
  )

  lesson(
    'of a container that could not start says that it ended',
    {
      scenario: 'The command does not exist. Docker leaves the container "created", with an error.',
      rule: 'Exited with code 128, reason StartError, at the time of its creation, or the kubelet would wait for it for ever.',
      source: 'containerd internal/cri, setExitedError',
    },
    () => {
      const error = 'exec: "nosuch": executable file not found in $PATH'
      const failed = {
        Status: 'created',
        Running: false,
        ExitCode: 127,
        Error: error,
        StartedAt: '0001-01-01T00:00:00Z',
      }
      expect(containerStatus(inspection(failed))).toMatchObject({
        state: 'CONTAINER_EXITED',
        exitCode: 128,
        reason: 'StartError',
        message: error,
        startedAtMs: 0,
        finishedAtMs: Date.UTC(2026, 0, 1, 0, 0, 0, 500),
      })
      const made = { Status: 'created', Running: false, StartedAt: '0001-01-01T00:00:00Z' }
      expect(containerStatus(inspection(made)).state).toBe('CONTAINER_CREATED')
    },
  )
})

describe('the address', () => {
  lesson(
    'is the next free one, going round',
    {
      scenario: 'A node with 10.244.1.0/29. Pods come and go.',
      rule: 'After the last one given, not the lowest free one: an address rests before it is used again.',
      source: 'containernetworking plugins, host-local',
    },
    () => {
      const cidr = '10.244.1.0/29'
      expect(nextPodIp(cidr, undefined, new Set())).toBe('10.244.1.2')
      expect(nextPodIp(cidr, '10.244.1.4', new Set(['10.244.1.4']))).toBe('10.244.1.5')
      expect(nextPodIp(cidr, '10.244.1.6', new Set(['10.244.1.6', '10.244.1.2']))).toBe('10.244.1.3')
    },
  )

  lesson(
    'is never the network, the gateway or broadcast, and never given twice',
    {
      scenario: 'All addresses of random blocks are asked for, one after the other.',
      rule: 'All but three of a block are usable, each once; then there are none.',
      source: 'containernetworking plugins, host-local',
    },
    (context) => {
      const random = createRandom(53)
      context.seed(random.seed)
      for (let run = 0; run < 20; run++) {
        const bits = 26 + random.below(4)
        const cidr = `10.244.${random.below(200)}.0/${bits}`
        const size = 2 ** (32 - bits)
        const taken = new Set<string>()
        let last: string | undefined
        for (let ip = nextPodIp(cidr, last, taken); ip; ip = nextPodIp(cidr, last, taken)) {
          expect(taken).not.toContain(ip)
          taken.add(ip)
          last = ip
          expect(taken.size).toBeLessThan(size)
        }
        const lastParts = [...taken].map((ip) => Number(ip.split('.')[3]))
        expect([taken.size, Math.min(...lastParts), Math.max(...lastParts)]).toEqual([size - 3, 2, size - 2])
      }
    },
  )
})
