/** A cluster of stubs: it cannot become ready, and says step by step what to write. */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { clusterDirectory } from './cluster-directory.ts'

const run = promisify(execFile)
const nameFor = (mine: string) => `stubs-${mine}-${process.pid}`

const start = (mine: string) =>
  run(process.execPath, [
    'kit/cli/start.mjs',
    'up',
    '--name',
    nameFor(mine),
    '--runtime',
    'fake',
    '--mine',
    mine,
  ]).catch((failure: { code: number; stdout: string; stderr: string }) => failure)

describe('npm start on stubs', () => {
  afterAll(() => {
    for (const mine of ['all', '2', '5']) rmSync(clusterDirectory(nameFor(mine)).root, { recursive: true, force: true })
  })

  it.each([
    ['all', /etcd-1.*: not implemented yet: labs\/01-etcd-raft\/src\/\S+, `\S+` \(step 1\./, 'npm run lab 1'],
    ['2', /kube-apiserver: not implemented yet: labs\/02-apiserver\/src\/\S+, `\S+` \(step 2\./, 'npm run lab 2'],
    ['5', /kubelet-node-1.*: not implemented yet: labs\/05-kubelet\/src\/\S+, `\S+` \(step 5\./, 'npm run lab 5'],
  ])(
    'with --mine %s ends with the parts to write and the next command',
    async (mine, sentence, next) => {
      const { code, stderr } = (await start(mine)) as { code?: number; stderr: string }
      expect(stderr).toMatch(sentence)
      expect(stderr).toContain(`Next: ${next}\n`)
      expect(code).toBe(1)
    },
    60_000,
  )
})
