import { describe } from 'vitest'
import { snapshotScenarios } from '#kit/sim/raft/scenarios/snapshots.ts'
import { scenarioLesson } from './fixtures.ts'

describe('a cluster that cuts its logs', () => {
  for (const story of snapshotScenarios) scenarioLesson(story)
})
