/**
 * How often a member takes snapshots: given code around `dueSnapshot`.
 */
import { expect } from 'vitest'
import { Snapshotter } from '#etcd/server/snapshotter.ts'
import { StateMachine } from '#etcd/server/state-machine.ts'
import { silentLog } from '#kit/contracts/log.ts'
import { VirtualClock } from '#kit/sim/virtual-clock.ts'
import { lesson } from '#kit/testing/lesson.ts'

/** The entries at which snapshots were taken. */
async function snapshotsOf(entries: number, versionsAt: (index: number) => number): Promise<number[]> {
  const taken: number[] = []
  let index = 0
  const snapshotter = new Snapshotter(
    {
      core: { snapshotMetadata: () => ({ index, term: 1, voters: ['a'], learners: [] }), compact: () => {} },
      contents: () => new StateMachine(new VirtualClock()).contents(),
      versionCount: () => versionsAt(index),
      storage: { save: async (snapshot) => void taken.push(snapshot.index), removeOld: async () => {} },
      policy: { snapshotCount: 10_000, catchUpEntries: 5_000 },
      log: silentLog,
      onFull: () => {},
    },
    0,
  )
  while (index < entries) {
    index += 1_000
    snapshotter.consider(index)
    await snapshotter.stop()
  }
  return taken
}

lesson(
  'the more there is to write, the longer the next one waits',
  {
    scenario:
      'Every entry adds a version, and nothing is compacted; or there are always a thousand versions, or always 30,000.',
    rule: 'Each snapshot writes everything: were it due every so many entries, then the longer a history is, the more each entry would pay.',
    source: 'etcd server/etcdserver/server.go, triggerSnapshot (whose snapshots hold no data)',
  },
  async () => {
    expect(await snapshotsOf(100_000, (index) => index)).toEqual([10_000, 20_000, 40_000, 80_000])
    expect(await snapshotsOf(40_000, () => 1_000)).toEqual([10_000, 20_000, 30_000, 40_000])
    expect(await snapshotsOf(100_000, () => 30_000)).toEqual([10_000, 40_000, 70_000, 100_000])
  },
)
