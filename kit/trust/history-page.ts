/**
 * A history as a picture: a line for each client, a bar for each operation, time from left to right; those that contradict each other
 * stand out. One file without scripts or anything from elsewhere, so that it can be kept and sent.
 */
import { describeAnswer, describeRequest } from './describe-operation.ts'
import type { StoreOperation } from './store-model.ts'

/** So much is shown before and after the culprits. */
const MARGIN_MS = 50
const WIDTH = 1600
const ROW = 26

export function historyPage(
  operations: readonly StoreOperation[],
  culprits: readonly StoreOperation[],
  text: string,
): string {
  if (culprits.length === 0) return historyPage(operations, operations, text)
  const from = Math.min(...culprits.map(({ fromMs }) => fromMs)) - MARGIN_MS
  const to = Math.max(...culprits.map(({ toMs }) => toMs)) + MARGIN_MS
  const shown = operations.filter(({ fromMs, toMs }) => toMs >= from && fromMs <= to)
  const clients = [...new Set(shown.map(({ client }) => client))].sort()
  const x = (ms: number) => (Math.max(0, Math.min(1, (ms - from) / (to - from))) * WIDTH).toFixed(1)
  const bar = (operation: StoreOperation) => {
    const { client, member, request, fromMs, toMs, answer } = operation
    const kind = culprits.includes(operation) ? 'culprit' : answer ? 'answered' : 'open'
    const width = Math.max(2, Number(x(toMs)) - Number(x(fromMs)))
    const y = clients.indexOf(client) * ROW + 4
    const told = `${client} through ${member}: ${describeRequest(request)}\n${fromMs.toFixed(1)} ms to ${answer ? `${toMs.toFixed(1)} ms` : '?'}\n${answer ? describeAnswer(answer) : 'no answer'}`
    return `<rect class="${kind}" x="${x(fromMs)}" y="${y}" width="${width}" height="${ROW - 8}" rx="3"><title>${htmlText(told)}</title></rect>`
  }
  const labels = clients.map(
    (client, row) => `<text x="-8" y="${row * ROW + 18}" text-anchor="end">${htmlText(client)}</text>`,
  )
  return `<!doctype html>
<meta charset="utf-8">
<title>Not linearizable</title>
<style>
  body { font: 14px system-ui, sans-serif; margin: 2rem; color: #222 }
  pre { background: #f6f6f6; padding: 1rem; overflow: auto }
  .answered { fill: #9db8d9 } .open { fill: #ddd; stroke: #999; stroke-dasharray: 4 } .culprit { fill: #d9534f }
  text { font-size: 12px }
</style>
<h1>Not linearizable</h1>
<pre>${htmlText(text)}</pre>
<p>${from.toFixed(0)} ms to ${to.toFixed(0)} ms of the history. Red: the operations above. Dashed: never answered. Point at a bar to read it.</p>
<svg viewBox="-60 0 ${WIDTH + 70} ${clients.length * ROW + 10}" width="100%">${labels.join('')}${shown.map(bar).join('')}</svg>
`
}

function htmlText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
