/**
 * Agreement: the second part of MIT 6.5840's Raft lab, on virtual time.
 *
 * Source: MIT 6.5840 (2023 to 2025), lab 3B; Raft §5.3, §5.4.
 */
import type { MemberId } from '../../../raft/messages.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

/** Long enough for anything that can be decided to be decided. */
const PLENTY_MS = 500
/** Nothing is lost, and everybody answers: two round trips and the followers' next message. */
const CALM_AGREEMENT_MS = 60

export const agreementScenarios: readonly Scenario[] = [
  {
    step: '1.3',
    name: 'basic-agreement',
    title: 'commands are decided one after the other, not before they are given',
    scenario: 'Three members, three commands, no failures.',
    rule: 'A command is decided within two round trips, at the same place on every member.',
    source: 'MIT 6.5840, 3B "basic agreement"; Raft §5.3',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      stage.leader()
      for (const command of ['100', '200', '300']) {
        stage.same(stage.appliedBy(command), [], `who has applied ${command} before it was given`)
        const ms = stage.agree(command)
        stage.check(ms <= CALM_AGREEMENT_MS, `agreement on ${command} took ${ms} ms of virtual time`)
      }
      for (const id of stage.ids) stage.same(stage.cluster.applied(id), ['100', '200', '300'], `what ${id} applied`)
    },
  },
  {
    step: '1.2',
    name: 'byte-count',
    title: 'each command is sent to each follower once',
    scenario: 'Ten large commands, no failures.',
    rule: 'A leader remembers what it has sent: entries go over the wire once per follower.',
    source: 'MIT 6.5840, 3B "RPC byte count"; Raft §5.3',
    seeds: 5,
    // Everything arrives in order, so nothing has to be sent again.
    stage: { members: 3, faults: { maxDelayMs: 1 } },
    play(stage) {
      stage.leader()
      stage.agree('first')
      const before = stage.cluster.bytesSent
      const commands = Array.from({ length: 10 }, (_, number) => `${number}`.padEnd(5000, 'x'))
      for (const command of commands) stage.agree(command)
      const sent = stage.cluster.bytesSent - before
      const needed = 2 * 10 * 5000
      stage.check(sent <= needed, `${sent} bytes of commands were sent, where ${needed} are needed`)
    },
  },
  {
    step: '1.3',
    name: 'followers-fail',
    title: 'agreement goes on without one follower, and stops without two',
    scenario: 'Of three members, first one follower is cut off, then the other as well.',
    rule: 'Nothing is decided without a majority.',
    source: 'MIT 6.5840, 3B "progressive failure of followers"; Raft §5.3',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      stage.agree('101')
      const leader = stage.leader()
      const [one, other] = stage.others(leader) as [MemberId, MemberId]
      stage.disconnect(one)
      stage.agree('102', 2)
      stage.cluster.run(PLENTY_MS)
      stage.agree('103', 2)
      stage.disconnect(other)
      stage.propose(leader, '104')
      stage.noAgreement('104', 4 * PLENTY_MS)
    },
  },
  {
    step: '1.3',
    name: 'leaders-fail',
    title: 'agreement goes on under a new leader, and stops without a majority',
    scenario: 'Of three members, the leader is cut off; the next leader as well.',
    rule: 'A new leader goes on where a majority stands; alone, nobody decides anything.',
    source: 'MIT 6.5840, 3B "failure of leaders"; Raft §5.4',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      stage.agree('101')
      stage.disconnect(stage.leader())
      stage.agree('102', 2)
      const second = stage.leader()
      stage.disconnect(second)
      for (const id of stage.ids) stage.cluster.propose(id, '104')
      stage.noAgreement('104', 4 * PLENTY_MS)
    },
  },
  {
    step: '1.3',
    name: 'follower-returns',
    title: 'a follower that was away gets what it missed',
    scenario: 'A follower is cut off while four commands are decided, and comes back.',
    rule: 'The leader brings every follower to its own log, however far behind.',
    source: 'MIT 6.5840, 3B "agreement after follower reconnects"; Raft §5.3',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      stage.agree('101')
      const away = stage.others(stage.leader())[0]!
      stage.disconnect(away)
      for (const command of ['102', '103']) stage.agree(command, 2)
      stage.cluster.run(PLENTY_MS)
      for (const command of ['104', '105']) stage.agree(command, 2)
      stage.reconnect(away)
      stage.agree('106')
      stage.cluster.run(PLENTY_MS)
      stage.agree('107')
      stage.same(stage.cluster.applied(away), ['101', '102', '103', '104', '105', '106', '107'], `what ${away} applied`)
    },
  },
  {
    step: '1.3',
    name: 'majority-away',
    title: 'nothing is decided while three of five are away, and all goes on when they return',
    scenario:
      'Three followers of five are cut off, a command is given, and they come back, perhaps under another leader.',
    rule: 'Without a majority nothing is decided; an undecided command may be decided later, or lost.',
    source: 'MIT 6.5840, 3B "no agreement if too many followers disconnect"; Raft §5.3',
    seeds: 3,
    stage: { members: 5 },
    play(stage) {
      stage.agree('10')
      const leader = stage.leader()
      const away = stage.others(leader).slice(0, 3)
      stage.disconnect(...away)
      stage.propose(leader, '20')
      stage.noAgreement('20', 4 * PLENTY_MS)
      stage.reconnect(...away)
      stage.propose(stage.leader(), '30')
      stage.agree('1000')
      stage.allEqual()
    },
  },
  {
    step: '1.3',
    name: 'concurrent-commands',
    title: 'commands given at the same moment are all decided',
    scenario: 'A leader is asked for five commands in the same millisecond.',
    rule: 'The leader gives each command a place of its own.',
    source: 'MIT 6.5840, 3B "concurrent Start()s"; Raft §5.3',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      const leader = stage.leader()
      const commands = ['100', '101', '102', '103', '104']
      stage.propose(leader, ...commands)
      const all = stage.waitFor(() => commands.every((each) => stage.appliedBy(each).length === 3), PLENTY_MS)
      stage.check(all, `of five commands, members applied ${stage.ids.map((id) => stage.cluster.applied(id).length)}`)
    },
  },
  {
    step: '1.3',
    name: 'partitioned-leader-rejoins',
    title: 'what a cut-off leader collected in vain gives way to what was decided',
    scenario:
      'A leader is cut off and takes three commands. The others elect another, which decides one, and is cut off in turn when the first comes back.',
    rule: 'A follower’s entries that disagree with the leader’s are replaced.',
    source: 'MIT 6.5840, 3B "rejoin of partitioned leader"; Raft §5.3',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      stage.agree('101')
      const first = stage.leader()
      stage.disconnect(first)
      stage.propose(first, '102', '103', '104')
      stage.agree('203', 2)
      const second = stage.leader()
      stage.disconnect(second)
      stage.reconnect(first)
      stage.agree('304', 2)
      stage.reconnect(second)
      stage.agree('405')
      stage.same(stage.cluster.applied(first), ['101', '203', '304', '405'], `what ${first} applied`)
    },
  },
  {
    step: '1.2',
    name: 'backs-up-quickly',
    title: 'a leader finds quickly where a long wrong log begins to differ',
    scenario:
      'Five members; two groups in turn collect fifty commands each that are never decided, while the others decide fifty. In the end all must come to the same log.',
    rule: 'After a refusal, a whole term is skipped at a time.',
    source: 'MIT 6.5840, 3B "leader backs up quickly over incorrect follower logs"; Raft §5.3',
    seeds: 3,
    stage: { members: 5 },
    play: backUp,
  },
  {
    step: '1.2',
    name: 'message-count',
    title: 'neither elections nor agreement nor silence take many messages',
    scenario: 'A new cluster of three; then ten commands at once; then nothing for a second.',
    rule: 'One message per follower carries what there is to say; in silence, only heartbeats are sent.',
    source: 'MIT 6.5840, 3B "RPC counts aren\'t too high"; Raft §5.2, §5.3',
    seeds: 5,
    stage: { members: 3 },
    play(stage) {
      const { cluster } = stage
      const leader = stage.leader()
      const elected = cluster.messageCount
      stage.check(elected >= 2 && elected <= 40, `${elected} messages before there was a leader everybody follows`)
      stage.agree('first')
      cluster.run(100)
      const before = cluster.messageCount
      const term = cluster.status(leader)!.term
      const commands = Array.from({ length: 10 }, (_, number) => `x${number}`)
      stage.propose(leader, ...commands)
      stage.waitFor(() => stage.appliedBy('x9').length === 3, PLENTY_MS)
      const agreed = cluster.messageCount - before
      stage.same(cluster.status(leader)!.term, term, 'the term, without any failure')
      // Per command and follower: the append, the word that it is decided, and an answer to each; and a few heartbeats.
      const enough = 10 * 2 * 4 + 16
      stage.check(agreed <= enough, `${agreed} messages to agree on ten commands, where ${enough} are enough`)
      const heartbeats = 1000 / 20
      const quietFrom = cluster.messageCount
      cluster.run(1000)
      const quiet = cluster.messageCount - quietFrom
      const needed = heartbeats * 2 * 2
      stage.check(quiet <= 1.2 * needed, `${quiet} messages in a silent second, where heartbeats take ${needed}`)
    },
  },
]

const fifty = (word: string) => Array.from({ length: 50 }, (_, number) => `${word}-${number}`)

function backUp(stage: Stage): void {
  const { cluster } = stage
  stage.agree('begin')
  const first = stage.leader()
  const [companion, ...three] = stage.others(first) as [MemberId, ...MemberId[]]
  // Fifty that only the first leader and one companion get.
  stage.disconnect(...three)
  stage.propose(first, ...fifty('lost-with-the-first'))
  cluster.run(PLENTY_MS / 2)
  stage.disconnect(first, companion)
  // The three others decide fifty.
  stage.reconnect(...three)
  stage.propose(stage.leader(), ...fifty('decided'))
  stage.check(
    stage.waitFor(() => stage.appliedBy('decided-49').length >= 3, 4 * PLENTY_MS),
    'three of five did not decide fifty commands',
  )
  // Fifty more that only the second leader and one of the three get.
  const second = stage.leader()
  const behind = three.find((id) => id !== second)!
  stage.disconnect(behind)
  stage.propose(second, ...fifty('lost-with-the-second'))
  cluster.run(PLENTY_MS / 2)
  stage.disconnect(...stage.ids)
  // The first leader, its companion, and the one who stayed behind: only its log may win.
  stage.reconnect(first, companion, behind)
  stage.propose(stage.leader(), ...fifty('decided-too'))
  stage.check(
    stage.waitFor(() => stage.appliedBy('decided-too-49').length >= 3, 4 * PLENTY_MS),
    'the first leader, its companion and one of the others did not decide fifty commands',
  )
  const refusalsBefore = cluster.refusalCount
  stage.reconnect(...stage.ids)
  stage.agree('end')
  stage.allEqual()
  const refusals = cluster.refusalCount - refusalsBefore
  stage.check(refusals <= 30, `${refusals} refused appends until two long wrong logs were set right`)
}
