import { describe, expect } from 'vitest'
import { readMutants } from '#kit/gate/mutants.ts'
import { readCatalog, repositoryRoot as root } from '#kit/labs/catalog.ts'
import type { CreateCore } from '#kit/sim/raft/scenario.ts'
import { soakOnce } from '#kit/soak/etcd.ts'
import { loadMutantCore } from '#kit/soak/mutant-core.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { forgetsItsVote, sendsBeforeItsDisk } from './careless-cores.ts'
import { createCore, seeds } from './fixtures.ts'

/** Mistakes of the core that break a promise, found within so many seeds; most with the first few. */
const FOUND_WITHIN: Readonly<Record<string, number>> = {
  'votes-twice-in-a-term': 20,
  'ignores-how-complete-the-log-is': 20,
  'longer-log-wins': 60,
  'majority-of-answers': 20,
  'truncates-matching-entries': 20,
  'skips-the-consistency-check': 40,
  'accepts-beyond-what-was-sent': 60,
  'half-is-enough': 60,
  'applies-before-commit': 20,
  'commit-index-goes-back': 20,
  'frees-its-vote-in-the-same-term': 60,
  'installs-an-old-snapshot': 60,
  'reads-from-a-deposed-leader': 120,
  'takes-effect-when-appended': 60,
  'learner-counts-in-the-quorum': 60,
  'one-answer-is-enough': 120,
}

describe('a soak', () => {
  const words = {
    rule: 'A test that passes wrong code is a defect.',
    source: 'checker/mutants/01-etcd-raft.yaml',
  }
  const { mutants } = readMutants(
    root,
    readCatalog().filter(({ number }) => number === 1),
  )

  for (const [name, limit] of Object.entries(FOUND_WITHIN)) {
    const mutant = mutants.find((each) => each.name === name)
    lesson(`finds the mutant ${name}`, { ...words, scenario: mutant?.mistake ?? 'It is gone.' }, async () => {
      expect(mutant, `a mutant of the name ${name}`).toBeDefined()
      expectFound(await loadMutantCore(root, mutant!), limit)
    })
  }

  lesson('finds a disk that forgets the vote', { ...words, scenario: 'After a crash a member votes again.' }, () =>
    expectFound(forgetsItsVote(createCore), 60),
  )

  lesson(
    'finds promises that are made before the disk has them',
    { ...words, scenario: 'A member sends what it wants to say, and writes it down with its next step.' },
    () => expectFound(sendsBeforeItsDisk(createCore), 60),
  )
})

function expectFound(create: CreateCore, limit: number): void {
  const seed = seeds(limit).find((each) => soakOnce(each, create) !== undefined)
  expect(seed, `a seed among the first ${limit} that shows the mistake`).toBeDefined()
}
