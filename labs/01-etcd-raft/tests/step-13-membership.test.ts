import { describe } from 'vitest'
import { membershipScenarios } from '#kit/sim/raft/scenarios/membership.ts'
import { scenarioLesson } from './fixtures.ts'

describe('a cluster whose members change', () => {
  for (const story of membershipScenarios) scenarioLesson(story)
})
