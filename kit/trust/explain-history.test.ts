import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { assertLinearizable, describeCulprits, findCulprits } from './explain-history.ts'
import type { StoreAnswer, StoreOperation, StoreRequest, Version } from './store-model.ts'

const version = (value: string, modRevision: number, count = 1): Version => ({
  value,
  createRevision: modRevision - count + 1,
  modRevision,
  version: count,
})

/** A hundred writes of one key, each followed by a read. */
function longHistory(): StoreOperation[] {
  const history: StoreOperation[] = []
  let moment = 0
  const add = (client: string, request: StoreRequest, answer: StoreAnswer) => {
    const fromMs = ++moment
    const toMs = ++moment
    history.push({ client, member: 'a', request, answer, calledAt: fromMs, returnedAt: toMs, fromMs, toMs })
  }
  for (let write = 1; write <= 100; write++) {
    const found = { x: write === 1 ? null : version(`v${write - 1}`, write, write - 1) }
    add('writer', { kind: 'put', key: 'x', value: `v${write}` }, { revision: write + 1, found })
    add(
      'reader',
      { kind: 'get', key: 'x' },
      { revision: write + 1, found: { x: version(`v${write}`, write + 1, write) } },
    )
  }
  return history
}

const withStaleRead = () => {
  const history = longHistory()
  const stale = { revision: 50, found: { x: version('v49', 50, 49) } }
  return history.map((one, index) => (index === 151 ? { ...one, answer: stale } : one))
}

it('finds the two operations of two hundred that contradict each other', () => {
  const history = withStaleRead()
  const culprits = findCulprits(history)
  expect(culprits).toHaveLength(2)
  expect(culprits[1]).toBe(history[151])
  expect(culprits[0]!.answer!.revision).toBeGreaterThan(50)
  expect(describeCulprits(history, culprits)).toMatch(
    /^Not linearizable.*\(key x\).*client +through +operation +from ms +to ms +answer\n.*put x = v49.*get x .*= v49 of revision 50\n\nreader asked \S+ ms after revision \d+ had been shown to \w+, and was answered from the past: revision 50\.$/s,
  )
})

it('says when two writes were told the same revision', () => {
  const history = longHistory().slice(0, 3)
  const again: StoreOperation = { ...history[2]!, answer: { revision: 2, found: { x: null } } }
  const wrong = [history[0]!, again]
  expect(describeCulprits(wrong, findCulprits(wrong))).toMatch(/one of the two is lost\.$/)
})

it('passes what is right; otherwise throws the table, and leaves a page that shows it', () => {
  expect(() => assertLinearizable(longHistory(), 'seed 1')).not.toThrow()
  let message = ''
  try {
    assertLinearizable(withStaleRead(), 'seed 1')
  } catch (error) {
    message = (error as Error).message
  }
  const [, path] = /The history as a page: (\S+)$/.exec(message)!
  const page = readFileSync(path!, 'utf8')
  rmSync(dirname(path!), { recursive: true })
  expect(message).toContain('seed 1')
  expect(page).toContain('class="culprit"')
  expect(page).not.toMatch(/<script|https?:/)
})
