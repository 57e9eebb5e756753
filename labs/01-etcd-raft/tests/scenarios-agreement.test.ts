import { describe } from 'vitest'
import { agreementScenarios } from '#kit/sim/raft/scenarios/agreement.ts'
import { scenarioLesson } from './fixtures.ts'

describe('agreement in a whole cluster', () => {
  for (const story of agreementScenarios) scenarioLesson(story)
})
