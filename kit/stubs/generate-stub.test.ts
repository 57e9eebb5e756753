import { describe, expect, it } from 'vitest'
import { generateStub } from './generate-stub.ts'

const stubOf = (source: string) => generateStub(source, 'solutions/03-x/a.ts', 'labs/03-x/src/a.ts')
const thrown = (step: string, symbol: string, task: string) =>
  `throw new NotImplemented('${step}', '${symbol}', '${task}', 'labs/03-x/src/a.ts')`

describe('generating a stub from a tagged solution', () => {
  it('replaces the body of a tagged function, and keeps its words, its signature and untagged code', () => {
    const stub = stubOf(`/** The file's idea. */
import { readFile } from 'node:fs/promises'
import { add, type Sum } from './sum.ts'

/** Given. */
export const ONE: Sum = 1

/**
 * Adds.
 *
 * @lab 3.2 Add two numbers
 */
export async function plus(a: Sum, b: Sum): Promise<Sum> {
  await readFile('x')
  return add(a, b)
}
`)
    expect(stub.text).toBe(`/** The file's idea. */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'
import type { Sum } from './sum.ts'

/** Given. */
export const ONE: Sum = 1

/**
 * Adds.
 *
 * @lab 3.2 Add two numbers
 */
export async function plus(a: Sum, b: Sum): Promise<Sum> {
  ${thrown('3.2', 'plus', 'Add two numbers')}
}
`)
    expect(stub.tasks).toEqual([{ step: '3.2', symbol: 'plus', task: 'Add two numbers', file: 'labs/03-x/src/a.ts' }])
  })

  it('knows methods, private methods, accessors, generators, constructors, arrows and methods of objects', () => {
    const stub = stubOf(`export class Raft {
  /** @lab 1.1 a */
  constructor() {
    console.log(1)
  }
  /** @lab 1.1 b */
  async #send(): Promise<void> {}
  /** @lab 1.1 c */
  get term(): number {
    return 1
  }
  /** @lab 1.1 d */
  static *all(): Generator<number> {
    yield 1
  }
  /** @lab 1.1 e */
  readonly tick = (): void => this.#send()
}
/** @lab 1.2 f */
export const twice = (n: number): { n: number } => ({ n: n * 2 })
export const plugin: Plugin = {
  name: 'x',
  /** @lab 1.2 g */
  filter(pod) {
    return pod
  },
  /** @lab 1.2 h */
  score: (pod) => pod,
}
`)
    expect(stub.tasks.map((task) => task.symbol)).toEqual([
      ...['Raft.constructor', 'Raft.#send', 'Raft.term', 'Raft.all', 'Raft.tick'],
      ...['twice', 'plugin.filter', 'plugin.score'],
    ])
    expect(stub.text).toContain(`  get term(): number {
    ${thrown('1.1', 'Raft.term', 'c')}
  }
`)
    expect(stub.text).toContain(`export const twice = (n: number): { n: number } => {
  ${thrown('1.2', 'twice', 'f')}
}
`)
    expect(stub.text).toContain(`  score: (pod) => {
    ${thrown('1.2', 'plugin.score', 'h')}
  },
}
`)
  })

  it('leaves out what is @solution-only: declarations, members, and imports that only they used', () => {
    const stub = stubOf(`/** Idea. */
import { a } from './a.ts'

export class Queue {
  size = 0

  /** @solution-only */
  #grow(): void {
    a()
  }

  /** @lab 3.1 Push */
  push(): void {
    this.#grow()
  }
}

/** Only ours. @internal
 * @solution-only
 */
function ours(): void {}

export const given = 1
`)
    expect(stub.text).toBe(`/** Idea. */
import { NotImplemented } from '#kit/contracts/not-implemented.ts'

export class Queue {
  size = 0

  /** @lab 3.1 Push */
  push(): void {
    ${thrown('3.1', 'Queue.push', 'Push')}
  }
}

export const given = 1
`)
  })

  it('leaves out a whole file whose head comment says so', () => {
    expect(stubOf(`/** Ours.\n * @solution-only\n */\n\nexport const a = 1\n`).text).toBeUndefined()
  })

  it('copies a file without tags verbatim', () => {
    const source = `import { a } from './a.ts'\n\nexport const b = { a }\n`
    expect(stubOf(source).text).toBe(source)
  })

  it('puts a long call on several lines', () => {
    const task = 'Say at some length what there is to be done here so that the line grows too long'
    expect(stubOf(`/** @lab 3.1 ${task} */\nexport function f(): void {}\n`).text).toContain(`{
  throw new NotImplemented(
    '3.1',
    'f',
    '${task}',
    'labs/03-x/src/a.ts',
  )
}`)
  })

  it('refuses tags that belong to nothing, bodies that do not exist, and types that are only implied', () => {
    expect(() => stubOf(`/** @lab 3.1 Nothing */\n\nif (1) {}\n`)).toThrow('not right above')
    expect(() => stubOf(`/** @lab 3.1 A value */\nexport const a: number = 1\n`)).toThrow('has no body')
    expect(() => stubOf(`/** @lab 3.1 Implied */\nexport function f() {\n  return 1\n}\n`)).toThrow('return type')
    expect(() => stubOf(`/** @lab three A thing */\nexport function f(): void {}\n`)).toThrow('reads "@lab 3.2')
  })
})
