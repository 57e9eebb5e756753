/**
 * `npm run stubs [-- 3] [--check] [--force]`: generates the learners' stubs and the code inside the guides.
 *
 * `--check` changes nothing and says where disk and generated text differ.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillIncludes } from './guide-includes.ts'
import { compareStubs, generateStubTree, keepCopies, labNames, type StubTree, writeStubs } from './stub-tree.ts'

export interface StubsRequest {
  /** Lab numbers; empty means all. */
  readonly labs: readonly number[]
  readonly check: boolean
  readonly force: boolean
}

/** Returns the lines to print and whether all is well. */
export function runStubs(root: string, request: StubsRequest): { ok: boolean; lines: string[] } {
  const names = labNames(root)
  const wanted = names.filter((name) => request.labs.length === 0 || request.labs.includes(Number(name.slice(0, 2))))
  const known = new Map<string, StubTree>()
  const treeOf = (name: string): StubTree => {
    const tree = known.get(name) ?? generateStubTree(root, name)
    known.set(name, tree)
    return tree
  }
  const lines: string[] = []
  let ok = true

  for (const tree of wanted.map(treeOf)) {
    const state = compareStubs(root, tree)
    const at = (path: string) => `labs/${tree.lab}/src/${path}`
    if (request.check) {
      for (const path of state.outdated) lines.push(`outdated: ${at(path)}`)
      for (const path of state.leftover) lines.push(`no longer generated: ${at(path)}`)
      for (const path of state.edited) lines.push(`edited: ${at(path)}`)
      if (state.outdated.length + state.leftover.length + state.edited.length > 0) ok = false
    } else {
      if (state.edited.length > 0 && request.force) {
        lines.push(`Kept a copy of the edited files in ${keepCopies(root, tree.lab, state.edited)}.`)
      } else {
        for (const path of state.edited) lines.push(`left alone, because it was edited: ${at(path)}`)
        if (state.edited.length > 0) ok = false
      }
      writeStubs(root, tree, request.force ? [] : state.edited)
      lines.push(`${tree.lab}: ${tree.files.size} files, ${tree.tasks.length} parts to write`)
    }
    const guideLine = fillGuide(root, tree.lab, treeOf, request.check)
    if (guideLine) lines.push(guideLine)
    if (guideLine && request.check) ok = false
  }
  if (!ok) {
    lines.push(
      request.check
        ? 'Run `npm run stubs` and commit what it writes.'
        : 'Run again with `-- --force` to overwrite them; a copy is kept in .lab/backups.',
    )
  }
  return { ok, lines }
}

/** Fills the includes of one guide; returns a line when that changed (or would change) something. */
function fillGuide(root: string, lab: string, treeOf: (lab: string) => StubTree, check: boolean): string | undefined {
  const name = `labs/${lab}/README.md`
  const file = join(root, name)
  if (!existsSync(file)) return undefined
  const guide = readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
  let filled: string
  try {
    filled = fillIncludes(guide, root, treeOf)
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`)
  }
  if (filled === guide) return undefined
  if (check) return `outdated: the code shown in ${name}`
  writeFileSync(file, filled)
  return `${name}: included code brought up to date`
}
