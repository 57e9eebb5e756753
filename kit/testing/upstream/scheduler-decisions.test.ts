/**
 * Our decisions against those of the real kube-scheduler 1.32, recorded in some hundred random situations: the same nodes are
 * feasible, every plugin's weighted score is equal, the chosen node is among our best, and the message is the same text.
 *
 * The recording is not part of the kit; without it these tests are skipped.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Node, Pod } from '#kit/api/objects.ts'
import type { ScoreCard } from '#kit/contracts/scheduling.ts'
import { NodeCache } from '#scheduler/cache.ts'
import { schedulePod } from '#scheduler/scheduling-cycle.ts'

interface Situation {
  readonly id: string
  readonly nodes: readonly Node[]
  readonly existing: readonly Pod[]
  readonly pod: Pod
  readonly upstream: {
    readonly node?: string
    readonly unschedulable?: string
    /** By node, then by plugin. Absent when fewer than two nodes were feasible. */
    readonly weightedScores?: Readonly<Record<string, Readonly<Record<string, number>>>>
  }
}

const RECORDING = fileURLToPath(
  new URL('../../../../shared/upstream/kube-scheduler/decisions.jsonl.gz', import.meta.url),
)

describe.skipIf(!existsSync(RECORDING))('decisions of kube-scheduler 1.32', () => {
  const situations = existsSync(RECORDING) ? readSituations() : []
  const unspread = situations.filter((one) => !usesSpread(one))
  const plain = unspread.filter((one) => !usesPodAffinity(one))

  it(`are ours too, in ${plain.length} situations without pod affinity and topology spread`, () => {
    expect(plain.length).toBeGreaterThan(100)
    expect(plain.flatMap(differences)).toEqual([])
  })

  it(`are ours too, in ${unspread.length} situations without topology spread`, () => {
    expect(unspread.flatMap(differences)).toEqual([])
  })

  it(`are ours too, in all ${situations.length} situations`, () => {
    expect(situations.flatMap(differences)).toEqual([])
  })
})

function differences({ id, nodes, existing, pod, upstream }: Situation): string[] {
  const cache = new NodeCache()
  for (const node of nodes) cache.setNode(node)
  for (const other of existing) cache.setPod(other)
  const decision = schedulePod(pod, cache.snapshot(), 0)
  const found: string[] = []
  const compare = (what: string, ours: unknown, theirs: unknown) => {
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
      found.push(`${id} ${what}: ours ${JSON.stringify(ours)}, upstream's ${JSON.stringify(theirs)}`)
    }
  }
  compare('message', decision.scheduled ? undefined : decision.message, upstream.unschedulable)
  if (!decision.scheduled) return found
  compare(
    'scores',
    decision.scores && scoresByNode(decision.scores),
    upstream.weightedScores && sorted(upstream.weightedScores),
  )
  const best = decision.scores ? bestOf(decision.scores) : [decision.nodeName]
  if (upstream.node && !best.includes(upstream.node))
    found.push(`${id} best: ours ${best}, upstream's ${upstream.node}`)
  return found
}

function scoresByNode({ nodes, byPlugin }: ScoreCard): unknown {
  const plugins = Object.entries(byPlugin)
  return sorted(
    Object.fromEntries(
      nodes.map((node, n) => [node, Object.fromEntries(plugins.map(([plugin, scores]) => [plugin, scores[n]!]))]),
    ),
  )
}

function bestOf({ nodes, totals }: ScoreCard): string[] {
  return nodes.filter((_, n) => totals[n] === Math.max(...totals))
}

function sorted(scores: Readonly<Record<string, Readonly<Record<string, number>>>>): unknown {
  return Object.keys(scores)
    .sort()
    .map((node) => [node, Object.entries(scores[node]!).sort()])
}

function usesSpread({ pod }: Situation): boolean {
  return pod.spec?.topologySpreadConstraints !== undefined
}

function usesPodAffinity({ pod, existing }: Situation): boolean {
  return [pod, ...existing].some(({ spec }) => spec?.affinity?.podAffinity || spec?.affinity?.podAntiAffinity)
}

function readSituations(): Situation[] {
  const lines = gunzipSync(readFileSync(RECORDING)).toString('utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Situation)
}
