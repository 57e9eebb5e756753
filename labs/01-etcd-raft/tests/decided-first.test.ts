/**
 * In which portions a core hands out its work: given code (`Raft.ready`).
 */
import { expect } from 'vitest'
import { createRaftState } from '#etcd/raft/create-state.ts'
import { Raft } from '#etcd/raft/raft.ts'
import type { Ready } from '#kit/raft/messages.ts'
import { lesson } from '#kit/testing/lesson.ts'

/** A member alone in its cluster, which leads and has its no-op on disk and applied. */
function leaderAlone(): Raft {
  const raft = new Raft(createRaftState({ id: 'a', voters: ['a'], seed: 1 }))
  raft.campaign()
  while (raft.hasReady()) raft.advance(raft.ready())
  return raft
}

function shown({ entries, committedEntries, reads }: Ready): string {
  const list = (items: readonly { readonly data: string }[]) => items.map(({ data }) => data).join(',') || '–'
  const read = reads.map(({ context }) => context).join(',') || '–'
  return `persist ${list(entries)}, apply ${list(committedEntries)}, serve ${read}`
}

lesson(
  'answers for what is decided before the disk is asked for more',
  {
    scenario: 'A leader alone. While its disk writes the command x, the command y and a read come.',
    rule: 'Work that needs no disk does not wait for it: x is on disk, so it is applied before y is written, not after.',
    source: 'etcd server/etcdserver/raft.go, start: committed entries go to be applied while the log is written',
  },
  () => {
    const raft = leaderAlone()
    raft.propose('x')
    const first = raft.ready()
    expect(shown(first)).toBe('persist x, apply –, serve –')
    raft.propose('y')
    raft.readIndex('r')
    raft.advance(first)
    const second = raft.ready()
    expect(shown(second), 'once x is on disk').toBe('persist –, apply x, serve r')
    expect(second.messages).toEqual([])
    raft.advance(second)
    const third = raft.ready()
    expect(shown(third), 'then').toBe('persist y, apply –, serve –')
    raft.advance(third)
    expect(shown(raft.ready()), 'once y is on disk').toBe('persist –, apply y, serve –')
  },
)

lesson(
  'a follower answers for nothing that its own disk does not have',
  {
    scenario: 'A follower gets two entries at once, of which the leader says that both are committed.',
    rule: 'The acknowledgement leaves with the entries that it is for, and so does what is applied of them.',
    source: 'Raft figure 2, "Updated on stable storage before responding to RPCs"',
  },
  () => {
    const raft = new Raft(createRaftState({ id: 'b', voters: ['a', 'b', 'c'], seed: 1 }))
    const append = { type: 'AppendRequest', from: 'a', to: 'b', term: 1, prevLogTerm: 0, readRound: 0 } as const
    const entry = (index: number) => ({ term: 1, index, data: `${index}` })
    raft.step({ ...append, prevLogIndex: 0, entries: [entry(1), entry(2)], commitIndex: 2 })
    const ready = raft.ready()
    expect(shown(ready)).toBe('persist 1,2, apply 1,2, serve –')
    expect(ready.messages).toMatchObject([{ type: 'AppendResponse', accepted: true, matchIndex: 2 }])
  },
)
