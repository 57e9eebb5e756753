import { describe } from 'vitest'
import { leadershipScenarios } from '#kit/sim/raft/scenarios/leadership.ts'
import { scenarioLesson } from './fixtures.ts'

describe('who speaks for a whole cluster', () => {
  for (const story of leadershipScenarios) scenarioLesson(story)
})
