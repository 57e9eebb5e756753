/**
 * Gives the commands of a recording to a cluster of ours, one after the other, and tells what differs.
 */
import type { Log } from '../contracts/log.ts'
import { ACCEPTED, type AcceptedDifference } from './accepted.ts'
import { startCompatCluster } from './cluster.ts'
import { compareTranscripts, type Difference } from './compare.ts'
import { normalise } from './normalise.ts'
import { createShell } from './run-command.ts'
import type { Transcript } from './transcript.ts'

export interface Comparison {
  /** Counted from 1, the line in the recording. */
  readonly number: number
  readonly command: string
  readonly ours: Transcript
  readonly theirs: Transcript
  readonly unexpected: readonly Difference[]
  readonly accepted: readonly { readonly difference: Difference; readonly reason: string }[]
}

export interface ReplayOptions {
  readonly transcripts: readonly Transcript[]
  /** Commands up to the last of these are given, for their effects; these are compared. All when absent. */
  readonly only?: ReadonlySet<number> | undefined
  readonly log: Log
  /** Ends the replay before the next command. */
  readonly signal?: AbortSignal | undefined
  onComparison?(comparison: Comparison): void
}

export interface Replay {
  readonly comparisons: readonly Comparison[]
  /** Accepted differences that never occurred; known only after all commands. */
  readonly outdated: readonly AcceptedDifference[]
}

/** For what ends by itself; and for what the recorder cut off. */
const LIMIT_MS = 40_000
const WATCH_LIMIT_MS = 5_000

export async function replay({ transcripts, only, log, signal, onComparison }: ReplayOptions): Promise<Replay> {
  const cluster = await startCompatCluster(log)
  const shell = createShell({
    server: `https://127.0.0.1:${cluster.proxy.port}`,
    certificateAuthority: cluster.certificateAuthority,
    token: 'admin',
    files: { 'pki/api.crt': cluster.certificate, 'pki/api.key': cluster.privateKey },
  })
  const comparisons: Comparison[] = []
  const occurred = new Set<AcceptedDifference>()
  try {
    const last = only ? Math.max(...only) : transcripts.length
    for (const [index, theirs] of transcripts.slice(0, last).entries()) {
      if (signal?.aborted) break
      const { command, stdin, exit } = theirs
      const wanted = normalise(theirs.stdout)
      const outcome = await shell.run(command, {
        stdin: stdin ?? '',
        limitMs: exit === 'timeout' ? WATCH_LIMIT_MS : LIMIT_MS,
        enough: (stdout) => exit === 'timeout' && wanted !== '' && normalise(stdout) === wanted,
      })
      const ours = { command, ...outcome, http: cluster.proxy.take() }
      if (!isFollowedThrough(transcripts[index + 1]?.command)) await cluster.quiet()
      if (only && !only.has(index + 1)) continue
      const comparison = { number: index + 1, command, ours, theirs, ...judge(ours, theirs, occurred) }
      comparisons.push(comparison)
      onComparison?.(comparison)
    }
  } finally {
    shell.remove()
    await cluster.stop()
  }
  return { comparisons, outdated: only || signal?.aborted ? [] : ACCEPTED.filter((rule) => !occurred.has(rule)) }
}

/** What is asked while something goes on must not wait until it is over. */
function isFollowedThrough(next: string | undefined): boolean {
  return next?.startsWith('kubectl rollout status') ?? false
}

/** @param occurred gets the rules that were needed */
export function judge(ours: Transcript, theirs: Transcript, occurred: Set<AcceptedDifference>) {
  const unexpected: Difference[] = []
  const accepted: { difference: Difference; reason: string }[] = []
  const times = new Map<AcceptedDifference, number>()
  for (const difference of compareTranscripts(ours, theirs)) {
    const rule = ACCEPTED.find((candidate) => covers(candidate, difference, theirs.command))
    const count = rule ? (times.get(rule) ?? 0) + 1 : 0
    if (!rule || count > (rule.most ?? count)) unexpected.push(difference)
    else {
      occurred.add(rule)
      times.set(rule, count)
      accepted.push({ difference, reason: rule.reason })
    }
  }
  return { unexpected, accepted }
}

function covers(rule: AcceptedDifference, difference: Difference, command: string): boolean {
  const rightPlace = rule.where === undefined || rule.where === difference.where
  return rightPlace && (rule.command?.test(command) ?? true) && rule.text.test(difference.text)
}
