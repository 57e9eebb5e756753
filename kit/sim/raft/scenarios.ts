/**
 * All scenarios, by the step of lab 1 that they are about. Tests play them; `npm run trace` shows them.
 */
import type { Scenario } from './scenario.ts'
import { agreementScenarios } from './scenarios/agreement.ts'
import { electionScenarios } from './scenarios/elections.ts'
import { leadershipScenarios } from './scenarios/leadership.ts'
import { membershipScenarios } from './scenarios/membership.ts'
import { persistenceScenarios } from './scenarios/persistence.ts'
import { snapshotScenarios } from './scenarios/snapshots.ts'

export const scenarios: readonly Scenario[] = [
  ...electionScenarios,
  ...agreementScenarios,
  ...persistenceScenarios,
  ...snapshotScenarios,
  ...leadershipScenarios,
  ...membershipScenarios,
]

/** @param step "1.3" */
export function scenariosOf(step: string): readonly Scenario[] {
  return scenarios.filter((scenario) => scenario.step === step)
}
