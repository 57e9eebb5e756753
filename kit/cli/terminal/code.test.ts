import { describe, expect, it } from 'vitest'
import { wrapCode } from './code.ts'

const wrapped = (code: string) => `\n${wrapCode(code, 40).join('\n')}\n`

describe('code in a narrow terminal', () => {
  it('keeps a comment a comment', () => {
    expect(wrapped('  /** What the scheduler believes about nodes, and why. */\n  a: string')).toBe(`
  /** What the scheduler believes about
   * nodes, and why. */
  a: string
`)
    expect(wrapped('  /** Milliseconds since the Unix epoch. */')).toBe(`
  /** Milliseconds since the Unix
   * epoch. */
`)
    expect(wrapped('   * Binding a pod takes a round trip. Until the watch')).toBe(`
   * Binding a pod takes a round trip.
   * Until the watch
`)
    expect(wrapped('  // Earlier steps first: their verdict is awaited.')).toBe(`
  // Earlier steps first: their verdict
  // is awaited.
`)
  })

  it('breaks a statement between words, further in', () => {
    expect(wrapped('  export function podRequests(pod: Pod, defaults: Amounts = {}): Amounts {')).toBe(`
  export function podRequests(pod: Pod,
      defaults: Amounts = {}): Amounts {
`)
  })

  it('leaves alone what fits, and what has no place to break', () => {
    expect(wrapped('  short()')).toBe('\n  short()\n')
    expect(wrapCode('x'.repeat(50), 40)).toEqual(['x'.repeat(50)])
  })
})
