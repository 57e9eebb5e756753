import { describe, expect, it } from 'vitest'
import { defaultClass, SYSTEM_CLASSES, withPriority } from '#apiserver/admission/priority.ts'
import { resources } from '../api/resources.ts'
import { describeWith } from '../testing/tools.ts'
import { startTestApiServer } from './testing/test-api-server.ts'

const priorityClass = (name: string, value: number, more = {}) => ({
  apiVersion: 'scheduling.k8s.io/v1' as const,
  kind: 'PriorityClass' as const,
  metadata: { name },
  value,
  ...more,
})

describe('the priority of a pod (kubernetes plugin/pkg/admission/priority)', () => {
  it('is its class’s, whose name it gets when that is the default', () => {
    const containers = [{ name: 'c' }]
    const found = priorityClass('batch', 7, { preemptionPolicy: 'Never' })
    const expected = { containers, priority: 7, priorityClassName: 'batch', preemptionPolicy: 'Never' }
    expect(withPriority({ containers }, found)).toEqual(expected)
    expect(withPriority({ containers }, undefined)).toEqual({
      containers,
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    })
  })

  it('is the lowest default’s, if there are several', () => {
    const classes = [
      priorityClass('a', 1),
      priorityClass('b', 9, { globalDefault: true }),
      priorityClass('c', 5, { globalDefault: true }),
    ]
    expect(defaultClass(classes)?.metadata?.name).toBe('c')
    expect(defaultClass([])).toBeUndefined()
  })
})

describeWith(['kubectl'], 'priority classes', () => {
  it('of the system are there from the beginning, others from their creation', { timeout: 60_000 }, async () => {
    const server = await startTestApiServer()
    try {
      const { client, kubectl } = server
      await expect
        .poll(async () => (await client.list(resources.priorityClasses)).items.length)
        .toBe(SYSTEM_CLASSES.length)
      await kubectl.output('create priorityclass high --value=1000')
      const overrides = (name: string) => `--overrides='{"spec":{"priorityClassName":"${name}"}}'`
      await kubectl.output(`run one --image=i ${overrides('high')}`)
      expect(await kubectl.output('get pod one -o jsonpath={.spec.priority}')).toBe('1000')
      expect((await kubectl(`run two --image=i ${overrides('nosuch')}`)).stderr).toBe(
        'Error from server (Forbidden): pods "two" is forbidden: no PriorityClass with name nosuch was found\n',
      )
    } finally {
      await server.stop()
    }
  })
})
