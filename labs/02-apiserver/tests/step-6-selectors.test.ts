/** Step 2.6: selectors as text. */
import { describe, expect } from 'vitest'
import { matchesFields, parseFieldSelector } from '#apiserver/selectors/field-selector.ts'
import {
  matchesRequirements,
  parseLabelSelector,
  parseRequirement,
  tokenize,
} from '#apiserver/selectors/label-selector.ts'
import { lesson } from '#kit/testing/lesson.ts'
import { randomFor, refusalOf } from './fixtures.ts'

const LABELS = 'apimachinery pkg/labels/selector.go'
const FIELDS = 'apimachinery pkg/fields/selector.go'
const matches = (selector: string, labels: Record<string, string> | undefined) =>
  matchesRequirements(parseLabelSelector(selector), labels)

describe('a requirement', () => {
  lesson(
    'is taken from the front of the tokens',
    {
      scenario: 'The tokens of "a in (x,y),b" and of "!a,b".',
      rule: 'What belongs to the first requirement goes; the comma and the rest stay.',
      source: LABELS,
    },
    () => {
      expect(parseRequirement(tokenize('a in (x,y),b'))).toEqual({
        requirement: { key: 'a', operator: 'in', values: ['x', 'y'] },
        rest: [',', 'b'],
      })
      expect(parseRequirement(tokenize('!a,b'))).toEqual({
        requirement: { key: 'a', operator: '!', values: [] },
        rest: [',', 'b'],
      })
    },
  )

  lesson(
    'knows every operator',
    {
      scenario: 'a, !a, a=x, a==x, a!=x, a=, a in (x), a notin (x, y), a>5, a<-5.',
      rule: '= and == are the same; a= asks for the empty value.',
      source: LABELS,
    },
    () => {
      const parsed = parseLabelSelector('a, !a, a=x, a==x, a!=x, a=, a in (x), a notin (x, y), a>5, a<-5')
      expect(parsed.map(({ operator, values }) => [operator, ...values])).toEqual([
        ['exists'],
        ['!'],
        ['=', 'x'],
        ['=', 'x'],
        ['!=', 'x'],
        ['=', ''],
        ['in', 'x'],
        ['notin', 'x', 'y'],
        ['>', '5'],
        ['<', '-5'],
      ])
    },
  )

  lesson(
    'that cannot be understood is refused with the token that was unexpected',
    {
      scenario: 'Selectors with something missing or too much.',
      rule: 'A 400 that says what was found and what was expected, in upstream’s words.',
      source: LABELS,
    },
    () => {
      expect(refusalOf(() => parseLabelSelector('a b c'))).toMatchObject({
        code: 400,
        reason: 'BadRequest',
        message: "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
      })
      for (const bad of [
        '=x',
        'a in',
        'a in x',
        'a in ()',
        'a in (x',
        'a=x=y',
        'a,',
        'a>five',
        '!',
        'a notin (x)) b',
      ]) {
        expect({ bad, code: refusalOf(() => parseLabelSelector(bad)).code }).toEqual({ bad, code: 400 })
      }
    },
  )
})

describe('requirements', () => {
  lesson(
    'must all hold',
    {
      scenario: 'Two requirements, about app and about tier.',
      rule: 'Each is about one label, and all are connected by "and".',
      source: `${LABELS} (Requirement.Matches)`,
    },
    () => {
      const requirements = [
        { key: 'app', operator: '=', values: ['web'] },
        { key: 'tier', operator: 'exists', values: [] },
      ] as const
      expect({
        'app=web, tier empty': matchesRequirements(requirements, { app: 'web', tier: '' }),
        'app=web, no tier': matchesRequirements(requirements, { app: 'web' }),
        'tier, but app=db': matchesRequirements(requirements, { app: 'db', tier: 'x' }),
        'no labels': matchesRequirements(requirements, undefined),
        'no labels, no requirements': matchesRequirements([], undefined),
      }).toEqual({
        'app=web, tier empty': true,
        'app=web, no tier': false,
        'tier, but app=db': false,
        'no labels': false,
        'no labels, no requirements': true,
      })
    },
  )

  lesson(
    'about fields must all hold as well',
    {
      scenario: 'spec.nodeName is node-1, and status.phase is not Failed.',
      rule: 'Equality and its opposite, compared exactly.',
      source: FIELDS,
    },
    () => {
      const requirements = [
        { field: 'spec.nodeName', operator: '=', value: 'node-1' },
        { field: 'status.phase', operator: '!=', value: 'Failed' },
      ] as const
      const pod = (node: string, phase: string) =>
        matchesFields(requirements, { 'spec.nodeName': node, 'status.phase': phase })
      expect({
        'Running on node-1': pod('node-1', 'Running'),
        'Failed on node-1': pod('node-1', 'Failed'),
        'Running on node-2': pod('node-2', 'Running'),
      }).toEqual({ 'Running on node-1': true, 'Failed on node-1': false, 'Running on node-2': false })
    },
  )
})

describe('a label selector', () => {
  lesson(
    'matches when all its requirements do',
    {
      scenario: 'app in (web,api),tier!=db,!canary on objects with various labels.',
      rule: 'The comma means "and".',
      source: LABELS,
    },
    () => {
      const selector = 'app in (web,api),tier!=db,!canary'
      expect({
        'app=web, tier=front': matches(selector, { app: 'web', tier: 'front' }),
        'app=web': matches(selector, { app: 'web' }),
        'app=web, tier=db': matches(selector, { app: 'web', tier: 'db' }),
        'app=web, an empty canary': matches(selector, { app: 'web', canary: '' }),
        'tier=front': matches(selector, { tier: 'front' }),
      }).toEqual({
        'app=web, tier=front': true,
        'app=web': true,
        'app=web, tier=db': false,
        'app=web, an empty canary': false,
        'tier=front': false,
      })
    },
  )

  lesson(
    'that is empty matches everything',
    {
      scenario: 'An empty text, and one of blanks, on an object with labels and one without any.',
      rule: 'No requirement, nothing to fail.',
      source: LABELS,
    },
    () => {
      const everything = { 'empty, a label': matches('', { a: 'b' }), 'blanks, no labels': matches('  ', undefined) }
      expect(everything).toEqual({ 'empty, a label': true, 'blanks, no labels': true })
    },
  )

  lesson(
    'takes a missing label for "not that value"',
    {
      scenario:
        'a!=x, a!=, a notin (x), !a, a=x, a=, a, a in (x), a>-1 and a<1 on an object without the label a; then !a and a on one whose label a is empty.',
      rule: 'Only the negative operators hold for a label that is not there. An empty value is a value, and 0 is another.',
      source: `${LABELS} (Requirement.Matches)`,
    },
    () => {
      const tried = ['a!=x', 'a!=', 'a notin (x)', '!a', 'a=x', 'a=', 'a', 'a in (x)', 'a>-1', 'a<1']
      const held = tried.filter((text) => matches(text, { b: 'x' }))
      expect(held, 'selectors that hold').toEqual(['a!=x', 'a!=', 'a notin (x)', '!a'])
      const heldByEmpty = ['!a', 'a', 'a='].filter((text) => matches(text, { a: '' }))
      expect(heldByEmpty, 'selectors that hold when a is empty').toEqual(['a', 'a='])
    },
  )

  lesson(
    'compares whole values',
    {
      scenario: 'app=web on an object labelled app=web-canary; a key that all JavaScript objects have.',
      rule: 'Equal means equal; a label exists if the object has it, not if JavaScript does.',
      source: LABELS,
    },
    () => {
      expect({
        'app=web': matches('app=web', { app: 'web-canary' }),
        'app notin (web)': matches('app notin (web)', { app: 'web-canary' }),
        'the key toString': matches('toString', { app: 'web-canary' }),
      }).toEqual({ 'app=web': false, 'app notin (web)': true, 'the key toString': false })
    },
  )

  lesson(
    'compares numbers as numbers',
    {
      scenario: 'size>9 and size<9 on sizes 10, 9, 8, and on sizes that are no integers: large, 8.5, 9.5, 7x and none.',
      rule: 'Greater and less are about integers: 10 is above 9, though "10" sorts before "9". What is no integer is neither.',
      source: `${LABELS} (GreaterThan, LessThan)`,
    },
    () => {
      const sizes = ['10', '9', '8', 'large', '8.5', '9.5', '7x', '']
      const selected = (text: string) => sizes.filter((size) => matches(text, { size }))
      expect({ 'size>9': selected('size>9'), 'size<9': selected('size<9') }).toEqual({
        'size>9': ['10'],
        'size<9': ['8'],
      })
    },
  )

  lesson(
    'agrees with what it says, for random selectors',
    {
      scenario: 'A thousand random selectors on random labels, each compared with the meaning of its parts.',
      rule: 'The selector holds if and only if each of its requirements does.',
      source: LABELS,
    },
    (context) => {
      const random = randomFor(context)
      const values = ['x', 'y', 'z']
      for (let run = 0; run < 1_000; run++) {
        const labels: Record<string, string> = {}
        for (const key of ['a', 'b', 'c']) if (random.chance(0.6)) labels[key] = random.pick(values)
        const parts = Array.from({ length: 1 + random.below(3) }, () => {
          const key = random.pick(['a', 'b', 'c'])
          const set = values.filter(() => random.chance(0.5))
          const list = set.length > 0 ? set : ['x']
          const isIn = key in labels && list.includes(labels[key]!)
          return random.pick([
            { text: `${key} in (${list.join(',')})`, holds: isIn },
            { text: `${key} notin (${list.join(' , ')})`, holds: !isIn },
            { text: `${key}=${list[0]}`, holds: labels[key] === list[0] },
            { text: `${key} != ${list[0]}`, holds: labels[key] !== list[0] },
            { text: key, holds: key in labels },
            { text: `!${key}`, holds: !(key in labels) },
          ])
        })
        const selector = parts.map(({ text }) => text).join(random.pick([',', ', ']))
        expect({ selector, labels, matches: matches(selector, labels) }).toEqual({
          selector,
          labels,
          matches: parts.every(({ holds }) => holds),
        })
      }
    },
  )
})

describe('a field selector', () => {
  lesson(
    'has equality and its opposite',
    {
      scenario: 'spec.nodeName=node-1,status.phase!=Failed,metadata.name==web, with an empty term at the end.',
      rule: '= and == are the same, terms are separated by commas, empty ones do not count.',
      source: FIELDS,
    },
    () => {
      expect(parseFieldSelector('spec.nodeName=node-1,status.phase!=Failed,metadata.name==web,')).toEqual([
        { field: 'spec.nodeName', operator: '=', value: 'node-1' },
        { field: 'status.phase', operator: '!=', value: 'Failed' },
        { field: 'metadata.name', operator: '=', value: 'web' },
      ])
      expect(parseFieldSelector('')).toEqual([])
      expect(parseFieldSelector('spec.nodeName=')).toEqual([{ field: 'spec.nodeName', operator: '=', value: '' }])
    },
  )

  lesson(
    'can hold any value, with backslashes',
    {
      scenario: String.raw`involvedObject.fieldPath=a\,b\=c\\d,reason=Pulled`,
      rule: 'A backslash takes the meaning from the comma, equals sign or backslash behind it.',
      source: `${FIELDS} (EscapeValue, UnescapeValue)`,
    },
    () => {
      expect(parseFieldSelector(String.raw`involvedObject.fieldPath=a\,b\=c\\d,reason=Pulled`)).toEqual([
        { field: 'involvedObject.fieldPath', operator: '=', value: String.raw`a,b=c\d` },
        { field: 'reason', operator: '=', value: 'Pulled' },
      ])
    },
  )

  lesson(
    'without an operator is refused',
    {
      scenario: 'metadata.name=web,spec.nodeName',
      rule: 'A 400 that names the term.',
      source: FIELDS,
    },
    () => {
      expect(refusalOf(() => parseFieldSelector('metadata.name=web,spec.nodeName'))).toMatchObject({
        code: 400,
        message: "invalid selector: 'metadata.name=web,spec.nodeName'; can't understand 'spec.nodeName'",
      })
    },
  )

  lesson(
    'compares fields exactly',
    {
      scenario: 'A pod on node-1 that is Running, one on no node, and an object of which no field is known.',
      rule: 'All requirements must hold; a field that is not set is the empty text.',
      source: FIELDS,
    },
    () => {
      const running = { 'spec.nodeName': 'node-1', 'status.phase': 'Running' }
      const waiting = { 'spec.nodeName': '', 'status.phase': 'Pending' }
      const selected = (text: string) => {
        const holds = (fields: Record<string, string>) => matchesFields(parseFieldSelector(text), fields)
        return { text, running: holds(running), waiting: holds(waiting), bare: holds({}) }
      }
      const [yes, no] = [true, false]
      for (const expected of [
        { text: 'spec.nodeName=node-1', running: yes, waiting: no, bare: no },
        { text: 'spec.nodeName=', running: no, waiting: yes, bare: yes },
        { text: 'spec.nodeName!=', running: yes, waiting: no, bare: no },
        { text: 'status.phase!=Pending,spec.nodeName=node-1', running: yes, waiting: no, bare: no },
        { text: 'spec.nodeName=node', running: no, waiting: no, bare: no },
        { text: '', running: yes, waiting: yes, bare: yes },
      ]) {
        expect(selected(expected.text)).toEqual(expected)
      }
    },
  )
})
