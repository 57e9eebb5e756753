/**
 * A directory of files that change all at once: a reader sees either all the old ones or all the new ones.
 *
 *     token     →  ..data/token
 *     ca.crt    →  ..data/ca.crt
 *     ..data    →  ..d3aF9kQ                what one rename replaces
 *     ..d3aF9kQ/   token  ca.crt           never changed once `..data` leads there
 *
 * Whoever has a file open goes on reading the old one. Source: kubernetes `pkg/volume/util/atomic_writer.go`.
 */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export interface VolumeFile {
  readonly content: Buffer
  /** Permission bits: 0o644. */
  readonly mode: number
}

/** By path inside the directory: "token", "certs/tls.crt". No path leads out of it. */
export type VolumeFiles = Readonly<Record<string, VolumeFile>>

/** Whose the files are, where that can be set: only root gives files away. */
export interface FileOwner {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

const DATA = '..data'
const NEW_DATA = '..data_tmp'

/** Makes the directory hold these files and no others. Does nothing when it does already. */
export async function writeAtomically(directory: string, files: VolumeFiles, owner: FileOwner = {}): Promise<void> {
  const current = await readlink(join(directory, DATA)).catch(() => undefined)
  if (current && (await holdsExactly(join(directory, current), files))) return

  const next = await mkdtemp(join(directory, '..d'))
  await chmod(next, 0o755)
  for (const [path, file] of Object.entries(files)) await writeOne(join(next, path), file, owner)
  await rm(join(directory, NEW_DATA), { force: true })
  await symlink(basename(next), join(directory, NEW_DATA))
  await rename(join(directory, NEW_DATA), join(directory, DATA))

  const names = new Set(Object.keys(files).map((path) => path.split('/')[0] ?? ''))
  for (const name of names) await linkToData(directory, name)
  for (const name of await readdir(directory)) {
    if (!name.startsWith('..') && !names.has(name)) await rm(join(directory, name), { recursive: true, force: true })
  }
  if (current) await rm(join(directory, current), { recursive: true, force: true })
}

async function holdsExactly(directory: string, files: VolumeFiles): Promise<boolean> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  if (entries.filter((entry) => entry.isFile()).length !== Object.keys(files).length) return false
  for (const [path, { content }] of Object.entries(files)) {
    const found = await readFile(join(directory, path)).catch(() => undefined)
    if (!found?.equals(content)) return false
  }
  return true
}

async function writeOne(path: string, { content, mode }: VolumeFile, { uid, gid }: FileOwner): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  // Not by `mode` of writeFile, from which the process's umask would take bits away.
  await chmod(path, mode)
  if (uid !== undefined || gid !== undefined) await chown(path, uid ?? -1, gid ?? -1).catch(() => {})
}

async function linkToData(directory: string, name: string): Promise<void> {
  const link = join(directory, name)
  const target = `${DATA}/${name}`
  if ((await readlink(link).catch(() => undefined)) === target) return
  if (await lstat(link).catch(() => undefined)) await rm(link, { recursive: true, force: true })
  await symlink(target, link)
}
