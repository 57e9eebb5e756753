/**
 * All stubs of a lab: what they should be, what lies on the disk, and how to write them without losing a learner's work.
 *
 * `labs/NN/.stubs.json` (committed) keeps the hash of each stub as generated. A file whose content is neither that nor the
 * new stub has been edited by a learner, and is overwritten only on request, after a copy was kept.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generateStub, type Task } from './generate-stub.ts'

/** The stubs of one lab as they should be. */
export interface StubTree {
  /** `03-scheduler` */
  readonly lab: string
  /** By path under `labs/NN/src`. */
  readonly files: ReadonlyMap<string, string>
  readonly tasks: readonly Task[]
}

export interface StubState {
  /** Generated again, these would change: the solution has moved on. */
  readonly outdated: readonly string[]
  /** Edited since they were generated. */
  readonly edited: readonly string[]
  /** Generated once, and no longer part of the solution. */
  readonly leftover: readonly string[]
}

interface Manifest {
  readonly stubs: Readonly<Record<string, string>>
}

/** The names of all labs, in order: `01-etcd-raft` … */
export function labNames(root: string): string[] {
  return readdirSync(join(root, 'labs')).filter((name) => /^\d\d-/.test(name))
}

/** The stubs that the solution of a lab gives today. */
export function generateStubTree(root: string, lab: string): StubTree {
  const folder = join(root, 'solutions', lab)
  const files = new Map<string, string>()
  const tasks: Task[] = []
  for (const path of listFiles(folder)) {
    const source = readText(join(folder, path))
    if (!path.endsWith('.ts')) {
      files.set(path, source)
      continue
    }
    const stub = generateStub(source, `solutions/${lab}/${path}`, `labs/${lab}/src/${path}`)
    if (stub.text !== undefined) files.set(path, stub.text)
    tasks.push(...stub.tasks)
  }
  return { lab, files, tasks }
}

/** Compares the stubs with the disk. */
export function compareStubs(root: string, tree: StubTree): StubState {
  const manifest = readManifest(root, tree.lab)
  const outdated: string[] = []
  const edited: string[] = []
  for (const [path, text] of tree.files) {
    const file = stubPath(root, tree.lab, path)
    const current = existsSync(file) ? readText(file) : undefined
    if (current !== undefined && current !== text && hash(current) !== manifest.stubs[path]) edited.push(path)
    else if (current !== text || manifest.stubs[path] !== hash(text)) outdated.push(path)
  }
  const leftover = Object.keys(manifest.stubs).filter((path) => !tree.files.has(path))
  return { outdated, edited, leftover }
}

/** Writes stubs and manifest. Files in `keep` stay as they are. */
export function writeStubs(root: string, tree: StubTree, keep: readonly string[]): void {
  const previous = readManifest(root, tree.lab)
  if (tree.files.size === 0 && Object.keys(previous.stubs).length === 0) return
  const stubs: Record<string, string> = {}
  for (const [path, text] of tree.files) {
    if (keep.includes(path)) {
      const known = previous.stubs[path]
      if (known) stubs[path] = known
      continue
    }
    const file = stubPath(root, tree.lab, path)
    mkdirSync(dirname(file), { recursive: true })
    if (!existsSync(file) || readText(file) !== text) writeFileSync(file, text)
    stubs[path] = hash(text)
  }
  for (const [path, known] of Object.entries(previous.stubs)) {
    if (tree.files.has(path)) continue
    const file = stubPath(root, tree.lab, path)
    if (existsSync(file) && hash(readText(file)) === known) rmSync(file)
  }
  const sorted = Object.fromEntries(Object.entries(stubs).sort(([a], [b]) => (a < b ? -1 : 1)))
  const text = `${JSON.stringify({ stubs: sorted }, null, 2)}\n`
  const file = manifestPath(root, tree.lab)
  if (!existsSync(file) || readText(file) !== text) writeFileSync(file, text)
}

/**
 * Copies a lab's `src` files to `.lab/backups/<time>-<lab>/`, and returns that folder, relative to the root.
 *
 * @param paths under `labs/NN/src`
 */
export function keepCopies(root: string, lab: string, paths: readonly string[], now = new Date()): string {
  const stamp = now.toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')
  let folder = join('.lab', 'backups', `${stamp}-${lab}`)
  for (let n = 2; existsSync(join(root, folder)); n++) folder = join('.lab', 'backups', `${stamp}-${lab}-${n}`)
  for (const path of paths) {
    const target = join(root, folder, path)
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(stubPath(root, lab, path), target)
  }
  return folder
}

export function stubPath(root: string, lab: string, path: string): string {
  return join(root, 'labs', lab, 'src', path)
}

/** All files below a folder, relative, sorted, with `/`; those of a stub's tree, or with the tests too. */
export function listFiles(folder: string, withTests = false): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && (withTests || !entry.name.endsWith('.test.ts')))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}

function manifestPath(root: string, lab: string): string {
  return join(root, 'labs', lab, '.stubs.json')
}

function readManifest(root: string, lab: string): Manifest {
  const file = manifestPath(root, lab)
  return existsSync(file) ? (JSON.parse(readText(file)) as Manifest) : { stubs: {} }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** A checkout on Windows may have other line ends; they are no edit. */
function readText(file: string): string {
  return readFileSync(file, 'utf8').replaceAll('\r\n', '\n')
}
