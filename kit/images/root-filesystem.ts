/**
 * A root filesystem in the making: which files go where. It becomes a tar stream, which `docker import` makes an image of.
 */
import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'

export type ImageFile =
  | { readonly kind: 'directory'; readonly mode: number }
  | { readonly kind: 'link'; readonly to: string }
  | { readonly kind: 'text'; readonly text: string; readonly mode: number }
  | { readonly kind: 'host'; readonly source: string }

/** Files by absolute path in the image. */
export type RootFilesystem = ReadonlyMap<string, ImageFile>

/** The host's files that go in, by path: "size:time of change". Taken again later, it tells whether one of them was replaced. */
export async function hostFilesOf(files: RootFilesystem): Promise<Record<string, string>> {
  const sources = new Set([...files.values()].flatMap((file) => (file.kind === 'host' ? [file.source] : [])))
  return Object.fromEntries(await Promise.all([...sources].map(async (path) => [path, await stampOf(path)])))
}

/** "" for a file that is gone. */
export async function stampOf(path: string): Promise<string> {
  return stat(path).then(
    ({ size, mtimeMs }) => `${size}:${mtimeMs}`,
    () => '',
  )
}

/** Parent directories are added; all files belong to root. */
export function tarStream(files: RootFilesystem): Pack {
  const tar = pack()
  writeEntries(tar, withParents(files)).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  )
  return tar
}

async function writeEntries(tar: Pack, files: RootFilesystem): Promise<void> {
  for (const [path, file] of sorted(files)) {
    const name = path.slice(1)
    if (file.kind === 'directory') tar.entry({ name, type: 'directory', mode: file.mode })
    else if (file.kind === 'link') tar.entry({ name, type: 'symlink', linkname: file.to })
    else if (file.kind === 'text') tar.entry({ name, mode: file.mode }, file.text)
    else await writeHostFile(tar, name, file.source)
  }
}

async function writeHostFile(tar: Pack, name: string, source: string): Promise<void> {
  const path = await realpath(source)
  const { size } = await stat(path)
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), tar.entry({ name, size, mode: 0o755 }))
}

function withParents(files: RootFilesystem): RootFilesystem {
  const all = new Map(files)
  for (const path of files.keys()) {
    for (let parent = dirname(path); parent !== '/' && !all.has(parent); parent = dirname(parent)) {
      all.set(parent, { kind: 'directory', mode: 0o755 })
    }
  }
  return all
}

/** By path, so parents come before their children and equal contents give equal tarballs. */
function sorted(files: RootFilesystem): [string, ImageFile][] {
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1))
}
