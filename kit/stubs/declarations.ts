/**
 * Finds the declarations of a TypeScript file by symbol, with their JSDoc and the two tags that steer the stubs.
 *
 * Symbols: `decideVote`, `Raft.step`, `Raft.#becomeLeader`, `nodePorts.filter` (a method of an object literal).
 * Every `@lab` or `@solution-only` tag belongs to exactly one declaration, otherwise reading fails: a tag that nothing
 * listens to would be a part that learners are never asked to write.
 */
import {
  type ArrowFunctionExpression,
  type Class,
  type Expression,
  type Function as FunctionNode,
  type ObjectExpression,
  type PropertyKey,
  parseSync,
  type Statement,
} from 'oxc-parser'

/** A half-open range of characters. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The `@lab 3.2 What to do` tag. */
export interface LabTag {
  readonly step: string
  readonly task: string
}

export interface Declaration extends Span {
  readonly symbol: string
  readonly kind: 'function' | 'variable' | 'class' | 'type' | 'member'
  /** The JSDoc comment right above it. */
  readonly doc: Span | undefined
  readonly lab: LabTag | undefined
  readonly solutionOnly: boolean
  /** What an implementation replaces: `{ … }`, or the expression of a short arrow. */
  readonly body: Span | undefined
  /** Without it a stub would lose the type that the solution's body implies. */
  readonly statesReturnType: boolean
}

export interface ParsedFile {
  readonly path: string
  readonly source: string
  readonly statements: readonly Statement[]
  readonly declarations: readonly Declaration[]
  /** The comment at the head of the file says that the whole file is `@solution-only`. */
  readonly solutionOnly: boolean
}

type AnyFunction = FunctionNode | ArrowFunctionExpression
type Found = Pick<Declaration, 'symbol' | 'kind' | 'body' | 'statesReturnType'> & Span

/** Parses a file. Throws with the path when it is not valid TypeScript or when a tag belongs to nothing. */
export function parseFile(path: string, source: string): ParsedFile {
  const parsed = parseSync(path, source, { sourceType: 'module', lang: 'ts' })
  const failure = parsed.errors[0]
  if (failure) throw new Error(`${path} does not parse: ${failure.message}`)

  const docs = parsed.comments
    .filter((comment) => comment.type === 'Block' && comment.value.startsWith('*'))
    .map((comment) => ({ start: comment.start, end: comment.end, text: comment.value }))
  const statements = parsed.program.body as Statement[]
  const used = new Set<object>()

  const declarations = statements.flatMap(findDeclarations).map((found): Declaration => {
    const doc = docs.findLast((each) => each.end <= found.start && isGap(source.slice(each.end, found.start)))
    if (doc) used.add(doc)
    return { ...found, doc, lab: doc && readLabTag(doc.text), solutionOnly: hasTag(doc?.text, 'solution-only') }
  })

  const head = docs[0]
  const headIsFree = head !== undefined && !used.has(head) && source.slice(0, head.start).trim() === ''
  const orphan = docs.find((doc) => !used.has(doc) && (hasTag(doc.text, 'lab') || hasTag(doc.text, 'solution-only')))
  if (orphan && !(orphan === head && headIsFree && hasTag(orphan.text, 'solution-only'))) {
    throw new Error(`${path}: this tag is not right above a function, method or member:\n  /*${orphan.text}*/`)
  }
  return {
    path,
    source,
    statements,
    declarations,
    solutionOnly: headIsFree && hasTag(head?.text, 'solution-only'),
  }
}

/** Between a JSDoc and what it documents there may be line comments (such as a lint exception), but no empty line. */
function isGap(text: string): boolean {
  return !/\n\s*\n/.test(text) && text.replace(/\/\/[^\n]*/g, '').trim() === ''
}

function hasTag(doc: string | undefined, tag: string): boolean {
  return doc !== undefined && new RegExp(`^[\\s*]*@${tag}\\b`, 'm').test(doc)
}

function readLabTag(doc: string): LabTag | undefined {
  if (!hasTag(doc, 'lab')) return undefined
  const lines = doc.split('\n').map((line) => line.replace(/^\s*\*+\s?/, '').trim())
  const at = lines.findIndex((line) => line.startsWith('@lab'))
  const rest = lines.slice(at + 1)
  const end = rest.findIndex((line) => line === '' || line.startsWith('@'))
  const text = [lines[at]!, ...rest.slice(0, end === -1 ? rest.length : end)].join(' ').trim()
  const match = /^@lab (\d+\.\d+) (\S.*)$/.exec(text)
  if (!match) throw new Error(`a @lab tag reads "@lab 3.2 What to do", not "${text}"`)
  return { step: match[1]!, task: match[2]! }
}

function findDeclarations(statement: Statement): Found[] {
  const exported = statement.type === 'ExportNamedDeclaration' || statement.type === 'ExportDefaultDeclaration'
  const inner = exported ? statement.declaration : statement
  const span = { start: statement.start, end: statement.end }
  switch (inner?.type) {
    case 'FunctionDeclaration':
    case 'TSDeclareFunction':
      return [{ ...span, ...describeFunction(inner), symbol: inner.id?.name ?? 'default', kind: 'function' }]
    case 'ClassDeclaration':
      return findClass(inner, span)
    case 'VariableDeclaration':
      return inner.declarations.flatMap((variable) => {
        if (variable.id.type !== 'Identifier') return []
        const symbol = variable.id.name
        const value = unwrap(variable.init)
        const shape = { ...span, symbol, kind: 'variable' as const }
        if (isFunction(value)) {
          const described = describeFunction(value)
          const typed = described.statesReturnType || variable.id.typeAnnotation != null
          return [{ ...shape, ...described, statesReturnType: typed }]
        }
        const itself = { ...shape, body: undefined, statesReturnType: false }
        return value?.type === 'ObjectExpression' ? [itself, ...findObjectMembers(value, symbol)] : [itself]
      })
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return [{ ...span, symbol: inner.id.name, kind: 'type', body: undefined, statesReturnType: false }]
    default:
      return []
  }
}

function findClass(node: Class, span: Span): Found[] {
  const name = node.id?.name ?? 'default'
  const members = node.body.body.flatMap((member): Found[] => {
    const at = { start: member.start, end: member.end, kind: 'member' as const }
    if (member.type === 'MethodDefinition') {
      const described = describeFunction(member.value)
      const typed = described.statesReturnType || member.kind === 'constructor' || member.kind === 'set'
      return [{ ...at, ...described, statesReturnType: typed, symbol: `${name}.${keyName(member.key)}` }]
    }
    if (member.type === 'PropertyDefinition') {
      const symbol = `${name}.${keyName(member.key)}`
      const value = unwrap(member.value)
      if (!isFunction(value)) return [{ ...at, symbol, body: undefined, statesReturnType: false }]
      const described = describeFunction(value)
      const typed = described.statesReturnType || member.typeAnnotation != null
      return [{ ...at, ...described, statesReturnType: typed, symbol }]
    }
    return []
  })
  return [{ ...span, symbol: name, kind: 'class', body: undefined, statesReturnType: false }, ...members]
}

function findObjectMembers(node: ObjectExpression, owner: string): Found[] {
  return node.properties.flatMap((property): Found[] => {
    if (property.type !== 'Property') return []
    const value = unwrap(property.value)
    const at = { start: property.start, end: property.end, kind: 'member' as const }
    const symbol = `${owner}.${keyName(property.key)}`
    if (!isFunction(value)) return [{ ...at, symbol, body: undefined, statesReturnType: false }]
    // An object literal takes its methods' types from the type that the variable states.
    return [{ ...at, ...describeFunction(value), statesReturnType: true, symbol }]
  })
}

function describeFunction(node: AnyFunction): Pick<Found, 'body' | 'statesReturnType'> {
  const body = node.body && { start: node.body.start, end: node.body.end }
  return { body: body ?? undefined, statesReturnType: node.returnType != null }
}

function isFunction(node: { type: string } | null | undefined): node is AnyFunction {
  return node?.type === 'ArrowFunctionExpression' || node?.type === 'FunctionExpression'
}

/** Looks through `satisfies T`, `as T` and parentheses. */
function unwrap(node: Expression | null): Expression | null {
  switch (node?.type) {
    case 'TSSatisfiesExpression':
    case 'TSAsExpression':
    case 'ParenthesizedExpression':
      return unwrap(node.expression)
    default:
      return node
  }
}

/** A property key may be any expression; only named ones have a symbol. */
function keyName(key: PropertyKey): string {
  if (key.type === 'PrivateIdentifier') return `#${key.name}`
  if (key.type === 'Identifier') return key.name
  return key.type === 'Literal' ? String(key.value) : '[computed]'
}
