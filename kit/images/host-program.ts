/**
 * Finds a program of the host and every library it needs to run elsewhere.
 *
 * Images are made from what the host has, because classrooms and CI often have no image registry. A program runs in a
 * bare image once the libraries that the dynamic loader would load, as `ldd` lists them, are at the same paths.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Also the directories that hold system tools, which an ordinary user's PATH leaves out. */
const SEARCH_PATH = [...new Set([...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin', '/bin'])]

/** The program's path with all links resolved, or undefined when the host does not have it. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of SEARCH_PATH) {
    const path = join(directory, name)
    if (await isExecutable(path)) return await realpath(path)
  }
  return undefined
}

/** Absolute paths of the shared libraries (and the loader) that these programs need. None for static programs. */
export async function librariesOf(programs: readonly string[]): Promise<string[]> {
  if (programs.length === 0) return []
  const listing = await run('ldd', [...programs], { env: { ...process.env, LC_ALL: 'C' } }).then(
    ({ stdout }) => stdout,
    // Exit code 1 says that one of them is static; the answers for the others are still there.
    (failure: { stdout?: string }) => failure.stdout ?? '',
  )
  return parseLdd(listing)
}

/** `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux-x86-64.so.2 (0x…)`; the kernel's vdso has no path. */
export function parseLdd(listing: string): string[] {
  const paths = new Set<string>()
  for (const line of listing.split('\n')) {
    const path = /^\s+(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1]
    if (path) paths.add(path)
  }
  return [...paths]
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
