/**
 * A repository with this kit and one small lab, for tests of the tools themselves: they say nothing about the real labs and
 * nothing about the state of this checkout.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { repositoryRoot } from '../labs/catalog.ts'
import { runStubs } from '../stubs/command.ts'

export interface SmallRepository {
  readonly root: string
  /** Solution texts of the two steps: `add.ts` for 3.1, `plus.ts` for 3.2. */
  readonly add: string
  readonly plus: string
  remove(): void
}

const COPIED = [
  'kit',
  'checker',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.labs.json',
  'tsconfig.browser.json',
]

const ADD = `/** Sums. */

/**
 * Adds.
 *
 * @lab 3.1 Add two numbers
 */
export function add(a: number, b: number): number {
  return a + b
}
`
const PLUS = ADD.replaceAll('3.1', '3.2').replaceAll('add', 'plus')

export function createSmallRepository(): SmallRepository {
  const root = mkdtempSync(join(tmpdir(), 'small-repository-'))
  for (const path of COPIED) cpSync(join(repositoryRoot, path), join(root, path), { recursive: true })
  symlinkSync(join(repositoryRoot, 'node_modules'), join(root, 'node_modules'), 'dir')
  writeFiles(root, {
    'solutions/03-scheduler/add.ts': ADD,
    'solutions/03-scheduler/plus.ts': PLUS,
    'labs/03-scheduler/lab.yaml': `number: 3\ntitle: Sums\nsteps:${yamlOf(1, 'add.ts')}${yamlOf(2, 'plus.ts')}\n`,
    'labs/03-scheduler/tests/step-1.test.ts': testOf('add'),
    'labs/03-scheduler/tests/step-2.test.ts': testOf('plus'),
  })
  runStubs(root, { labs: [], check: false, force: false })
  return { root, add: ADD, plus: PLUS, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** Writes files, by path under a folder, and returns the folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

function testOf(symbol: string): string {
  return `import { expect } from 'vitest'
import { lesson } from '#kit/testing/lesson.ts'
import { ${symbol} } from '#scheduler/${symbol}.ts'

lesson('adds', { scenario: 'You add 1 and 2.', rule: 'Sums are sums.', source: 'Peano' }, ({ seed }) => {
  seed(7)
  expect(${symbol}(1, 2)).toBe(3)
})
`
}

function yamlOf(number: number, file: string): string {
  return `
  - id: "3.${number}"
    title: Step ${number}
    points: ${number * 10}
    files: [${file}]
    tests: [tests/step-${number}.test.ts]
    hints: [a nudge, the idea, the code]`
}
