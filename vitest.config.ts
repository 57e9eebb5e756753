/**
 * Which tree the tests judge: all solutions, or the learner's labs named in LAB_MINE ("3", "1,4", "all").
 *
 * Three groups, one after the other, so that what is sensitive to time or to the machine has it to itself: the tests proper
 * in parallel; the gate, which runs tools and tests of its own; tests that need Docker, one file at a time.
 */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { importConditions } from './kit/cli/import-conditions.ts'

// Setting `resolve.conditions` replaces Vite's defaults, so they are repeated here.
const conditions = [...importConditions(process.env.LAB_MINE), 'module', 'node', 'development|production']

const everything = ['labs/*/tests/**/*.test.ts', 'kit/**/*.test.ts', 'checker/**/*.test.ts']
const gate = ['kit/gate/**/*.test.ts']
const docker = ['{labs,kit,checker}/**/*.docker.test.ts']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    // No test depends on how fast the machine is; a busy one must not make it red.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What comes soon comes late on such a machine.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: everything,
          exclude: [...gate, ...docker],
          sequence: { groupOrder: 0 },
          // Vitest leaves one processor free, which on two is half the machine; most of these tests wait for sockets.
          maxWorkers: Math.max(2, availableParallelism() - 1),
        },
      },
      {
        extends: true,
        test: {
          name: 'gate',
          include: gate,
          testTimeout: 180_000,
          sequence: { groupOrder: 1 },
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: { name: 'docker', include: docker, sequence: { groupOrder: 2 }, fileParallelism: false },
      },
    ],
  },
})
