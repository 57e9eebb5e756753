/**
 * `etcdctl check perf`: upstream's own load and upstream's own verdict, each for a minute. The medium one asks for 1,000 puts a second of 200 clients,
 * the large one for 8,000 of 500.
 */
import { spawn } from 'node:child_process'
import { hasTool } from '../../testing/tools.ts'
import type { BenchContext } from '../benchmark.ts'
import { type Contest, reference } from './contest.ts'

export async function measureCheckPerf(context: BenchContext, endpoints: Contest<string>): Promise<void> {
  if (!hasTool('etcdctl')) return context.note('`etcdctl check perf` was not run: etcdctl is not installed here.')
  // A tenth below what it asks for, it fails: that is its own bound. Of the medium load the real one is known to bear it.
  await measureCheck(context, 'm', { ...endpoints, real: undefined }, { value: 900 })
  await measureCheck(context, 'l', endpoints, { ratio: 0.7 })
}

async function measureCheck(
  context: BenchContext,
  load: 'm' | 'l',
  { ours, real, realName }: Contest<string>,
  target: { value: number } | { ratio: number },
): Promise<void> {
  const what = `etcdctl check perf --load=${load}`
  const check = async (endpoint: string, whose: string) => {
    context.progress(`${what}, ${whose} (a minute)`)
    const output = await runCheck(context, endpoint, load)
    context.note(`\`${what}\`, ${whose}: ${verdictLines(output).join('; ') || 'it said nothing'}.`)
    return parseCheckPerf(output)
  }
  const ourWrites = await check(ours, 'ours')
  const realWrites = real === undefined ? undefined : await check(real, realName)
  if (ourWrites === undefined) return
  context.measured({
    what,
    unit: 'per second',
    ours: { value: ourWrites },
    reference: realWrites === undefined ? undefined : reference(realName, { value: realWrites }),
    target,
  })
}

async function runCheck({ signal }: BenchContext, endpoint: string, load: string): Promise<string> {
  const child = spawn('etcdctl', ['--endpoints', endpoint, 'check', 'perf', `--load=${load}`], {
    env: { ...process.env, ETCDCTL_API: '3' },
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    timeout: 120_000,
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  return output
}

/** Its verdicts on throughput, slowest request and deviation, and the last one, on all: each PASS or FAIL. */
export function verdictLines(output: string): string[] {
  return output.match(/\b(?:PASS|FAIL|Slowest)\b[^\r\n]*/g)?.map((line) => line.trim()) ?? []
}

/** Writes per second, from "PASS: Throughput is 989 writes/s" or "FAIL: Throughput too low: 4600 writes/s". */
export function parseCheckPerf(output: string): number | undefined {
  const writes = /Throughput (?:is|too low:) (\d+) writes\/s/.exec(output)?.[1]
  return writes === undefined ? undefined : Number(writes)
}
