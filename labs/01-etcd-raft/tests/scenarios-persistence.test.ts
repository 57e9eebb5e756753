import { describe } from 'vitest'
import { persistenceScenarios } from '#kit/sim/raft/scenarios/persistence.ts'
import { scenarioLesson } from './fixtures.ts'

describe('a cluster whose members crash, on a bad network', () => {
  for (const story of persistenceScenarios) scenarioLesson(story)
})
