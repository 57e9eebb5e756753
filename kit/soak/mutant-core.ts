/**
 * A Raft core with a known mistake in it, to see whether a soak finds what it is for.
 *
 * The mutants are the checker's; one file of the solution is swapped while the core is bundled, so nothing on disk changes.
 */
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Mutant } from '../gate/mutants.ts'
import type { CreateCore } from '../sim/raft/scenario.ts'

interface CoreModule {
  Raft: new (state: unknown) => ReturnType<CreateCore>
  createRaftState: (start: unknown) => unknown
}

const ENTRY = `export { Raft } from '#etcd/raft/raft.ts'
export { createRaftState } from '#etcd/raft/create-state.ts'`

export async function loadMutantCore(
  root: string,
  { file, source }: Pick<Mutant, 'file' | 'source'>,
): Promise<CreateCore> {
  const swapped = join(root, file)
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: root, sourcefile: 'mutant-core.ts', loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    conditions: ['solution-01'],
    plugins: [
      {
        name: 'mutant',
        setup: (bundle) => {
          bundle.onLoad({ filter: /\.ts$/ }, ({ path }) =>
            path === swapped ? { contents: source, loader: 'ts' } : null,
          )
        },
      },
    ],
  })
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`
  const { Raft, createRaftState }: CoreModule = await import(/* @vite-ignore */ url)
  return (start) => new Raft(createRaftState(start))
}
