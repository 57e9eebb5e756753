/**
 * Upstream's kube-controller-manager 1.32 stands on our API server: every write that it was recorded to make is made to
 * ours, with the identity of the controller that made it, and is accepted or refused as it was then; and what came of it
 * all is what came of it there.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UserInfo } from '../contracts/apiserver.ts'
import { type PlainServer, startPlainServer } from './testing/plain-server.ts'
import { compareFinal, type Outcome } from './testing/replay/compare.ts'
import { inSharedNamespaces, recordedSituations } from './testing/replay/recording.ts'
import { newNamespace, replay } from './testing/replay/replay.ts'
import { World } from './testing/replay/world.ts'
import { hasRecordings } from './testing/upstream.ts'

const groups = hasRecordings ? inSharedNamespaces(recordedSituations()) : []
const controllers = new Set(groups.flat().flatMap(({ writes }) => writes.map(({ controller }) => controller)))

/** With `--use-service-account-credentials`, each controller has an account of its own, and only the rights it needs. */
function accountOf(controller: string): UserInfo {
  const groups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated']
  // It makes accounts' tokens, so it cannot begin with one.
  if (controller === 'tokens-controller')
    return { name: 'system:kube-controller-manager', groups: ['system:authenticated'] }
  return { name: `system:serviceaccount:kube-system:${controller}`, groups }
}

/** Somebody changed the autoscaler between two situations, off the record. */
function mayDiffer({ scenario, what }: Outcome): boolean {
  return scenario === 'hpa-target-missing' && what.startsWith('HorizontalPodAutoscaler')
}

describe.skipIf(!hasRecordings)("upstream's controllers", { timeout: 60_000 }, () => {
  let server: PlainServer
  let world: World

  beforeAll(async () => {
    server = await startPlainServer(
      new Map([
        ['system:kube-scheduler', { name: 'system:kube-scheduler', groups: ['system:authenticated'] }],
        ...[...controllers].map((controller) => [controller, accountOf(controller)] as const),
      ]),
    )
    world = new World(server.url)
  })
  afterAll(() => server?.stop())

  it('were recorded', () => expect(groups.flat().length).toBeGreaterThan(100))

  it.each(groups.map((group, i) => ({ name: group[0]?.scenario ?? '', group, i })))('$name …', async ({ group, i }) => {
    await newNamespace(world, `replay-${i}`, group)
    const outcomes: Outcome[] = []
    for (const situation of group) {
      outcomes.push(...(await replay(world, situation)))
      outcomes.push(...(await compareFinal(world, situation)))
    }
    const compared = outcomes.filter((outcome) => !outcome.unknownTarget && !mayDiffer(outcome))
    const said = ({ scenario, what }: Outcome, result: string) => `${scenario}: ${what}: ${result}`
    expect(compared.map((outcome) => said(outcome, outcome.got))).toEqual(
      compared.map((outcome) => said(outcome, outcome.expected)),
    )
  })
})
