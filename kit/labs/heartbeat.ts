/**
 * Vitest loads this in the worker before every test file of a lab. It posts which test begins, and every second that the worker's
 * event loop still turns: code in an endless loop cannot say that it is in one, but falls silent.
 */
import { BroadcastChannel } from 'node:worker_threads'
import { afterEach, beforeEach, expect, type RunnerTask } from 'vitest'
import { HEARTBEAT_MS, SIGNS_CHANNEL, type SignOfLife } from './signs-of-life.ts'

const channel = new BroadcastChannel(SIGNS_CHANNEL)
channel.unref()
const file = expect.getState().testPath ?? ''
let test: string | undefined
const post = () => channel.postMessage({ file, test } satisfies SignOfLife)

beforeEach(({ task }) => {
  test = titleOf(task)
  post()
})
afterEach(() => {
  test = undefined
})
post()
setInterval(post, HEARTBEAT_MS).unref()

/** What the test is about and what it says, without the source at the end of a lesson's title. */
function titleOf(task: RunnerTask): string {
  const name = task.name.replace(/ \([^()]*\)$/, '')
  return task.suite ? `${titleOf(task.suite)}: ${name}` : name
}
