/** The gate, part five: what the guides name exists. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readCatalog, repositoryRoot as root } from '../labs/catalog.ts'
import { generateStubTree } from '../stubs/stub-tree.ts'
import { checkGuide, type GuideWorld } from './guide-claims.ts'

const labs = readCatalog()
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

describe('the guides', () => {
  it.each(labs.map((lab) => ({ lab, name: lab.name })))('$name names only what exists', ({ lab }) => {
    const file = join(root, 'labs', lab.name, 'README.md')
    expect(existsSync(file), 'the guide exists').toBe(true)
    const stubs = generateStubTree(root, lab.name)
    expect(checkGuide(readFileSync(file, 'utf8'), { root, lab, labs, stubs, scripts: Object.keys(scripts) })).toEqual(
      [],
    )
  })
})

describe('the check of guides', () => {
  const step = { id: '3.1', title: 'The queue', points: 1, star: false, files: ['queue.ts'], tests: [], hints: [] }
  const lab = { number: 3, name: '03-scheduler', title: 'Scheduler', steps: [step] }
  const world: GuideWorld = {
    root,
    lab,
    labs: [lab],
    scripts: ['lab', 'start'],
    stubs: {
      lab: lab.name,
      files: new Map([['queue.ts', 'export class Queue {\n  pop(): void {}\n}\n']]),
      tasks: [{ step: '3.1', symbol: 'Queue.pop', task: 'Pop', file: 'labs/03-scheduler/src/queue.ts' }],
    },
  }
  const guide = `# Lab 3

## 3.1 The queue

### Why it exists
### The idea
### Invariants
### Predict
<details><summary>Answer</summary></details>

### Task

> **Task 3.1** — file \`kit/sim/random.ts\` and \`./src/queue.ts\`, symbols \`Queue.pop\`

### Checkpoint
\`npm run lab 3.1\`
### What production does differently
`
  const accepted = (text: string) => checkGuide(text, world).filter((problem) => !problem.includes('./src/queue.ts'))

  it('accepts a guide that is right', () => {
    expect(accepted(guide)).toEqual([])
  })

  it.each([
    ['a title that is not lab.yaml’s', 'The queue\n', 'The line\n', 'there is no section "## 3.1 The queue"'],
    ['a missing part of the rhythm', '### Invariants\n', '', 'section 3.1 lacks "### Invariants"'],
    ['a part that the box forgets', ', symbols `Queue.pop`', '', 'the box of 3.1 does not name the symbol Queue.pop'],
    [
      'a member that does not exist',
      '### The idea\n',
      '### The idea\n`Queue.push`\n',
      'Queue has no member push (`Queue.push`)',
    ],
    ['a file that does not exist', 'kit/sim/random.ts', 'kit/sim/dice.ts', 'there is no kit/sim/dice.ts'],
    ['a step that does not exist', 'npm run lab 3.1', 'npm run lab 3.9', '`npm run lab 3.9` names what does not exist'],
    [
      'a script that does not exist',
      'npm run lab 3.1',
      'npm run laboratory',
      'there is no script for `npm run laboratory`',
    ],
    [
      'a link that leads nowhere',
      '### The idea\n',
      '### The idea\n[x](nowhere.md)\n',
      'the link nowhere.md leads nowhere',
    ],
    [
      'an anchor that does not exist',
      '### The idea\n',
      '### The idea\n[x](#34-no)\n',
      'the link #34-no names no heading',
    ],
  ])('finds %s', (_, right, wrong, problem) => {
    expect(accepted(guide.replace(right, wrong))).toContain(problem)
  })
})
