import { describe, expect, it } from 'vitest'
import { helpersOf, passageOf } from './solution-text.ts'

const QUEUE = `export class Queue {
  /**
   * Takes.
   *
   * @lab 3.1 Take
   */
  pop(): number {
    return this.#wake() + sum(1)
  }

  /** @solution-only */
  #wake(): number {
    return this.#due()
  }

  /** @solution-only */
  #due(): number {
    return dueAt
  }

  /** @solution-only */
  #other(): number {
    return 0
  }
}

/** Given to learners. */
function sum(n: number): number {
  return n
}
`
const DUE = `/** When. @solution-only */

/** @solution-only */
export const dueAt = 7
`
const OTHER = `/** @solution-only */
export function sum(): number {
  return 8
}
`
const files = new Map([
  ['queue.ts', QUEUE],
  ['due.ts', DUE.replace('When. @', 'When.\n *\n * @')],
  ['other.ts', OTHER],
])

describe('the solution of a symbol', () => {
  const pop = passageOf('queue.ts', QUEUE, 'Queue.pop')!

  it('is its text without JSDoc, moved to the left edge', () => {
    expect(pop.text).toBe('pop(): number {\n  return this.#wake() + sum(1)\n}')
  })

  it('comes with the helpers that the stub lacks, and theirs, but none that it does not use', () => {
    expect(helpersOf([pop], files).map(({ symbol }) => symbol)).toEqual(['Queue.#wake', 'Queue.#due', 'dueAt'])
  })

  it('is unknown in a file that does not parse', () => {
    expect(passageOf('queue.ts', 'export class {', 'Queue.pop')).toBeUndefined()
  })
})
