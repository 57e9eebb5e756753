/**
 * Makes the kit's own images where they are missing or stale. Nothing is ever pulled.
 *
 * An image carries two labels: what it was made by (a hash of the recipes), and which files of the host it was made of (path,
 * size, time of change). It is stale when either differs now, for instance after an upgrade of the host's Node. So to
 * check takes a few milliseconds; to build takes seconds. Several processes may do this at once: the last tag wins, and all
 * of them are right.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type Dockerode from 'dockerode'
import {
  DEMO_IMAGE,
  demoRecipe,
  type ImageRecipe,
  NODE_IMAGE,
  nodeRecipe,
  PAUSE_IMAGE,
  pauseRecipe,
} from './recipes.ts'
import { hostFilesOf, stampOf, tarStream } from './root-filesystem.ts'

export interface ImageProgress {
  readonly reference: string
  readonly step: 'building' | 'built' | 'present'
}

const MADE_BY_LABEL = 'brain-and-muscle.image'
const MADE_OF_LABEL = 'brain-and-muscle.image-files'

const RECIPES: Readonly<Record<string, () => Promise<ImageRecipe>>> = {
  [PAUSE_IMAGE]: pauseRecipe,
  [NODE_IMAGE]: nodeRecipe,
  [DEMO_IMAGE]: demoRecipe,
}

/** Resolves when `pause:1`, `node:1` and `demo:1` are there. */
export async function ensureImages(
  docker: Dockerode,
  report: (progress: ImageProgress) => void = () => {},
): Promise<void> {
  const madeBy = await hashOfRecipes()
  await Promise.all(
    Object.entries(RECIPES).map(async ([reference, recipe]) => {
      if (await isFresh(docker, reference, madeBy)) return report({ reference, step: 'present' })
      report({ reference, step: 'building' })
      await importImage(docker, await recipe(), madeBy)
      report({ reference, step: 'built' })
    }),
  )
  await removeSuperseded(docker)
}

async function isFresh(docker: Dockerode, reference: string, madeBy: string): Promise<boolean> {
  const [image] = await docker.listImages({ filters: { reference: [reference] } })
  const { [MADE_BY_LABEL]: madeByThen, [MADE_OF_LABEL]: madeOf } = image?.Labels ?? {}
  if (madeByThen !== madeBy || !madeOf) return false
  const then = JSON.parse(madeOf) as Record<string, string>
  const same = await Promise.all(Object.entries(then).map(async ([path, stamp]) => (await stampOf(path)) === stamp))
  return same.every(Boolean)
}

/** Of the code that decides what goes in, and of the scripts that do. */
async function hashOfRecipes(): Promise<string> {
  const scripts = new URL('./rootfs/', import.meta.url)
  const names = (await readdir(scripts)).sort()
  const files = [new URL('./recipes.ts', import.meta.url), ...names.map((name) => new URL(name, scripts))]
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(file)).update('\0')
  return hash.digest('hex').slice(0, 16)
}

async function importImage(docker: Dockerode, recipe: ImageRecipe, madeBy: string): Promise<void> {
  const [repo, tag] = recipe.reference.split(':')
  const madeOf = JSON.stringify(JSON.stringify(await hostFilesOf(recipe.files)))
  const labels = `LABEL ${MADE_BY_LABEL}=${madeBy} ${MADE_OF_LABEL}=${madeOf}`
  const changes = [...recipe.config, labels]
  const tarball = tarStream(recipe.files) as unknown as NodeJS.ReadableStream
  const answer = await docker.importImage(tarball, { repo, tag, changes })
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(answer, (error) => (error ? reject(error) : resolve()))
  })
}

/**
 * Images of ours that lost their tag to a newer one. One that a container still uses stays until the next time; so does a
 * very young one, which another process may be about to tag.
 */
async function removeSuperseded(docker: Dockerode): Promise<void> {
  const superseded = await docker.listImages({ filters: { dangling: ['true'], label: [MADE_BY_LABEL] } })
  const old = superseded.filter(({ Created }) => Created * 1000 < Date.now() - 60_000)
  await Promise.all(
    old.map(({ Id }) =>
      docker
        .getImage(Id)
        .remove()
        .catch(() => {}),
    ),
  )
}
