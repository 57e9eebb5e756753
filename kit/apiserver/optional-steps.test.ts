import { expect, it } from 'vitest'
import { OptionalSteps } from '#apiserver/optional-steps.ts'
import { silentLog } from '../contracts/log.ts'
import { NotImplemented } from '../contracts/not-implemented.ts'

it('does without what is not written, and says so once', async () => {
  const said: unknown[] = []
  const steps = new OptionalSteps({ ...silentLog, error: (what) => said.push(what) })
  let tries = 0
  const unwritten = async () => {
    tries += 1
    throw new NotImplemented('2.16', 'chargeAll', 'Charge them all', 'labs/02-apiserver/src/counting/quotas.ts')
  }
  const run = () => steps.run('quotas are not enforced', unwritten, async () => 'otherwise')
  expect([await run(), await run()]).toEqual(['otherwise', 'otherwise'])
  expect([said, tries]).toEqual([['quotas are not enforced'], 1])
  expect(await steps.run('another', async () => 'done', unwritten)).toBe('done')
  await expect(steps.run('a third', () => Promise.reject(new Error('other')), unwritten)).rejects.toThrow('other')
})
