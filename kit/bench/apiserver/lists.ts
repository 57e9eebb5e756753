/** Lists: how long one client waits for thousands of objects, and how much memory ten of them cost at once. */
import type { Figure } from '../figures.ts'
import { compareUnderLoad } from '../load.ts'
import { recorded } from '../recorded.ts'
import { atLeastEqual, NAMESPACE, type Stage } from './stage.ts'

const PODS = `${NAMESPACE}/pods`
/** What the recorded figure is of. */
const RECORDED_PODS = 2_000
const CONCURRENT_LISTS = 10

export function measureListOfAll(stage: Stage, pods: number): Promise<void> {
  const about = pods === RECORDED_PODS ? { reference: recorded.list2000Pods, target: atLeastEqual } : {}
  return measureList(stage, { what: `list ${pods.toLocaleString('en')} pods`, path: PODS, expected: pods, about })
}

/** One in a hundred has the label. */
export async function measureSelectedLists(stage: Stage, pods: number): Promise<void> {
  const of = `of ${pods.toLocaleString('en')} pods`
  const one = (what: string, selector: string, expected: number) =>
    measureList(stage, { what: `list ${what} ${of}`, path: `${PODS}?labelSelector=${selector}`, expected, about: {} })
  await one(`the ${Math.ceil(pods / 100)} with a label`, 'rare%3Dyes', Math.ceil(pods / 100))
  await one('those without it, by a set', 'app+in+(bench,other),!rare', pods - Math.ceil(pods / 100))
}

interface ListMeasurement {
  readonly what: string
  readonly path: string
  /** How many objects. */
  readonly expected: number
  readonly about: Pick<Figure, 'reference' | 'target'>
}

async function measureList(stage: Stage, { path, expected, about, ...rest }: ListMeasurement): Promise<void> {
  const { context, plane, pool, on, processor } = stage
  const what = `${rest.what}, ${on}`
  context.progress(what)
  const list = (client: number) => pool.send(client, { method: 'GET', path })
  const seen = (await list(0)).toString('latin1').split('"uid":').length - 1
  if (seen !== expected) throw new Error(`${what}: ${seen} objects instead of ${expected}`)
  const { ours } = await processor.during(() =>
    compareUnderLoad({
      shape: { clients: 1, maxOperations: 50, maxMs: context.quick ? 500 : 1_500 },
      rounds: 1,
      ours: { operate: list, cpuSeconds: () => plane.cpuSeconds('kube-apiserver') },
      signal: context.signal,
    }),
  )
  context.measured({ what, unit: 'ms', ours: { ...ours, value: ours.p50Ms ?? Number.NaN }, ...about })
}

/** The most memory that the server has while ten clients list everything at once, a few times over. */
export async function measureListMemory({ context, plane, pool, on }: Stage, pods: number): Promise<void> {
  const what = `memory of the API server under ${CONCURRENT_LISTS} lists of ${pods.toLocaleString('en')} pods at once, ${on}`
  context.progress(what)
  let most = 0
  const look = () => {
    most = Math.max(most, plane.memoryMB('kube-apiserver') ?? 0)
  }
  const looking = setInterval(look, 25)
  const list = async (client: number) => {
    for (let round = 0; round < 3; round++) {
      context.signal.throwIfAborted()
      await pool.send(client, { method: 'GET', path: PODS })
    }
  }
  await Promise.all(Array.from({ length: CONCURRENT_LISTS }, (_, client) => list(client))).finally(() =>
    clearInterval(looking),
  )
  look()
  if (most > 0) context.measured({ what, unit: 'MB', ours: { value: most } })
}
