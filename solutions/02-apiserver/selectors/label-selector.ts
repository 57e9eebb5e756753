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
import type { StatusError } from '#kit/api/status-error.ts'
import { badRequest } from '../errors.ts'

/** Nobody means more; and whoever takes requirements off the front of a list copies what is left of it each time. */
const MOST_TOKENS = 4_000

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
 * `tokenize` cuts the text into tokens, `parseRequirement` takes one requirement from their front; after each there is a
 * comma or nothing. Otherwise it is a 400: "unable to parse requirement: found '<token>', expected: ',' or 'end of string'"
 * (`unexpected` makes it).
 *
 * @lab 2.6 Parse a label selector
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  const requirements: LabelRequirement[] = []
  let tokens: readonly string[] = tokenize(text)
  while (tokens.length > 0) {
    const { requirement, rest } = parseRequirement(tokens)
    requirements.push(requirement)
    if (rest.length > 0 && rest[0] !== ',') throw unexpected(rest[0], "',' or 'end of string'")
    if (rest[0] === ',' && rest.length === 1) throw unexpected(undefined, "identifier after ','")
    tokens = rest.slice(1)
  }
  return requirements
}

/**
 * The requirement at the front of `tokens`, and the tokens behind it. Keys and values are words (`isWord`).
 *
 * What is not as it should be is a 400 made by `unexpected`; a missing operator for instance "found 'b', expected: in,
 * notin, =, ==, !=, gt, lt". `a=` and `a!=` mean the empty value; `in` and `notin` want at least one value in parentheses;
 * `>` and `<` want an integer (`isInteger`).
 *
 * @lab 2.6 Parse one requirement
 */
export function parseRequirement(tokens: readonly string[]): {
  readonly requirement: LabelRequirement
  readonly rest: readonly string[]
} {
  const isNegated = tokens[0] === '!'
  const [key, operator, ...rest] = isNegated ? tokens.slice(1) : tokens
  if (!isWord(key)) throw unexpected(key, 'identifier')
  if (isNegated) return { requirement: { key, operator: '!', values: [] }, rest: tokens.slice(2) }
  switch (operator) {
    case undefined:
    case ',':
      return { requirement: { key, operator: 'exists', values: [] }, rest: tokens.slice(1) }
    case '=':
    case '==':
    case '!=': {
      const value = isWord(rest[0]) ? rest[0] : ''
      const requirement = { key, operator: operator === '!=' ? '!=' : '=', values: [value] } as const
      return { requirement, rest: value ? rest.slice(1) : rest }
    }
    case '>':
    case '<': {
      const [value = '', ...after] = rest
      if (!isInteger(value)) throw unexpected(value, 'integer')
      return { requirement: { key, operator, values: [value] }, rest: after }
    }
    case 'in':
    case 'notin': {
      const { values, rest: after } = parseValueSet(rest)
      return { requirement: { key, operator, values }, rest: after }
    }
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

/** The words and signs of a selector, in order: `a in (x)` → `a`, `in`, `(`, `x`, `)`. */
export function tokenize(text: string): string[] {
  const tokens = text.match(/==|!=|[=!<>(),]|[^\s=!<>(),]+/g) ?? []
  if (tokens.length <= MOST_TOKENS) return tokens
  throw badRequest(`unable to parse requirement: more than ${MOST_TOKENS} words and signs`)
}

/** A key or a value, which a sign cannot be. */
export function isWord(token: string | undefined): token is string {
  return token !== undefined && /^[^=!<>(),]+$/.test(token)
}

export function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text)
}

/** The values of `(x,y)`, and the tokens behind the parenthesis. */
export function parseValueSet(tokens: readonly string[]): { values: string[]; rest: readonly string[] } {
  if (tokens[0] !== '(') throw unexpected(tokens[0], "'('")
  const values: string[] = []
  for (let at = 1; ; at += 2) {
    const [value, separator] = [tokens[at], tokens[at + 1]]
    if (!isWord(value)) throw unexpected(value, 'identifier')
    values.push(value)
    if (separator === ')') return { values, rest: tokens.slice(at + 2) }
    if (separator !== ',') throw unexpected(separator, "',' or ')'")
  }
}

/** The 400 for a token (undefined: the end) where something else had to be. */
export function unexpected(found: string | undefined, expected: string): StatusError {
  return badRequest(`unable to parse requirement: found '${found ?? ''}', expected: ${expected}`)
}
