/**
 * A fresh copy of the kit for one submission: our tests, kit and solutions, generated stubs, and over them the learner's
 * files. What a submission leaves out is as if it had not been begun.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { generateStubTree, type StubTree } from '../kit/stubs/stub-tree.ts'
import type { Submission } from './intake.ts'

export interface PristineTree {
  readonly root: string
  /** Labs in which a file differs from its stub; the others need not be run. */
  readonly edited: readonly string[]
  remove(): void
}

const COPIED = [
  'kit',
  'solutions',
  'checker',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.labs.json',
]

/** @param source the repository's root */
export function createPristineTree(source: string, labNames: readonly string[], submission: Submission): PristineTree {
  const root = mkdtempSync(join(tmpdir(), 'brain-and-muscle-checker-'))
  for (const path of COPIED) cpSync(join(source, path), join(root, path), { recursive: true })
  symlinkSync(join(source, 'node_modules'), join(root, 'node_modules'), 'dir')
  const edited: string[] = []
  for (const lab of labNames) {
    for (const path of ['lab.yaml', 'tests']) {
      cpSync(join(source, 'labs', lab, path), join(root, 'labs', lab, path), { recursive: true })
    }
    const stubs = generateStubTree(source, lab)
    const own = submission.labs.get(lab) ?? new Map<string, string>()
    for (const [path, text] of new Map([...stubs.files, ...own])) {
      const file = join(root, 'labs', lab, 'src', path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    if (differs(stubs, own)) edited.push(lab)
  }
  return { root, edited, remove: () => rmSync(root, { recursive: true, force: true }) }
}

function differs(stubs: StubTree, own: ReadonlyMap<string, string>): boolean {
  return [...own].some(([path, text]) => stubs.files.get(path) !== text.replaceAll('\r\n', '\n'))
}
