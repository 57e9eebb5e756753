import { describe, expect, it } from 'vitest'
import { createLog } from '../contracts/log.ts'
import { NotImplemented } from '../contracts/not-implemented.ts'
import { missingPartsIn } from './missing-parts.ts'

describe('the missing parts that a log speaks of', () => {
  it('are found as the components log them, each once', () => {
    const lines: string[] = []
    const log = createLog('kube-scheduler', (line) => lines.push(line))
    const missing = new NotImplemented(
      '3.1',
      'SchedulingQueue.pop',
      'Take the next pod (if any) off',
      'labs/03-scheduler/src/queue.ts',
    )
    log.error('scheduling failed', missing)
    log.info('something else')
    log.error('scheduling failed', missing)
    expect(missingPartsIn('kube-scheduler', lines.join('\n'))).toEqual([
      {
        component: 'kube-scheduler',
        step: '3.1',
        sentence:
          'not implemented yet: labs/03-scheduler/src/queue.ts, `SchedulingQueue.pop` (step 3.1: Take the next pod (if any) off)',
      },
    ])
  })
})
