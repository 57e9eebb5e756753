/**
 * `?labelSelector=app in (web,api),tier!=db,!canary`: which objects does a client want to see?
 *
 * A selector is a list of requirements, separated by commas, and all must hold. Forms of a requirement:
 *
 *     a            the label is there              !a            it is not there
 *     a=x   a==x   it has this value               a!=x          it has not (or is not there)
 *     a in (x,y)   its value is one of these       a notin (x,y) it is none of these (or is not there)
 *     a>5          its value is a larger integer   a<5           a smaller one
 *
 * Source: apimachinery `pkg/labels/selector.go` (Lexer, Parser, Requirement.Matches).
 */
import type { Labels } from '#kit/api/selectors.ts'
import { badRequest } from '../errors.ts'

export type LabelOperator = 'exists' | '!' | '=' | '!=' | 'in' | 'notin' | '>' | '<'

export interface LabelRequirement {
  readonly key: string
  readonly operator: LabelOperator
  /** Empty for "exists" and "!"; one value for "=", "!=", ">", "<". */
  readonly values: readonly string[]
}

/**
 * The requirements of a selector; an empty text has none and so matches everything.
 *
 * Throws a 400 with upstream's words: "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
 * when an operator is missing, "unable to parse requirement: found '…', expected: …" for the rest. The tokens come from
 * `tokenize`, the last of them being "" (the end).
 *
 * @lab 2.6 Parse a label selector
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  const tokens = tokenize(text)
  const requirements: LabelRequirement[] = []
  if (tokens[0] === '') return requirements
  do {
    requirements.push(parseRequirement(tokens))
  } while (takeIf(tokens, ','))
  if (tokens[0] !== '') throw unexpected(tokens[0] ?? '', "',' or 'end of string'")
  return requirements
}

/**
 * One requirement, taken from the front of `tokens`; what follows it (a comma or the end) stays.
 *
 * @lab 2.6 Parse one requirement
 */
export function parseRequirement(tokens: string[]): LabelRequirement {
  if (takeIf(tokens, '!')) return { key: takeWord(tokens), operator: '!', values: [] }
  const key = takeWord(tokens)
  const operator = tokens[0] ?? ''
  switch (operator) {
    case '':
    case ',':
      return { key, operator: 'exists', values: [] }
    case '=':
    case '==':
    case '!=':
      tokens.shift()
      return { key, operator: operator === '!=' ? '!=' : '=', values: [takeOptionalWord(tokens)] }
    case '>':
    case '<':
      tokens.shift()
      return { key, operator, values: [takeInteger(tokens)] }
    case 'in':
    case 'notin':
      tokens.shift()
      return { key, operator, values: takeValueSet(tokens) }
    default:
      throw unexpected(operator, 'in, notin, =, ==, !=, gt, lt')
  }
}

/**
 * Whether labels meet all requirements. Mind the labels that are not there: `!=` and `notin` hold for them, and nothing
 * else does but `!`. `>` and `<` compare integers; they never hold for a value that is none.
 *
 * @lab 2.6 Match labels
 */
export function matchesRequirements(requirements: readonly LabelRequirement[], labels: Labels | undefined): boolean {
  return requirements.every(({ key, operator, values }) => {
    const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined
    if (value === undefined) return operator === '!' || operator === '!=' || operator === 'notin'
    if (operator === '=' || operator === 'in') return values.includes(value)
    if (operator === '!=' || operator === 'notin') return !values.includes(value)
    if (operator === '>') return isInteger(value) && BigInt(value) > BigInt(values[0] ?? 0)
    if (operator === '<') return isInteger(value) && BigInt(value) < BigInt(values[0] ?? 0)
    return operator === 'exists'
  })
}

/** The words and signs of a selector, in order, with "" for the end: `a in (x)` → `a`, `in`, `(`, `x`, `)`, "". */
export function tokenize(text: string): string[] {
  return [...text.matchAll(/==|!=|[=!<>(),]|[^\s=!<>(),]+/g)].map(([token]) => token).concat('')
}

/** Takes the next token if it is this one. */
function takeIf(tokens: string[], wanted: string): boolean {
  if (tokens[0] !== wanted) return false
  tokens.shift()
  return true
}

/** Takes a key or a value, which a sign cannot be. */
function takeWord(tokens: string[]): string {
  const token = tokens[0] ?? ''
  if (!/^[^=!<>(),]+$/.test(token)) throw unexpected(token, 'identifier')
  tokens.shift()
  return token
}

/** Takes the value of `>` or `<`. */
function takeInteger(tokens: string[]): string {
  const word = takeWord(tokens)
  if (isInteger(word)) return word
  throw badRequest(`values[0]: Invalid value: "${word}": for 'Gt', 'Lt' operators, the value must be an integer`)
}

/** As `takeWord`, but `a=` means the empty value. */
function takeOptionalWord(tokens: string[]): string {
  return tokens[0] === '' || tokens[0] === ',' ? '' : takeWord(tokens)
}

/** `(x,y)`: at least one value. */
function takeValueSet(tokens: string[]): string[] {
  if (!takeIf(tokens, '(')) throw unexpected(tokens[0] ?? '', "'('")
  const values: string[] = []
  do {
    values.push(takeWord(tokens))
  } while (takeIf(tokens, ','))
  if (!takeIf(tokens, ')')) throw unexpected(tokens[0] ?? '', "',' or ')'")
  return values
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text)
}

function unexpected(found: string, expected: string): Error {
  return badRequest(`unable to parse requirement: found '${found}', expected: ${expected}`)
}
