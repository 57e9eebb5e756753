import { afterEach, expect, it } from 'vitest'
import type { Pod } from '../api/objects.ts'
import { resources } from '../api/resources.ts'
import { StatusError } from '../api/status-error.ts'
import { type ApiClient, ConnectionError } from '../contracts/api-client.ts'
import type { ListWatch } from '../contracts/list-watch.ts'
import { eventually } from '../testing/eventually.ts'
import { startListWatch } from './list-watch.ts'

let copy: ListWatch<Pod> | undefined
afterEach(() => copy?.stop())

/** A clock that jumps to whatever is waited for, a server that does what is said, and the log of what was decided. */
function start(watches: readonly ((pass: (ms: number) => void) => void)[]) {
  let nowMs = 0
  let lists = 0
  const decisions: string[] = []
  const clock = {
    now: () => nowMs,
    setTimer(delayMs: number, callback: () => void) {
      const handle = setImmediate(() => {
        nowMs += delayMs
        callback()
      })
      return { cancel: () => clearImmediate(handle) }
    },
  }
  const script = [...watches]
  const client = {
    async list() {
      lists++
      return { resourceVersion: '7', items: [] }
    },
    async *watch(_resource: unknown, _options: unknown, signal: AbortSignal) {
      const next = script.shift()
      if (next) next((ms) => (nowMs += ms))
      else await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
  } as unknown as ApiClient
  const log = { info() {}, error() {}, warn: (line: string) => decisions.push(line.slice(line.lastIndexOf('; ') + 2)) }
  copy = startListWatch<Pod>({ client, resource: resources.pods, clock, log })
  return { decisions, lists: () => lists, isDone: () => script.length === 0 }
}

const lost = () => {
  throw new ConnectionError('aborted')
}
const expired = () => {
  throw new StatusError(410, 'Expired', 'too old resource version: 5 (9)')
}

it('waits longer each time, and is quick again after a time without trouble', async () => {
  const afterAMinute = (pass: (ms: number) => void) => {
    pass(60_000)
    lost()
  }
  const { decisions, isDone } = start([lost, lost, lost, afterAMinute, lost])
  await eventually(() => expect(isDone()).toBe(true))
  expect(decisions.map((line) => line.replace('trying again in ', ''))).toEqual([
    '100 ms',
    '200 ms',
    '400 ms',
    '100 ms',
    '200 ms',
  ])
})

it('lists at once when the server has forgotten what came before, but not again and again', async () => {
  const { decisions, lists, isDone } = start([lost, expired, expired])
  await eventually(() => expect(isDone()).toBe(true))
  await eventually(() => expect(lists()).toBe(3))
  expect(decisions).toEqual(['trying again in 100 ms', 'listing again', 'trying again in 200 ms'])
})
