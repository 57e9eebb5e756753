/**
 * etcd: one member of ours and one real etcd on the same disk, both with fsync, asked in turns by the same client.
 *
 * Values have 1 KiB, as in `etcdctl check perf`, which is run against both as well: its load is upstream's own.
 */
import { spawn } from 'node:child_process'
import { serviceDefinition } from '../../etcd-api/services.ts'
import { hasTool } from '../../testing/tools.ts'
import type { BenchContext, Benchmark } from '../benchmark.ts'
import type { Reference, Target } from '../figures.ts'
import { connectGrpc } from '../grpc-pool.ts'
import { compareUnderLoad, type Operate } from '../load.ts'
import { createStand, type EtcdMember, realEtcdVersion, startEtcd } from '../stand.ts'

const VALUE = Buffer.alloc(1024, 'v')
const KEYS = 1_000
const MOST_CLIENTS = 256

interface Load {
  readonly what: string
  readonly clients: number
  readonly target?: Target
  operation(call: Call): Operate
}

const LOADS: readonly Load[] = [
  { what: 'put', clients: 1, target: { ratio: 1 }, operation: put },
  { what: 'put', clients: 64, target: { ratio: 0.7 }, operation: put },
  { what: 'put', clients: 256, target: { ratio: 0.7 }, operation: put },
  { what: 'get, linearizable', clients: 64, operation: get(false) },
  { what: 'get, serializable', clients: 64, operation: get(true) },
  { what: 'txn, create if absent', clients: 64, operation: createIfAbsent },
]

export const etcd: Benchmark = {
  name: 'etcd',
  about: 'One etcd member, ours and the real one in turns, with fsync: 1 KiB puts, gets, transactions',

  async run(context) {
    const stand = await createStand(context)
    const version = realEtcdVersion()
    context.progress('starting the members')
    const ours = await startEtcd(context, stand, 'ours')
    const real: Real | undefined = version
      ? { ...(await startEtcd(context, stand, 'real')), name: `etcd ${version}` }
      : undefined
    if (!real) context.note('The real etcd is not installed here, so there is nothing to compare with.')
    await measureLoads(context, ours, real)
    if (!context.quick) await checkPerformance(context, ours.endpoint, real)
  },
}

interface Real extends EtcdMember {
  readonly name: string
}

async function measureLoads(context: BenchContext, ours: EtcdMember, real: Real | undefined): Promise<void> {
  const ourCall = connect(context, ours)
  const realCall = real && connect(context, real)
  for (const { what, clients, target, operation } of LOADS) {
    const title = `${what}, ${clients} client${clients === 1 ? '' : 's'}`
    context.progress(title)
    const result = await compareUnderLoad({
      shape: { clients, maxOperations: 20_000, maxMs: context.quick ? 500 : 2_000 },
      rounds: context.quick ? 1 : 3,
      ours: { operate: operation(ourCall), cpuSeconds: ours.cpuSeconds },
      theirs: realCall && { operate: operation(realCall), cpuSeconds: real.cpuSeconds },
      signal: context.signal,
    })
    const reference: Reference | undefined = real &&
      result.theirs && { name: real.name, origin: 'measured', ...result.theirs }
    context.measured({ what: title, unit: 'per second', ours: result.ours, reference, target })
  }
}

/** Sends a request in the name of one client. */
type Call = (client: number, method: 'Put' | 'Range' | 'Txn', request: object) => Promise<void>

function connect(context: BenchContext, { endpoint }: EtcdMember): Call {
  const pool = connectGrpc(endpoint, MOST_CLIENTS)
  context.cleanup(() => pool.close())
  const methods = serviceDefinition('KV', 'buffer')
  return (client, method, request) => {
    const { path, requestSerialize } = methods[method]!
    return pool.call(client, path, requestSerialize(request))
  }
}

function put(call: Call): Operate {
  let count = 0
  return (client) => call(client, 'Put', { key: keyOf(count++ % KEYS), value: VALUE })
}

/** Of keys that the puts before it have written. */
function get(serializable: boolean): (call: Call) => Operate {
  return (call) => {
    let count = 0
    return (client) => call(client, 'Range', { key: keyOf(count++ % KEYS), serializable })
  }
}

/** What the API server does for every object that it creates. */
function createIfAbsent(call: Call): Operate {
  let count = 0
  return (client) => {
    const key = Buffer.from(`created/${process.pid}/${count++}`)
    return call(client, 'Txn', {
      compare: [{ target: 'MOD', result: 'EQUAL', key, modRevision: 0 }],
      success: [{ requestPut: { key, value: VALUE } }],
      failure: [{ requestRange: { key } }],
    })
  }
}

function keyOf(number: number): Buffer {
  return Buffer.from(`bench/${String(number).padStart(6, '0')}`)
}

/** Upstream's own load: 500 clients that ask for 8,000 puts a second together, for a minute. */
async function checkPerformance(context: BenchContext, ours: string, real: Real | undefined): Promise<void> {
  if (!hasTool('etcdctl')) return context.note('`etcdctl check perf` was not run: etcdctl is not installed here.')
  const what = 'etcdctl check perf --load=l'
  context.progress(`${what}, ours (a minute)`)
  const ourWrites = await runCheck(context, ours)
  if (real) context.progress(`${what}, ${real.name} (a minute)`)
  const realWrites = real && (await runCheck(context, real.endpoint))
  const reference: Reference | undefined =
    real && realWrites !== undefined ? { name: real.name, origin: 'measured', value: realWrites } : undefined
  if (ourWrites === undefined) return context.note(`\`${what}\` gave no figure for ours.`)
  context.measured({ what, unit: 'per second', ours: { value: ourWrites }, reference, target: { ratio: 0.7 } })
}

async function runCheck(context: BenchContext, endpoint: string): Promise<number | undefined> {
  const child = spawn('etcdctl', ['--endpoints', endpoint, 'check', 'perf', '--load=l'], {
    env: { ...process.env, ETCDCTL_API: '3' },
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: context.signal,
    timeout: 120_000,
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  return parseCheckPerf(output)
}

/** Writes per second, from "PASS: Throughput is 989 writes/s" or "FAIL: Throughput too low: 4600 writes/s". */
export function parseCheckPerf(output: string): number | undefined {
  const writes = /Throughput (?:is|too low:) (\d+) writes\/s/.exec(output)?.[1]
  return writes === undefined ? undefined : Number(writes)
}
