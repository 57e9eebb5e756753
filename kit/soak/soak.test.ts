/** `npm run soak` as a command: what it prints, and how it ends. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot as root } from '../labs/catalog.ts'

/** Processes of their own on a busy machine take their time. */
const TIMEOUT_MS = 120_000

async function soak(...args: string[]): Promise<{ code: number | null; out: string; errors: string }> {
  const child = spawn(process.execPath, [join(root, 'kit/cli/start.mjs'), 'soak', ...args], { cwd: root })
  let [out, errors] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out, errors }
}

describe('npm run soak', () => {
  it(
    'tries as many seeds as it is told, and tells what each took',
    async () => {
      const { code, out } = await soak('etcd', '--seeds', '3', '--from', '40', '--jobs', '2', '--json')
      expect(JSON.parse(out)).toMatchObject({ ok: true, target: 'etcd', from: 40, seeds: 3, passed: 3 })
      expect(JSON.parse(out).msPerSeed).toBeGreaterThan(0)
      expect(code).toBe(0)
    },
    TIMEOUT_MS,
  )

  it(
    'knows what can be soaked, and complains of anything else',
    async () => {
      const { code, errors } = await soak('nothing')
      expect(errors).toContain('There is nothing called "nothing" to soak. There is:\n    etcd ')
      expect(code).toBe(2)
    },
    TIMEOUT_MS,
  )
})
