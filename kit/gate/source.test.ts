/** The gate, part four: both trees type-check, and the source is formatted and free of lint. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot as root } from '../labs/catalog.ts'
import { compareStubs, generateStubTree, labNames } from '../stubs/stub-tree.ts'

/** Runs a tool of node_modules and returns what it complains about. */
function complaints(tool: string, ...args: string[]): string {
  const result = spawnSync(join(root, 'node_modules', '.bin', tool), args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
    shell: process.platform === 'win32',
  })
  return result.status === 0 ? '' : `${result.error ?? ''}${result.stdout}${result.stderr}`
}

/** Half-written labs need not type-check; the stubs as committed must. */
const editedByLearner =
  !process.env.CI && labNames(root).some((lab) => compareStubs(root, generateStubTree(root, lab)).edited.length > 0)

describe('the source', () => {
  it('type-checks with all solutions', () => {
    expect(complaints('tsc', '-p', 'tsconfig.json')).toBe('')
  })

  it.skipIf(editedByLearner)('type-checks with all stubs', () => {
    expect(complaints('tsc', '-p', 'tsconfig.labs.json')).toBe('')
  })

  it('type-checks what runs in a browser', () => {
    expect(complaints('tsc', '-p', 'tsconfig.browser.json')).toBe('')
  })

  it('is formatted and has no lint (npm run format)', () => {
    expect(complaints('biome', 'check', '.')).toBe('')
  })
})
