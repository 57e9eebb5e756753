/** The fake runtime keeps the same promises as a real one. */
import { describe } from 'vitest'
import { createFakeRuntime } from './fake-runtime.ts'
import { runtimeSuite } from './runtime-suite.ts'

describe('the fake runtime', () => {
  const runtime = createFakeRuntime()
  runtimeSuite(() => runtime)
})
