/**
 * The components' programs, ready to run: each entry of kit/cluster/processes, bundled into one JavaScript file.
 *
 * Eleven processes that each compile TypeScript on the fly would take the first seconds of a cluster's life; bundling takes
 * a fraction of one. The import conditions decide here which labs come from the learner and which from the solutions.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { importConditions } from '../cli/import-conditions.ts'
import type { ClusterDirectory } from './cluster-directory.ts'
import { PROGRAMS, type Program } from './components.ts'

const PROCESSES = fileURLToPath(new URL('./processes/', import.meta.url))

/** Bundled CommonJS packages ask for `require`, which ES modules do not have. */
const BANNER = `import { createRequire as __createRequire } from 'node:module'
import { dirname as __dirnameOf } from 'node:path'
import { fileURLToPath as __fileOf } from 'node:url'
const require = __createRequire(import.meta.url)
const __filename = __fileOf(import.meta.url)
const __dirname = __dirnameOf(__filename)`

/** @param mine the learner's labs, "3" or "1,4" or "all". Throws with the file and line of a syntax error. */
export async function bundlePrograms(directory: ClusterDirectory, mine: string | undefined): Promise<void> {
  await bundle({ programs: PROGRAMS, directory: directory.programs, mine })
}

export interface BundleOptions {
  readonly programs: readonly Program[]
  /** Gets `<program>.mjs`, and what they share. */
  readonly directory: string
  readonly mine: string | undefined
  /** Other texts for some files, by path: tests make wrong programs of them. */
  readonly replaced?: ReadonlyMap<string, string>
}

export async function bundle({ programs, directory, mine, replaced = new Map() }: BundleOptions): Promise<void> {
  const replacing: Plugin = {
    name: 'replacing',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = replaced.get(path)
        return contents === undefined ? undefined : { contents, loader: 'ts' }
      })
    },
  }
  await build({
    entryPoints: Object.fromEntries(programs.map((program) => [program, join(PROCESSES, `${program}.ts`)])),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What several programs share is compiled, written and read once.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: [...importConditions(mine), 'module', 'node'],
    banner: { js: BANNER },
    // Native add-ons that dockerode's SSH transport would use if they were there.
    external: ['cpu-features', '*.node'],
    plugins: replaced.size > 0 ? [replacing] : [],
    sourcemap: 'linked',
    legalComments: 'none',
    logLevel: 'silent',
  })
}

export function programFile(directory: ClusterDirectory, program: Program): string {
  return join(directory.programs, `${program}.mjs`)
}
