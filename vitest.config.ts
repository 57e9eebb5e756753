/**
 * Which tree the tests judge: all solutions, or the learner's labs named in LAB_MINE ("3", "1,4", "all").
 *
 * Setting `resolve.conditions` replaces Vite's defaults, so they are repeated here.
 */
import { defineConfig } from 'vitest/config'
import { importConditions } from './kit/cli/import-conditions.ts'

const conditions = [...importConditions(process.env.LAB_MINE), 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['labs/*/tests/**/*.test.ts', 'kit/**/*.test.ts', 'checker/**/*.test.ts'],
    pool: 'forks',
  },
})
