/**
 * Takes from a submission what is the learner's, and nothing else: the regular `.ts` files below `labs/NN-name/src`.
 *
 * Tests, configuration, scripts, installed packages and hooks of a submission never reach the pristine tree, so they are
 * inert. Links are refused at every level, since they could bring in (or point the grader at) what is not the learner's.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'

export interface IntakeLimits {
  readonly filesPerLab: number
  readonly bytesPerFile: number
  readonly bytesPerLab: number
  readonly depth: number
}

export const DEFAULT_LIMITS: IntakeLimits = {
  filesPerLab: 300,
  bytesPerFile: 512 * 1024,
  bytesPerLab: 4 * 1024 * 1024,
  depth: 8,
}

/** A learner's files as text, by lab folder name and path under `src`. */
export interface Submission {
  readonly name: string
  readonly labs: ReadonlyMap<string, ReadonlyMap<string, string>>
}

/** The submission cannot be graded; the message says what is wrong with it. */
export class RejectedSubmission extends Error {
  override readonly name = 'RejectedSubmission'
}

/** @param labNames the labs that there are; other folders are ignored */
export function takeIn(
  checkout: string,
  labNames: readonly string[],
  limits: IntakeLimits = DEFAULT_LIMITS,
): Submission {
  const labs = join(checkout, 'labs')
  if (kindOf(checkout) !== 'folder' || kindOf(labs) !== 'folder') {
    throw new RejectedSubmission('this is not a checkout: it has no labs folder')
  }
  const found = new Map<string, ReadonlyMap<string, string>>()
  for (const lab of labNames) {
    const folders = [join(labs, lab), join(labs, lab, 'src')]
    const kinds = folders.map(kindOf)
    if (kinds.includes('other')) throw new RejectedSubmission(`labs/${lab}/src is not a plain folder`)
    if (kinds.every((kind) => kind === 'folder')) found.set(lab, readLab(folders[1]!, `labs/${lab}/src`, limits))
  }
  return { name: basename(checkout), labs: found }
}

function readLab(folder: string, shown: string, limits: IntakeLimits): Map<string, string> {
  const files = new Map<string, string>()
  let bytes = 0
  const visit = (path: string, depth: number) => {
    if (depth > limits.depth) throw new RejectedSubmission(`${shown}/${path} is nested too deeply`)
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const inner = path === '' ? entry.name : `${path}/${entry.name}`
      if (entry.isDirectory()) visit(inner, depth + 1)
      else if (!entry.isFile()) throw new RejectedSubmission(`${shown}/${inner} is a link or no regular file`)
      else if (entry.name.endsWith('.ts')) {
        const text = readRegularFile(join(folder, inner), `${shown}/${inner}`, limits.bytesPerFile)
        bytes += text.length
        files.set(inner, text)
        if (files.size > limits.filesPerLab)
          throw new RejectedSubmission(`${shown} has more than ${limits.filesPerLab} files`)
        if (bytes > limits.bytesPerLab)
          throw new RejectedSubmission(`${shown} is larger than ${limits.bytesPerLab} bytes`)
      }
    }
  }
  visit('', 1)
  return files
}

/** Opens without following a link that took the file's place meanwhile, and reads no more than allowed. */
function readRegularFile(path: string, shown: string, maxBytes: number): string {
  const handle = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  try {
    if (!fstatSync(handle).isFile()) throw new RejectedSubmission(`${shown} is no regular file`)
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = readSync(handle, buffer, length, buffer.length - length, null)
    }
    if (length > maxBytes) throw new RejectedSubmission(`${shown} is larger than ${maxBytes} bytes`)
    return buffer.toString('utf8', 0, length)
  } finally {
    closeSync(handle)
  }
}

function kindOf(path: string): 'folder' | 'other' | 'missing' {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return 'missing'
  return stat.isDirectory() ? 'folder' : 'other'
}
