/**
 * The solution's text of some symbols, together with what they call that learners' files do not have: the `@solution-only`
 * helpers. Without them the text would call what nobody can read.
 */
import { type Declaration, type ParsedFile, parseFile } from './declarations.ts'

export interface Passage {
  readonly symbol: string
  readonly path: string
  readonly text: string
}

/** The declaration's text without its JSDoc, or undefined when the file does not have it (or does not parse). */
export function passageOf(path: string, source: string, symbol: string): Passage | undefined {
  let parsed: ParsedFile
  try {
    parsed = parseFile(path, source)
  } catch {
    return undefined
  }
  const texts = parsed.declarations.filter((each) => each.symbol === symbol).map((each) => textOf(parsed, each))
  return texts.length > 0 ? { symbol, path, text: texts.join('\n\n') } : undefined
}

/**
 * What the passages use that no stub has, directly or through each other, in the order of the text.
 *
 * @param files a lab's solution, by path
 */
export function helpersOf(passages: readonly Passage[], files: ReadonlyMap<string, string>): Passage[] {
  const candidates = [...files].flatMap(([path, source]) => {
    const parsed = parseFile(path, source)
    return parsed.declarations
      .filter((each) => parsed.solutionOnly || each.solutionOnly)
      .map((each) => ({ symbol: each.symbol, path, text: textOf(parsed, each), wholeFile: parsed.solutionOnly }))
  })
  const used = new Set<Passage>()
  // It grows while it is read.
  const toRead = [...passages]
  for (const passage of toRead) {
    for (const candidate of candidates) {
      const within = candidate.wholeFile || candidate.path === passage.path
      if (used.has(candidate) || !within || !mentions(passage.text, candidate.symbol)) continue
      used.add(candidate)
      toRead.push(candidate)
    }
  }
  return candidates
    .filter((candidate) => used.has(candidate) && passages.every((passage) => passage.symbol !== candidate.symbol))
    .map(({ symbol, path, text }) => ({ symbol, path, text }))
}

/** Whether the text uses `Queue.#wakeDue` (as `#wakeDue`), `podsOn` and the like. */
function mentions(text: string, symbol: string): boolean {
  const name = symbol.slice(symbol.lastIndexOf('.') + 1).replaceAll('$', '\\$')
  return new RegExp(`(?<![\\w$#])${name}(?![\\w$])`).test(text)
}

function textOf({ source }: ParsedFile, { start, end }: Declaration): string {
  const column = start - (source.lastIndexOf('\n', start - 1) + 1)
  return source.slice(start, end).replaceAll(`\n${' '.repeat(column)}`, '\n')
}
