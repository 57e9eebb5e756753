/**
 * What differs between two transcripts of one command, ours and the one recorded elsewhere.
 */
import { compareBodies } from './compare-bodies.ts'
import { normalise } from './normalise.ts'
import { bodyOf, type Exchange, type Transcript } from './transcript.ts'

export interface Difference {
  readonly where: 'exit' | 'stdout' | 'stderr' | 'http'
  /** One line. */
  readonly text: string
}

export function compareTranscripts(ours: Transcript, theirs: Transcript): Difference[] {
  return [
    ...compareExits(ours, theirs),
    ...compareTexts('stdout', ours, theirs),
    ...compareTexts('stderr', ours, theirs),
    ...compareExchanges(ours.http, theirs.http),
  ]
}

/** What was cut off in the recording may end by itself elsewhere: the recorder had less patience. */
function compareExits({ exit }: Transcript, theirs: Transcript): Difference[] {
  if (exit === theirs.exit || theirs.exit === 'timeout') return []
  return [{ where: 'exit', text: `${exit}, not ${theirs.exit}` }]
}

function compareTexts(where: 'stdout' | 'stderr', ours: Transcript, theirs: Transcript): Difference[] {
  const [left, right] = [linesOf(ours[where], ours.command), linesOf(theirs[where], theirs.command)]
  const differences = [
    ...without(left, right).map((line) => `+ ${line}`),
    ...without(right, left).map((line) => `- ${line}`),
  ]
  const inOrder = isUnordered(ours.command) || left.join('\n') === right.join('\n')
  if (differences.length === 0 && !inOrder) differences.push('the same lines in another order')
  return differences.map((text) => ({ where, text }))
}

/** Names are generated, so rows come in any order; and how often something happened depends on who was faster. */
function isUnordered(command: string): boolean {
  return /^kubectl (get|events|describe|drain|rollout status)\b/.test(command)
}

function linesOf(text: string, command: string): string[] {
  const lines = normalise(text)
    .split('\n')
    .filter((line) => line !== '' && !/^Waiting for /.test(line))
  return isUnordered(command) ? [...new Set(lines)].sort() : lines
}

function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return lines.filter((line) => {
    const at = left.indexOf(line)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

function compareExchanges(ours: readonly Exchange[], theirs: readonly Exchange[]): Difference[] {
  const [left, right] = [byRequest(ours), byRequest(theirs)]
  const differences: string[] = []
  for (const request of new Set([...right.keys(), ...left.keys()])) {
    const [our, their] = [left.get(request), right.get(request)]
    // What is cached, and for how long, is the client's affair.
    if (!our || !their) {
      if (!request.includes(' /openapi/')) differences.push(`${request}: ${our ? 'asked here only' : 'never asked'}`)
    } else differences.push(...compareAnswers(our, their).map((text) => `${request}: ${text}`))
  }
  return differences.map((text) => ({ where: 'http', text }))
}

/** A request that is made again and again, as by somebody who waits, counts as its last. */
function byRequest(exchanges: readonly Exchange[]): Map<string, Exchange> {
  return new Map(exchanges.map((exchange) => [normalise(`${exchange.method} ${sortedQuery(exchange.url)}`), exchange]))
}

/** The terms of a selector come in any order. */
function sortedQuery(url: string): string {
  const [path = '', query = ''] = url.split('?')
  const parameters = decodeURIComponent(query.replaceAll('+', ' '))
    .split('&')
    .filter((parameter) => parameter !== '' && !parameter.startsWith('timeout=32s'))
    .map((parameter) => {
      const [, name, value = ''] = /^([^=]*)=(.*)$/s.exec(parameter) ?? []
      return name?.endsWith('Selector')
        ? `${name}=${value
            .split(/,(?![^(]*\))/)
            .sort()
            .join(',')}`
        : parameter
    })
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`
}

function compareAnswers(ours: Exchange, theirs: Exchange): string[] {
  if (typeof theirs.status !== 'number') return []
  if (ours.status !== theirs.status) {
    if (ours.status === 304 || theirs.status === 304) return []
    return [`status ${ours.status ?? 'never came'}, not ${theirs.status}`]
  }
  const differences: string[] = []
  if (ours.status !== 304 && ours.responseType !== theirs.responseType) {
    differences.push(`content type ${ours.responseType}, not ${theirs.responseType}`)
  }
  const [our, their] = [bodyOf(ours), bodyOf(theirs)]
  if (our.kind === 'json' && their.kind === 'json') {
    const ignoreEmpty = /protobuf/.test(theirs.responseType ?? '')
    differences.push(...compareBodies(our.value, their.value, { ignoreEmpty }))
  } else if (our.kind === 'text' && their.kind === 'text' && normalise(our.text) !== normalise(their.text)) {
    differences.push('another text')
  }
  return differences
}
