/**
 * Why a history is wrong, told as people would: the few operations that contradict each other, of the thousands that were recorded.
 *
 * What claims nothing cannot contradict: a read is left out, a write keeps its effect but may have happened at any time. Operations are
 * relieved of their claims as long as the rest is still wrong; those that are left are the reason.
 * Source: Zeller, "Simplifying and Isolating Failure-Inducing Input" (2002), for the way of halving.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeAnswer, describeRequest } from './describe-operation.ts'
import { historyPage } from './history-page.ts'
import { checkLinearizability } from './linearizability.ts'
import { hasChanged, isWrite, keysOf, type StoreOperation, storeModel } from './store-model.ts'

const CHECK_TIME_LIMIT_MS = 2_000
const EXPLAIN_TIME_LIMIT_MS = 20_000

/** Throws, with a table and the path of a page, unless the history is linearizable. Not knowing counts as wrong. */
export function assertLinearizable(operations: readonly StoreOperation[], about: string): void {
  const verdict = checkLinearizability(storeModel(operations), operations, { timeLimitMs: 30_000 })
  if (verdict.kind === 'linearizable') return
  if (verdict.kind === 'unknown')
    throw new Error(`Nobody knows whether the history is linearizable: ${verdict.reason} (${about})`)
  const culprits = findCulprits(operations)
  const page = join(mkdtempSync(join(tmpdir(), 'history-')), 'history.html')
  const text = `${describeCulprits(operations, culprits)}\n${about}`
  writeFileSync(page, historyPage(operations, culprits, text))
  throw new Error(`${text}\nThe history as a page: ${page}`)
}

/** The shortest part found that is wrong, given what all together tell about revisions; everything, if that takes too long. */
export function findCulprits(operations: readonly StoreOperation[]): StoreOperation[] {
  const deadlineMs = performance.now() + EXPLAIN_TIME_LIMIT_MS
  const model = storeModel(operations)
  const isWrong = (claiming: readonly StoreOperation[]) => {
    if (performance.now() > deadlineMs) return false
    const weaker = relieve(operations, new Set(claiming))
    return checkLinearizability(model, weaker, { timeLimitMs: CHECK_TIME_LIMIT_MS }).kind === 'not linearizable'
  }
  // Some revision is nobody's: no operation is to blame for that.
  if (isWrong([])) return []
  const answered = operations.filter(({ answer }) => answer)
  const keys = new Set(answered.flatMap(({ request }) => keysOf(request)))
  const ofOneKey = [...keys].map((key) => answered.filter(({ request }) => keysOf(request).includes(key)))
  // A contradiction about one key is easier to see.
  let culprits = ofOneKey.find(isWrong) ?? answered
  for (let pieces = 2; culprits.length > 1; ) {
    const size = Math.ceil(culprits.length / pieces)
    const smaller = piecesOf(culprits, size)
      .map((piece) => culprits.filter((one) => !piece.includes(one)))
      .find(isWrong)
    if (smaller) {
      culprits = smaller
      pieces = Math.max(2, pieces - 1)
    } else if (size > 1) pieces = Math.min(culprits.length, 2 * pieces)
    else break
  }
  return culprits.sort((a, b) => a.calledAt - b.calledAt)
}

function piecesOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, piece) =>
    items.slice(piece * size, (piece + 1) * size),
  )
}

/** The same history, in which only `claiming` still say when they were and what they found. */
function relieve(operations: readonly StoreOperation[], claiming: ReadonlySet<StoreOperation>): StoreOperation[] {
  return operations.flatMap((operation): StoreOperation[] => {
    const { request, answer } = operation
    if (claiming.has(operation)) return [operation]
    if (!answer) return [{ ...operation, calledAt: -1 }]
    if (!hasChanged(request, answer)) return []
    return [{ ...operation, answer: { ...answer, found: {} }, calledAt: -1, returnedAt: Infinity }]
  })
}

/** A table of the culprits and of the writes that their answers speak of, and a sentence. */
export function describeCulprits(operations: readonly StoreOperation[], culprits: readonly StoreOperation[]): string {
  if (culprits.length === 0) return 'Not linearizable: the store went through a revision that no write explains.'
  const rows = [...new Set([...culprits, ...mentioned(operations, culprits)])].sort((a, b) => a.calledAt - b.calledAt)
  const keys = [...new Set(culprits.flatMap(({ request }) => keysOf(request)))]
  const about = keys.length === 1 ? ` (key ${keys[0]})` : ''
  const table = tableOf([
    ['client', 'through', 'operation', 'from ms', 'to ms', 'answer'],
    ...rows.map(({ client, member, request, fromMs, toMs, answer }) => [
      ...[client, member, describeRequest(request), fromMs.toFixed(1), answer ? toMs.toFixed(1) : '?'],
      answer ? describeAnswer(answer) : 'none: may take effect at any later time',
    ]),
  ])
  return `Not linearizable: no order of these operations${about} explains all their answers.\n\n${table}\n\n${sentence(culprits)}`
}

/** Writes whose revision, or value, a culprit's answer names. */
function mentioned(operations: readonly StoreOperation[], culprits: readonly StoreOperation[]): StoreOperation[] {
  const versions = culprits
    .flatMap(({ answer }) => Object.values(answer?.found ?? {}))
    .filter((version) => version !== null)
  const revisions = new Set(versions.map(({ modRevision }) => modRevision))
  const values = new Set(versions.map(({ value }) => value))
  return operations.filter(({ request, answer }) => {
    if (!isWrite(request)) return false
    const isNamed = answer !== undefined && hasChanged(request, answer) && revisions.has(answer.revision)
    return isNamed || ('value' in request && values.has(request.value))
  })
}

/** What is wrong with two answers, where that can be said simply. */
function sentence(culprits: readonly StoreOperation[]): string {
  const [first, second, third] = culprits
  if (first && !second)
    return `${first.client}'s answer alone is impossible: the write that it speaks of did something else, or never was.`
  if (!first?.answer || !second?.answer || third)
    return 'Each of them is possible without the others; together they are not.'
  const gapMs = (second.fromMs - first.toMs).toFixed(1)
  const isAfter = first.returnedAt < second.calledAt
  if (isAfter && second.answer.revision < first.answer.revision) {
    return `${second.client} asked ${gapMs} ms after revision ${first.answer.revision} had been shown to ${first.client}, and was answered from the past: revision ${second.answer.revision}.`
  }
  const both = [first, second].every(({ request, answer }) => hasChanged(request, answer!))
  if (both && second.answer.revision === first.answer.revision) {
    return `Both were told that their change was revision ${first.answer.revision}: one of the two is lost.`
  }
  return 'Each of the two is possible without the other; together they are not.'
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd())
    .join('\n')
}
