/**
 * Snapshots: the fourth part of MIT 6.5840's Raft lab, on virtual time.
 *
 * Source: MIT 6.5840 (2023 to 2025), lab 3D; Raft §7.
 */
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'
import { UNRELIABLE } from './persistence.ts'

/** Members take a snapshot after every ten entries, and keep none of what it covers. */
const OFTEN = { everyEntries: 10, keepEntries: 0 }

interface Variant {
  readonly name: string
  readonly mit: string
  readonly story: string
  readonly unreliable: boolean
  readonly leaves: 'disconnect' | 'crash' | 'stays'
}

const VARIANTS: readonly Variant[] = [
  {
    name: 'snapshots-basic',
    mit: 'snapshots basic',
    story: 'Three members without failures, whose logs are cut again and again.',
    unreliable: false,
    leaves: 'stays',
  },
  {
    name: 'install-disconnected',
    mit: 'install snapshots (disconnect)',
    story: 'A member is cut off again and again, for so long that the entries it lacks are gone.',
    unreliable: false,
    leaves: 'disconnect',
  },
  {
    name: 'install-disconnected-unreliable',
    mit: 'install snapshots (disconnect+unreliable)',
    story:
      'A member is cut off again and again, for so long that the entries it lacks are gone; messages get lost and late.',
    unreliable: true,
    leaves: 'disconnect',
  },
  {
    name: 'install-crashed',
    mit: 'install snapshots (crash)',
    story: 'A member crashes again and again, and stays down for so long that the entries it lacks are gone.',
    unreliable: false,
    leaves: 'crash',
  },
  {
    name: 'install-crashed-unreliable',
    mit: 'install snapshots (unreliable+crash)',
    story:
      'A member crashes again and again, and stays down for so long that the entries it lacks are gone; messages get lost and late.',
    unreliable: true,
    leaves: 'crash',
  },
]

export const snapshotScenarios: readonly Scenario[] = [
  ...VARIANTS.map(
    (variant): Scenario => ({
      step: '1.5',
      name: variant.name,
      title: variant.leaves === 'stays' ? 'logs stay short' : 'who is too far behind gets a snapshot',
      scenario: variant.story,
      rule: 'A snapshot stands for all entries up to its index; nothing decided is lost, and logs do not grow for ever.',
      source: `MIT 6.5840, 3D "${variant.mit}"; Raft §7`,
      seeds: variant.unreliable ? 1 : 2,
      stage: { members: 3, compaction: OFTEN, ...(variant.unreliable && { faults: UNRELIABLE }) },
      play: (stage) => playVariant(stage, variant),
    }),
  ),
  {
    step: '1.5',
    name: 'crash-all',
    title: 'all members come back from their snapshots',
    scenario: 'Five times, all of three members crash after their logs were cut, and come back together.',
    rule: 'A member starts from its snapshot and the entries after it.',
    source: 'MIT 6.5840, 3D "crash and restart all servers"; Raft §7',
    seeds: 2,
    stage: { members: 3, compaction: OFTEN },
    play(stage) {
      stage.agree('begin')
      for (let round = 0; round < 5; round++) {
        giveMany(stage, `${round}`, 11)
        stage.agree(`${round} last`)
        stage.crash(...stage.ids)
        stage.restart(...stage.ids)
        stage.agree(`${round} again`)
      }
      stage.allEqual()
      checkShort(stage)
    },
  },
  {
    step: '1.5',
    name: 'snapshot-survives-crash',
    title: 'a restarted member knows what its snapshot covers, before it hears from anyone',
    scenario: 'All members take a snapshot, crash and come back; then they go on, crash once more, and come back.',
    rule: 'What a snapshot covers is applied when the member starts: it is never asked for again.',
    source: 'MIT 6.5840, 3D "snapshot initialization after crash"; Raft §7',
    seeds: 3,
    stage: { members: 3, compaction: OFTEN },
    play(stage) {
      giveMany(stage, 'before', 12)
      stage.agree('first')
      const covered = stage.ids.map((id) => stage.cluster.compactedIndex(id))
      stage.check(Math.min(...covered) > 0, `every member has taken a snapshot, but they cover ${covered.join(', ')}`)
      stage.crash(...stage.ids)
      stage.restart(...stage.ids)
      for (const id of stage.ids) {
        const { appliedIndex } = stage.cluster.status(id)!
        const snapshotIndex = stage.cluster.compactedIndex(id)
        stage.check(
          appliedIndex >= snapshotIndex,
          `${id} starts at ${appliedIndex}, its snapshot covers ${snapshotIndex}`,
        )
      }
      stage.agree('second')
      stage.crash(...stage.ids)
      stage.restart(...stage.ids)
      stage.agree('third')
      stage.allEqual()
    },
  },
]

function playVariant(stage: Stage, { leaves }: Variant): void {
  const { cluster } = stage
  stage.agree('begin')
  for (let round = 0; round < 12; round++) {
    const leader = stage.leader()
    const victim = round % 3 === 1 ? leader : stage.others(leader)[round % 2]!
    if (leaves === 'disconnect') stage.disconnect(victim)
    if (leaves === 'crash') stage.crash(victim)
    giveMany(stage, `${round}`, 12 + cluster.random.below(10))
    const count = leaves === 'stays' ? 3 : 2
    stage.agree(`${round} last`, count)
    checkShort(stage)
    if (leaves === 'disconnect') stage.reconnect(victim)
    if (leaves === 'crash') stage.restart(victim)
    stage.agree(`${round} all`)
  }
  stage.calm()
  stage.agree('end')
  stage.allEqual()
}

function giveMany(stage: Stage, word: string, count: number): void {
  for (let number = 0; number < count; number++) stage.cluster.propose(stage.leader(), `${word}.${number}`)
}

/** Nobody who hears the leader holds more than a few rounds of entries. */
function checkShort(stage: Stage): void {
  for (const id of stage.present) {
    const { lastIndex, compactedIndex } = stage.cluster.status(id)!
    const length = lastIndex - compactedIndex
    stage.check(length <= 60, `${id} holds ${length} entries although a snapshot is taken after every ten`)
  }
}
