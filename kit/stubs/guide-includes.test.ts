import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillIncludes } from './guide-includes.ts'
import { generateStubTree } from './stub-tree.ts'

const SOURCE = `/** The file. */

export interface Vote {
  /** Who asks. */
  readonly from: string
}

export class Raft {
  #term = 0

  /** Given. */
  get term(): number {
    return this.#term
  }

  /**
   * Takes a message.
   *
   * @lab 1.1 Take a message
   */
  step(message: Vote): void {
    this.#term++
  }
}
`

let root: string
const fill = (marker: string) =>
  fillIncludes(`Text.\n\n<!-- include: ${marker} -->\n<!-- /include -->\n`, root, (lab) => generateStubTree(root, lab))

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'guide-includes-'))
  for (const [path, text] of [
    ['solutions/01-etcd-raft/raft.ts', SOURCE],
    ['labs/01-etcd-raft/src/raft.ts', '// as a learner has it'],
    ['kit/examples/pod.yaml', 'kind: Pod\n'],
  ] as const) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
})

afterAll(() => rmSync(root, { recursive: true }))

describe('code in a guide', () => {
  it('is a declaration with its JSDoc', () => {
    expect(fill('solutions/01-etcd-raft/raft.ts#Vote')).toBe(`Text.

<!-- include: solutions/01-etcd-raft/raft.ts#Vote -->
\`\`\`ts
export interface Vote {
  /** Who asks. */
  readonly from: string
}
\`\`\`
<!-- /include -->
`)
  })

  it('is filled in the same way when it is filled already', () => {
    const guide = fill('solutions/01-etcd-raft/raft.ts#Vote')
    expect(fillIncludes(guide, root, (lab) => generateStubTree(root, lab))).toBe(guide)
  })

  it('is a member, moved to the left edge', () => {
    expect(fill('solutions/01-etcd-raft/raft.ts#Raft.term')).toContain(
      '```ts\n/** Given. */\nget term(): number {\n  return this.#term\n}\n```',
    )
  })

  it('is a signature, of a function or of what a class shows', () => {
    expect(fill('solutions/01-etcd-raft/raft.ts#Raft.step signature')).toContain(
      '```ts\nstep(message: Vote): void\n```',
    )
    expect(fill('solutions/01-etcd-raft/raft.ts#Raft signature')).toContain(
      '```ts\nexport class Raft {\n  get term(): number\n  step(message: Vote): void\n}\n```',
    )
  })

  it('is a stub, never what a learner has made of it', () => {
    const text = fill('labs/01-etcd-raft/src/raft.ts#Raft.step')
    expect(text).toContain(
      "throw new NotImplemented('1.1', 'Raft.step', 'Take a message', 'labs/01-etcd-raft/src/raft.ts')",
    )
  })

  it('is a whole file of any kind', () => {
    expect(fill('kit/examples/pod.yaml')).toContain('```yaml\nkind: Pod\n```')
  })

  it.each([
    [
      'the solution of a part that learners write',
      'solutions/01-etcd-raft/raft.ts#Raft.step',
      'would show the solution',
    ],
    [
      'a class that contains such a part',
      'solutions/01-etcd-raft/raft.ts#Raft',
      'would show the solution of Raft.step',
    ],
    ['a symbol that does not exist', 'solutions/01-etcd-raft/raft.ts#Vow', 'has no symbol Vow'],
    ['a file that does not exist', 'kit/none.ts#x', 'there is no file kit/none.ts'],
  ])('is never %s', (_, marker, message) => {
    expect(() => fill(marker)).toThrow(message)
  })

  it('needs the end of its marker', () => {
    expect(() =>
      fillIncludes('<!-- include: kit/examples/pod.yaml -->\n', root, () => generateStubTree(root, 'x')),
    ).toThrow('without their <!-- /include -->')
  })
})
