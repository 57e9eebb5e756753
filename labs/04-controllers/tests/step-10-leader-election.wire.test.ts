/** Leader election against the simulated API server, on virtual time. */
import { expect } from 'vitest'
import { runAsLeader } from '#controllers/leader-election/elector.ts'
import type { Lease } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { startSimApiServer } from '#kit/sim/api-server.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'

const lease = 'kube-system/kube-controller-manager'

lesson(
  'one works, the other takes over',
  {
    scenario: 'The Lease is held by a process that died. Two candidates start; later the one that leads is stopped.',
    rule: 'Nobody works before the old Lease has run out; then exactly one; when it stops, the other.',
    source: 'client-go leaderelection.go',
    timeoutMs: 20_000,
  },
  async () => {
    const server = await startSimApiServer()
    const clock = new VirtualClock()
    const client = server.client()
    const metadata = { namespace: 'kube-system', name: 'kube-controller-manager' }
    const ghost = { holderIdentity: 'ghost', leaseDurationSeconds: 15, leaseTransitions: 0 }
    await client.create<Lease>(resources.leases, { metadata, spec: ghost })
    const working = new Set<string>()
    const candidates = new Map(
      ['one', 'two'].map((identity) => [
        identity,
        runAsLeader({
          component: 'kube-controller-manager',
          client,
          clock,
          log: silentLog,
          identity,
          lead() {
            working.add(identity)
            return { stop: async () => void working.delete(identity) }
          },
        }),
      ]),
    )
    /** Half a second at a time; the candidates' requests are answered before time goes on. */
    const pass = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 500) {
        clock.advance(500)
        for (let turn = 0; turn < 4; turn++) await client.get(resources.leases, metadata)
      }
    }
    try {
      await pass(12_000)
      expect([...working], 'the ghost may still be alive').toEqual([])
      await pass(8_000)
      expect(working.size, 'the ghost is dead').toBe(1)
      const [first = ''] = working
      await server.until<Lease>(resources.leases, lease, ({ spec }) => spec?.holderIdentity === first)
      await candidates.get(first)?.stop()
      expect(working.size).toBe(0)
      await pass(4_000)
      expect([...working]).toEqual(['one', 'two'].filter((identity) => identity !== first))
    } finally {
      await Promise.all([...candidates.values()].map((candidate) => candidate.stop()))
      await server.stop()
    }
  },
)
