import { describe, expect, it } from 'vitest'
import { AskedTwice } from './asked-twice.ts'

describe('What is asked for twice', () => {
  const asked = new AskedTwice<{ text: string }>()
  const ask = (revision: number, text: string) => asked.of(revision, text, () => ({ text }))

  it('is made once for the same text of the same revision, and then forgotten', () => {
    const first = ask(1, 'a')
    expect(ask(1, 'a')).toBe(first)
    expect(ask(1, 'a')).not.toBe(first)
  })

  it('is made anew for another text, or another revision', () => {
    const first = ask(2, 'a')
    expect(ask(3, 'a')).not.toBe(first)
    expect(ask(2, 'b')).toEqual({ text: 'b' })
    expect(ask(2, 'a')).not.toBe(first)
  })

  it('is forgotten when more text has come than is kept', () => {
    const half = 'x'.repeat(2 * 1024 * 1024)
    const first = ask(10, half)
    const second = ask(11, half)
    expect(ask(11, half)).toBe(second)
    ask(12, `${half}y`)
    expect(ask(10, half)).not.toBe(first)
  })
})
