/**
 * Puts, gets and transactions from many clients at a time, each waiting for its answer before it asks again.
 */
import { serviceDefinition } from '../../etcd-api/services.ts'
import type { BenchContext } from '../benchmark.ts'
import type { Target } from '../figures.ts'
import { connectGrpc } from '../grpc-pool.ts'
import { compareUnderLoad, type Operate, runRound } from '../load.ts'
import type { EtcdMember } from '../stand.ts'
import { type Contest, eachSide, reference } from './contest.ts'

export interface Load {
  readonly what: string
  readonly clients: number
  readonly target?: Target
  operation(call: Call): Operate
}

export const ONE_MEMBER: readonly Load[] = [
  { what: 'put', clients: 1, target: { ratio: 1 }, operation: put },
  { what: 'put', clients: 64, target: { ratio: 0.7 }, operation: put },
  { what: 'put', clients: 256, target: { ratio: 0.7 }, operation: put },
  { what: 'get, linearizable', clients: 1, operation: get(false) },
  { what: 'get, linearizable', clients: 64, operation: get(false) },
  { what: 'get, serializable', clients: 64, operation: get(true) },
  { what: 'txn, create if absent', clients: 64, operation: createIfAbsent },
]

export const THREE_MEMBERS: readonly Load[] = [
  { what: 'put, 3 members', clients: 1, operation: put },
  { what: 'put, 3 members', clients: 64, operation: put },
]

export const VALUE = Buffer.alloc(1024, 'v')
const KEYS = 1_000
const MOST_CLIENTS = 256

export async function measureLoads(
  context: BenchContext,
  members: Contest<EtcdMember>,
  loads: readonly Load[],
): Promise<void> {
  const systems = await eachSide(members, ({ endpoint, cpuSeconds }) => ({
    call: connect(context, endpoint),
    cpuSeconds,
  }))
  await warmUp(context, systems)
  for (const { what, clients, target, operation } of loads) {
    const title = `${what}, ${clients} client${clients === 1 ? '' : 's'}`
    context.progress(title)
    const { ours, real, realName } = systems
    const result = await compareUnderLoad({
      shape: { clients, maxOperations: 20_000, maxMs: context.quick ? 500 : 2_000 },
      rounds: context.quick ? 1 : 3,
      ours: { ...ours, operate: operation(ours.call) },
      theirs: real && { ...real, operate: operation(real.call) },
      signal: context.signal,
    })
    const theirs = result.theirs && reference(realName, result.theirs)
    context.measured({ what: title, unit: 'per second', ours: result.ours, reference: theirs, target })
  }
}

/** A server runs for weeks: what one client waits for in the first seconds of its life, before its code is compiled, says little. */
async function warmUp({ signal, quick, progress }: BenchContext, systems: Contest<{ call: Call }>): Promise<void> {
  progress('warming up')
  const shape = { clients: 64, maxOperations: 20_000, maxMs: quick ? 1_000 : 3_000 }
  await eachSide(systems, ({ call }) => runRound(shape, { operate: put(call) }, signal))
}

/** Sends a request in the name of one client. */
export type Call = (client: number, method: 'Put' | 'Range' | 'Txn', request: object) => Promise<void>

export function connect(context: Pick<BenchContext, 'cleanup'>, endpoint: string, clients = MOST_CLIENTS): Call {
  const pool = connectGrpc(endpoint, clients)
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
