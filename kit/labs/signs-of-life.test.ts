import { BroadcastChannel } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { listenForSigns, SIGNS_CHANNEL, type SignOfLife, SignsOfLife } from './signs-of-life.ts'

const file = '/labs/03-scheduler/tests/step-1.test.ts'

describe('signs of life', () => {
  it('name the file that fell silent, what it was doing, and for how long', () => {
    const signs = new SignsOfLife()
    signs.sign({ file, test: 'adds' }, 1_000)
    signs.sign({ file: '/other.test.ts', test: 'waits' }, 11_000)
    expect(signs.silent(10_000, 11_500)).toEqual([{ file, test: 'adds', silentMs: 10_500 }])
  })

  it('begin anew with every sign: code that waits for something is not blocked', () => {
    const signs = new SignsOfLife()
    for (let second = 0; second <= 60; second++) signs.sign({ file, test: 'waits for a container' }, second * 1_000)
    expect(signs.silent(10_000, 60_500)).toEqual([])
  })

  it('say nothing about a file whose verdict is known, whatever its worker still posts', () => {
    const signs = new SignsOfLife()
    signs.sign({ file, test: 'adds' }, 0)
    signs.ended(file)
    signs.sign({ file, test: undefined }, 1_000)
    expect(signs.silent(0, 60_000)).toEqual([])
  })

  it('are heard from other threads', async () => {
    const channel = new BroadcastChannel(SIGNS_CHANNEL)
    const heard = new Promise<SignOfLife>((resolve) => {
      const stop = listenForSigns((sign) => {
        stop()
        resolve(sign)
      })
    })
    channel.postMessage({ file, test: 'adds' })
    expect(await heard).toEqual({ file, test: 'adds' })
    channel.close()
  })
})
