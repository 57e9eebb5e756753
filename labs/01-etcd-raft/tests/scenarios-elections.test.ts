import { describe } from 'vitest'
import { electionScenarios } from '#kit/sim/raft/scenarios/elections.ts'
import { scenarioLesson } from './fixtures.ts'

describe('elections in a whole cluster', () => {
  for (const story of electionScenarios) scenarioLesson(story)
})
