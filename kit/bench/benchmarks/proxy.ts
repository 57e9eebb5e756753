/**
 * kube-proxy: how long its pure function takes for many Services, from scratch and after one change; and, where Docker is there,
 * a full sync into a node's network stack beside a bare `iptables-restore` of the same text.
 */
import Dockerode from 'dockerode'
import { endpointsByServicePort } from '#proxy/endpoints.ts'
import { changesBetween } from '#proxy/minimal-update.ts'
import { buildRules } from '#proxy/rules.ts'
import { servicePortsOf } from '#proxy/service-ports.ts'
import type { EndpointSlice, Service } from '../../api/objects.ts'
import { execInContainer } from '../../cluster/container-exec.ts'
import { CLUSTER_LABEL, removeCluster } from '../../cluster/network.ts'
import { createNodeIptables } from '../../cluster/node-iptables.ts'
import { NO_RULES, parseIptablesSave, type Rules } from '../../contracts/proxy-rules.ts'
import { ensureImages } from '../../images/ensure-images.ts'
import { NODE_IMAGE } from '../../images/recipes.ts'
import { hasTool } from '../../testing/tools.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import { benchClusterName } from '../stand.ts'
import { median } from '../statistics.ts'

const ENDPOINTS_EACH = 3
const RESTORE = ['iptables-restore', '--wait', '10', '--noflush']

interface World {
  readonly services: readonly Service[]
  readonly slices: readonly EndpointSlice[]
}

export const proxy: Benchmark = {
  name: 'proxy',
  about: `Rules for many Services with ${ENDPOINTS_EACH} endpoints each: computed, and written into a node's network stack`,

  async run(context) {
    const sizes = context.quick ? [1_000] : [1_000, 10_000]
    for (const size of sizes) await measureFunction(context, size)
    if (hasTool('docker')) for (const size of sizes) await measureSync(context, size)
    else context.note('No Docker engine answers here: nothing was written into a network stack.')
  },
}

async function measureFunction(context: BenchContext, size: number): Promise<void> {
  const title = `${size.toLocaleString('en')} Services`
  context.progress(`computing the rules of ${title}`)
  const before = worldOf(size)
  const after = withOneEndpointLess(before)
  const full = await repeat(context, () => changesBetween(NO_RULES, rulesOf(before)))
  const present = rulesOf(before)
  const change = await repeat(context, () => changesBetween(present, rulesOf(after)))
  context.measured({ what: `compute all rules of ${title}`, unit: 'ms', ours: { value: full } })
  context.measured({ what: `compute one change among ${title}`, unit: 'ms', ours: { value: change } })
}

/** @returns milliseconds, the middle of several times. */
async function repeat(context: BenchContext, compute: () => unknown): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < (context.quick ? 3 : 7); round++) {
    context.signal.throwIfAborted()
    const startMs = performance.now()
    compute()
    times.push(performance.now() - startMs)
    // Ctrl-C must get a chance.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return median(times) ?? Number.NaN
}

/** As kube-proxy does it: read what is there, compute, write what differs. The bare program gets the finished text. */
async function measureSync(context: BenchContext, size: number): Promise<void> {
  const title = `${size.toLocaleString('en')} Services`
  const docker = new Dockerode()
  await ensureImages(docker)
  const world = worldOf(size)
  const changed = withOneEndpointLess(world)
  const fullText = changesBetween(NO_RULES, rulesOf(world))
  const changeText = changesBetween(rulesOf(world), rulesOf(changed))
  const times: Record<'full' | 'bareFull' | 'change' | 'bareChange', number[]> = {
    full: [],
    bareFull: [],
    change: [],
    bareChange: [],
  }
  for (let round = 0; round < (context.quick ? 1 : 3); round++) {
    context.progress(`writing the rules of ${title}, round ${round + 1}`)
    await withNode(context, docker, async (container) => {
      const iptables = createNodeIptables(docker, container)
      let present: Rules = NO_RULES
      times.full.push(
        await timed(async () => {
          const wanted = rulesOf(world)
          await iptables.restore(changesBetween(parseIptablesSave(await iptables.save()), wanted))
          present = wanted
        }),
      )
      times.change.push(await timed(() => iptables.restore(changesBetween(present, rulesOf(changed)))))
    })
    await withNode(context, docker, async (container) => {
      const restore = async (text: string) => {
        const { exitCode, stderr } = await execInContainer(docker, container, RESTORE, text)
        if (exitCode !== 0) throw new Error(`iptables-restore exited with ${exitCode}: ${stderr}`)
      }
      times.bareFull.push(await timed(() => restore(fullText)))
      times.bareChange.push(await timed(() => restore(changeText)))
    })
  }
  const figure = (what: string, ours: number[], theirs: number[], ratio: number) =>
    context.measured({
      what,
      unit: 'ms',
      ours: { value: median(ours) ?? Number.NaN },
      reference: { name: 'bare iptables-restore', origin: 'measured', value: median(theirs) ?? Number.NaN },
      ...(size === 10_000 && { target: { ratio } }),
    })
  figure(`full sync of ${title}`, times.full, times.bareFull, 1.2)
  figure(`sync of one change among ${title}`, times.change, times.bareChange, 1.5)
}

/** A network stack with nobody else's rules in it. */
async function withNode(context: BenchContext, docker: Dockerode, use: (container: string) => Promise<void>) {
  context.signal.throwIfAborted()
  const name = benchClusterName()
  context.cleanup(() => removeCluster(docker, name))
  const container = await docker.createContainer({
    name: `bm-${name}-node-1`,
    Image: NODE_IMAGE,
    Entrypoint: ['sh', '-c', 'trap exit TERM; while true; do sleep 1; done'],
    Labels: { [CLUSTER_LABEL]: name },
    HostConfig: { NetworkMode: 'none', CapAdd: ['NET_ADMIN', 'NET_RAW'] },
  })
  await container.start()
  await use(container.id)
  await container.remove({ force: true })
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await run()
  return performance.now() - startMs
}

function rulesOf({ services, slices }: World): Rules {
  const ports = services.flatMap(servicePortsOf)
  return buildRules(ports, endpointsByServicePort(slices, 'node-1'), { clusterCidr: '10.244.0.0/16' })
}

function worldOf(size: number): World {
  const numbers = Array.from({ length: size }, (_, number) => number)
  return { services: numbers.map(serviceNumber), slices: numbers.map((number) => sliceNumber(number, ENDPOINTS_EACH)) }
}

/** One rollout's smallest step: one Service loses one endpoint. */
function withOneEndpointLess({ services, slices }: World): World {
  return { services, slices: slices.with(0, sliceNumber(0, ENDPOINTS_EACH - 1)) }
}

/** One in ten also answers on a node port. */
function serviceNumber(number: number): Service {
  const isNodePort = number % 10 === 0
  return {
    metadata: { name: `service-${number}`, namespace: 'default' },
    spec: {
      type: isNodePort ? 'NodePort' : 'ClusterIP',
      clusterIP: `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`,
      ports: [{ name: 'http', port: 80, protocol: 'TCP', ...(isNodePort && { nodePort: 30_000 + number / 10 }) }],
    },
  }
}

function sliceNumber(number: number, endpoints: number): EndpointSlice {
  return {
    metadata: {
      name: `service-${number}-x`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': `service-${number}` },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, at) => ({
      addresses: [addressOf(number * ENDPOINTS_EACH + at)],
      nodeName: `node-${at + 1}`,
      conditions: { ready: true },
    })),
  }
}

function addressOf(number: number): string {
  return `10.244.${(number >> 8) & 255}.${number & 255}`
}
