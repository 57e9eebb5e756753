/**
 * Puts code into a guide by symbol, between markers, so that prose never repeats code and cannot drift from it.
 *
 *     <!-- include: kit/contracts/clock.ts#Clock -->
 *     <!-- include: solutions/01-etcd-raft/raft.ts#Raft.step signature -->
 *     <!-- include: kit/examples/hello.yaml -->
 *     …
 *     <!-- /include -->
 *
 * The text between the markers is generated. Code below `labs/NN/src` is shown as the stub, never as a learner has it; the
 * solution of a part that learners write is refused.
 */
import { existsSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type Declaration, type ParsedFile, parseFile } from './declarations.ts'
import type { StubTree } from './stub-tree.ts'

const INCLUDE = /<!-- include: (\S+?)(?:#(\S+))?( signature)? -->\n[\s\S]*?<!-- \/include -->/g
const MARKER = /<!-- include:.*-->/g

/** What a guide looks like with its includes filled in. Throws with the marker that cannot be filled. */
export function fillIncludes(guide: string, root: string, stubsOf: (lab: string) => StubTree): string {
  let filled = 0
  const text = guide.replace(INCLUDE, (block, path: string, symbol: string | undefined, signature?: string) => {
    filled++
    const marker = block.slice(0, block.indexOf('\n'))
    const code = symbol
      ? readSymbol(readSource(path, root, stubsOf), path, symbol, signature !== undefined)
      : readSource(path, root, stubsOf).trimEnd()
    return `${marker}\n\`\`\`${languageOf(path)}\n${code}\n\`\`\`\n<!-- /include -->`
  })
  const markers = guide.match(MARKER)?.length ?? 0
  if (markers !== filled) throw new Error(`${markers - filled} include marker(s) without their <!-- /include -->`)
  return text
}

function readSource(path: string, root: string, stubsOf: (lab: string) => StubTree): string {
  const inLab = /^labs\/([^/]+)\/src\/(.+)$/.exec(path)
  const stub = inLab && stubsOf(inLab[1]!).files.get(inLab[2]!)
  if (stub) return stub
  const file = join(root, path)
  if (inLab || !existsSync(file)) throw new Error(`include: there is no file ${path}`)
  return readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
}

function readSymbol(source: string, path: string, symbol: string, signatureOnly: boolean): string {
  const parsed = parseFile(path, source)
  const found = parsed.declarations.filter((declaration) => declaration.symbol === symbol)
  const first = found[0]
  if (!first) throw new Error(`include: ${path} has no symbol ${symbol}`)
  if (signatureOnly) return found.map((declaration) => signatureOf(parsed, declaration)).join('\n')
  const secret = parsed.declarations.find(
    (each) => each.lab && found.some((shown) => shown.start <= each.start && each.end <= shown.end),
  )
  if (path.startsWith('solutions/') && secret) {
    throw new Error(
      `include: ${path}#${symbol} would show the solution of ${secret.symbol}; include the stub's instead`,
    )
  }
  return found
    .map((declaration) => dedent(parsed, declaration.doc?.start ?? declaration.start, declaration.end))
    .join('\n\n')
}

/** The declaration without JSDoc and body; for a class, its public members. */
function signatureOf(parsed: ParsedFile, declaration: Declaration): string {
  const { source } = parsed
  if (declaration.kind === 'class') {
    const members = parsed.declarations.filter(
      (member) => member.symbol.startsWith(`${declaration.symbol}.`) && !member.symbol.includes('#'),
    )
    const head = source.slice(declaration.start, source.indexOf('{', declaration.start) + 1)
    return [head, ...members.map((member) => indent(signatureOf(parsed, member))), '}'].join('\n')
  }
  const end = declaration.body?.start ?? declaration.end
  return dedent(parsed, declaration.start, end).replace(/\s*(=>)?\s*$/, '')
}

function dedent({ source }: ParsedFile, start: number, end: number): string {
  const column = start - (source.lastIndexOf('\n', start - 1) + 1)
  return source.slice(start, end).replaceAll(`\n${' '.repeat(column)}`, '\n')
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ')
}

function languageOf(path: string): string {
  const extension = extname(path).slice(1)
  return extension === 'yml' ? 'yaml' : extension === 'mjs' ? 'js' : extension
}
