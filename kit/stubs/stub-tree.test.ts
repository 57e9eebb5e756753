import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runStubs } from './command.ts'
import { compareStubs, generateStubTree, keepCopies, writeStubs } from './stub-tree.ts'

const LAB = '03-scheduler'
const solution = (name: string) => `/** @lab 3.1 Do it */\nexport function ${name}(): void {}\n`

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stub-tree-'))
  write(`labs/${LAB}/lab.yaml`, '')
  write(`solutions/${LAB}/queue.ts`, solution('pop'))
  write(`solutions/${LAB}/filters/ports.ts`, solution('ports'))
  write(`solutions/${LAB}/queue.test.ts`, 'not part of the tree')
  generate()
})

afterEach(() => rmSync(root, { recursive: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const generate = (force = false) => runStubs(root, { labs: [], check: false, force })
const check = () => runStubs(root, { labs: [3], check: true, force: false })
const state = () => compareStubs(root, generateStubTree(root, LAB))
const stub = `labs/${LAB}/src/queue.ts`

describe('the stubs of a lab', () => {
  it('are one file for each file of the solution, and generating again changes nothing', () => {
    expect([...generateStubTree(root, LAB).files.keys()]).toEqual(['filters/ports.ts', 'queue.ts'])
    expect(check()).toEqual({ ok: true, lines: [] })
  })

  it('follow the solution as long as nobody has edited them', () => {
    write(`solutions/${LAB}/queue.ts`, solution('popNext'))
    expect(check().lines).toContain(`outdated: ${stub}`)
    expect(generate().ok).toBe(true)
    expect(read(stub)).toContain('popNext')
  })

  it('are left alone once a learner has edited them', () => {
    write(stub, '// my work\n')
    write(`solutions/${LAB}/queue.ts`, solution('popNext'))
    const { ok, lines } = generate()
    expect(ok).toBe(false)
    expect(lines).toContain(`left alone, because it was edited: ${stub}`)
    expect(read(stub)).toBe('// my work\n')
  })

  it('are overwritten by force after a copy was kept', () => {
    write(stub, '// my work\n')
    const { ok, lines } = generate(true)
    expect(ok).toBe(true)
    const folder = /Kept a copy of the edited files in (.*)\./.exec(lines[0]!)![1]!
    expect(read(`${folder}/queue.ts`)).toBe('// my work\n')
    expect(read(stub)).toContain('NotImplemented')
  })

  it('keep copies apart that are made within the same second', () => {
    const now = new Date('2026-01-02T03:04:05Z')
    const folders = [1, 2].map(() => keepCopies(root, LAB, ['queue.ts'], now))
    expect(folders).toEqual([`.lab/backups/2026-01-02-030405-${LAB}`, `.lab/backups/2026-01-02-030405-${LAB}-2`])
  })

  it('are not edited by a checkout that changes line ends', () => {
    write(stub, read(stub).replaceAll('\n', '\r\n'))
    expect(state()).toEqual({ outdated: [], edited: [], leftover: [] })
  })

  it('go when their solution goes, unless they were edited', () => {
    rmSync(join(root, `solutions/${LAB}/filters`), { recursive: true })
    expect(state().leftover).toEqual(['filters/ports.ts'])
    writeStubs(root, generateStubTree(root, LAB), [])
    expect(() => read(`labs/${LAB}/src/filters/ports.ts`)).toThrow('ENOENT')
    expect(check().ok).toBe(true)
  })

  it('leave files alone that a learner added', () => {
    write(`labs/${LAB}/src/notes.ts`, '// mine\n')
    expect(generate().ok).toBe(true)
    expect(read(`labs/${LAB}/src/notes.ts`)).toBe('// mine\n')
    expect(check().ok).toBe(true)
  })
})
