/** Objects and kinds that the tests of this lab share. All of it is plain data. */
import { expect } from 'vitest'
import type { ApiObject, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { StatusError } from '#kit/api/status-error.ts'
import type { RequestInfo } from '#kit/contracts/apiserver.ts'
import { createRandom, type Random } from '#kit/sim/random.ts'
import type { LessonContext } from '#kit/testing/lesson.ts'

export const NOW = '2026-01-01T00:00:00Z'
export const NOW_MS = Date.parse(NOW)

/** Random numbers for a test: the same ones in every run, or those of another seed with `SEED=…`. */
export function randomFor(context: LessonContext): Random {
  const seed = Number(process.env.SEED ?? 7)
  context.seed(seed)
  return createRandom(seed)
}

/** Of the kinds, what rules about metadata need to know. */
export const kinds = {
  pod: { resource: resources.pods },
  node: { resource: resources.nodes },
  deployment: { resource: resources.deployments, hasGeneration: true },
  lease: { resource: resources.leases, allowUnconditionalUpdate: false },
} as const

/** An object as it comes from the store. */
export function stored(metadata: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): Stored<ApiObject> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-1',
      resourceVersion: '7',
      creationTimestamp: '2025-12-31T00:00:00Z',
      ...metadata,
    },
    ...rest,
  } as Stored<ApiObject>
}

/** The StatusError that a call throws, as plain data; fails the test when there is none. `of`: which of several calls. */
export function refusalOf(
  call: () => unknown,
  of?: string,
): { code: number; reason: string; message: string; details: unknown } {
  try {
    call()
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    const { code, reason, message, details } = error
    return { code, reason, message, details }
  }
  return expect.fail(`${of ? `${of}: ` : ''}it should have been refused, and was not`)
}

/** "field: message" of each error, which is how users see them. */
export function texts(errors: readonly { field: string; message: string }[]): string[] {
  return errors.map(({ field, message }) => `${field}: ${message}`)
}

export function requestInfo(info: Partial<RequestInfo>): RequestInfo {
  return {
    isResourceRequest: true,
    verb: 'get',
    path: '',
    apiPrefix: 'api',
    apiGroup: '',
    apiVersion: 'v1',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    ...info,
  }
}
