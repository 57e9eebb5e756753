import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ClusterDirectory, clusterDirectory, createDirectories, readJsonFile } from './cluster-directory.ts'
import type { Component } from './components.ts'
import { type ClusterState, type Supervisor, startSupervisor } from './supervisor.ts'

let base: string
let directory: ClusterDirectory
let supervisor: Supervisor | undefined

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'supervisor-'))
  directory = clusterDirectory('test', base)
  createDirectories(directory)
})
afterEach(async () => {
  await supervisor?.stop()
  rmSync(base, { recursive: true })
})

/** A component whose program is this JavaScript. */
function run(script: string) {
  const component: Component = { name: 'part', program: 'etcd', args: [] }
  const commandFor = () => [process.execPath, '-e', script] as const
  supervisor = startSupervisor({ directory, components: [component], commandFor, about: { runtime: 'fake' } })
  return supervisor
}

const FOREVER = `console.log('running'); setInterval(() => {}, 1000)`

describe('the supervisor', () => {
  it('brings back a component that was killed, under a new process id', async () => {
    const { state } = run(FOREVER)
    const { pid } = state().components.part!
    process.kill(pid!, 'SIGKILL')
    await eventually(() => state().components.part?.restarts === 1 && state().components.part?.pid !== undefined)
    expect(state().components.part?.pid).not.toBe(pid)
    expect(readFileSync(directory.logFile('part'), 'utf8')).toContain('was killed by SIGKILL')
  })

  it('keeps state.json in step, so that a clean-up after a crash finds every process', async () => {
    const { state } = run(FOREVER)
    expect(readJsonFile<ClusterState>(directory.stateFile)).toEqual(state())
  })

  it('stops a component that ignores SIGTERM, and does not start it again', async () => {
    const { state, stop } = run(`process.on('SIGTERM', () => {}); ${FOREVER}`)
    const { pid } = state().components.part!
    await eventually(() => readFileSync(directory.logFile('part'), 'utf8').includes('running'))
    await stop()
    expect(() => process.kill(pid!, 0)).toThrow()
    expect(state().components.part?.restarts).toBe(0)
  })
})

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
