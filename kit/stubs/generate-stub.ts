/**
 * One tagged solution file in, the learner's stub out.
 *
 * `@lab 3.2 What to do` replaces the body by `throw new NotImplemented(…)`; JSDoc and signature stay word for word.
 * `@solution-only` leaves a declaration (or, in the comment at the head of a file, the file) out. Imports that only the
 * removed code used go too. Everything else is copied verbatim, so text and stub cannot drift apart.
 */
import MagicString from 'magic-string'
import { type ImportDeclaration, parseSync } from 'oxc-parser'
import { type Declaration, type LabTag, parseFile } from './declarations.ts'

/** A symbol that learners write. */
export interface Task extends LabTag {
  readonly symbol: string
  /** From the repository's root, as the learner sees it. */
  readonly file: string
}

export interface Stub {
  /** Undefined when the whole file is `@solution-only`. */
  readonly text: string | undefined
  readonly tasks: readonly Task[]
}

/**
 * @param solutionFile where the source comes from, for messages
 * @param stubFile where the stub will lie: `labs/03-scheduler/src/queue.ts`
 */
export function generateStub(source: string, solutionFile: string, stubFile: string): Stub {
  const parsed = parseFile(solutionFile, source)
  if (parsed.solutionOnly) return { text: undefined, tasks: [] }

  const output = new MagicString(source)
  const removed = parsed.declarations.filter((declaration) => declaration.solutionOnly)
  for (const declaration of removed) removeDeclaration(output, source, declaration)

  const tasks: Task[] = []
  for (const declaration of parsed.declarations) {
    const { lab, body, symbol } = declaration
    if (!lab || removed.some((outer) => outer.start <= declaration.start && declaration.end <= outer.end)) continue
    if (!body) throw new Error(`${solutionFile}: @lab on ${symbol}, which has no body. Tag functions and methods.`)
    if (!declaration.statesReturnType) {
      throw new Error(`${solutionFile}: ${symbol} is tagged @lab and must state its return type, or its stub has none.`)
    }
    const task = { ...lab, symbol, file: stubFile }
    tasks.push(task)
    output.overwrite(body.start, body.end, throwNotImplemented(task, indentOf(source, declaration.start)))
  }
  const text = tidyImports(output.toString(), solutionFile, tasks.length > 0)
  return { text, tasks }
}

function throwNotImplemented(task: Task, indent: string): string {
  const words = [task.step, task.symbol, task.task, task.file].map(quote)
  const inline = `${indent}  throw new NotImplemented(${words.join(', ')})`
  const call =
    inline.length <= 120
      ? inline
      : [`${indent}  throw new NotImplemented(`, ...words.map((word) => `${indent}    ${word},`), `${indent}  )`].join(
          '\n',
        )
  return `{\n${call}\n${indent}}`
}

function quote(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\')
  return text.includes("'") && !text.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`
}

function indentOf(source: string, offset: number): string {
  const lineStart = source.lastIndexOf('\n', offset - 1) + 1
  return /^[ \t]*/.exec(source.slice(lineStart, offset))![0]
}

/** Removes the declaration with its JSDoc, its line end, and the blank line above it. */
function removeDeclaration(output: MagicString, source: string, declaration: Declaration): void {
  let start = declaration.doc?.start ?? declaration.start
  start -= indentOf(source, start).length
  if (source.slice(0, start).endsWith('\n\n')) start -= 1
  let end = declaration.end
  if (source[end] === ',') end += 1
  if (source[end] === '\n') end += 1
  output.remove(start, end)
}

/** Drops what is imported and no longer used; adds the import of NotImplemented when stubs throw it. */
function tidyImports(text: string, file: string, throws: boolean): string {
  const { program } = parseSync(file, text, { sourceType: 'module', lang: 'ts' })
  const imports = program.body.filter((statement) => statement.type === 'ImportDeclaration')
  const used = new Set<string>()
  for (const statement of program.body) if (statement.type !== 'ImportDeclaration') collectNames(statement, used)

  const output = new MagicString(text)
  for (const statement of imports) {
    const kept = statement.specifiers.filter((specifier) => used.has(specifier.local.name))
    if (kept.length === statement.specifiers.length) continue
    const lineEnd = text[statement.end] === '\n' ? 1 : 0
    if (kept.length === 0) output.remove(statement.start, statement.end + lineEnd)
    else output.overwrite(statement.start, statement.end, printImport(statement, kept))
  }

  const imported = imports.some((each) =>
    each.specifiers.some((specifier) => specifier.local.name === 'NotImplemented'),
  )
  if (throws && !imported) {
    const line = `import { NotImplemented } from '#kit/contracts/not-implemented.ts'\n`
    const first = imports[0]
    if (first) output.prependLeft(first.start, line)
    else output.prependLeft(afterHeadComment(text), `${line}\n`)
  }
  return output.toString()
}

function printImport(statement: ImportDeclaration, kept: ImportDeclaration['specifiers']): string {
  const parts: string[] = []
  const named: string[] = []
  for (const specifier of kept) {
    if (specifier.type === 'ImportDefaultSpecifier') parts.push(specifier.local.name)
    else if (specifier.type === 'ImportNamespaceSpecifier') parts.push(`* as ${specifier.local.name}`)
    else {
      const original = specifier.imported.type === 'Literal' ? specifier.imported.raw! : specifier.imported.name
      const renamed = original === specifier.local.name ? original : `${original} as ${specifier.local.name}`
      named.push(specifier.importKind === 'type' ? `type ${renamed}` : renamed)
    }
  }
  const allTypes = named.length > 0 && parts.length === 0 && named.every((name) => name.startsWith('type '))
  const typeOnly = statement.importKind === 'type' || allTypes
  if (named.length > 0) parts.push(`{ ${(allTypes ? named.map((name) => name.slice(5)) : named).join(', ')} }`)
  const line = `import ${typeOnly ? 'type ' : ''}${parts.join(', ')} from ${statement.source.raw}`
  if (line.length <= 120) return line
  return line.replace(/\{ (.*) \}/, (_, names: string) => `{\n  ${names.split(', ').join(',\n  ')},\n}`)
}

/** The offset after the file's head comment: the first comment, when a blank line or the end follows it. */
function afterHeadComment(text: string): number {
  const head = /^\s*\/\*\*[\s\S]*?\*\/\n/.exec(text)
  if (!head) return 0
  const next = text.slice(head[0].length)
  return next === '' || next.startsWith('\n') ? head[0].length : 0
}

/** Names that are read somewhere below a node. Property names are not reads; types are. */
function collectNames(node: unknown, into: Set<string>): void {
  if (Array.isArray(node)) {
    for (const each of node) collectNames(each, into)
    return
  }
  if (node === null || typeof node !== 'object') return
  const { type, computed, shorthand, ...rest } = node as Record<string, unknown>
  if (typeof type !== 'string') return
  if (type === 'Identifier') into.add((node as unknown as { name: string }).name)
  const namesOnly = computed ? undefined : type === 'MemberExpression' ? 'property' : shorthand ? undefined : 'key'
  for (const [field, child] of Object.entries(rest)) {
    if (field === namesOnly || field === 'parent') continue
    collectNames(child, into)
  }
}
