/**
 * Makes the kit's own images where they are missing or stale. Nothing is ever pulled.
 *
 * An image is stale when its label no longer carries the fingerprint of what would be built now, for instance after an
 * upgrade of the host's Node. Several processes may do this at once: the last tag wins, and all of them are right.
 */
import type Dockerode from 'dockerode'
import { demoRecipe, type ImageRecipe, nodeRecipe, pauseRecipe } from './recipes.ts'
import { fingerprint, tarStream } from './root-filesystem.ts'

export interface ImageProgress {
  readonly reference: string
  readonly step: 'building' | 'built' | 'present'
}

const FINGERPRINT_LABEL = 'brain-and-muscle.image'

/** Resolves when `pause:1`, `node:1` and `demo:1` are there. About two seconds to build, a few milliseconds to check. */
export async function ensureImages(
  docker: Dockerode,
  report: (progress: ImageProgress) => void = () => {},
): Promise<void> {
  const recipes = await Promise.all([pauseRecipe(), nodeRecipe(), demoRecipe()])
  await Promise.all(recipes.map((recipe) => ensureImage(docker, recipe, report)))
}

async function ensureImage(
  docker: Dockerode,
  recipe: ImageRecipe,
  report: (progress: ImageProgress) => void,
): Promise<void> {
  const { reference } = recipe
  const wanted = await fingerprint(recipe.files, recipe.config)
  if ((await presentFingerprint(docker, reference)) === wanted) return report({ reference, step: 'present' })
  report({ reference, step: 'building' })
  await importImage(docker, recipe, wanted)
  await removeSuperseded(docker)
  report({ reference, step: 'built' })
}

async function presentFingerprint(docker: Dockerode, reference: string): Promise<string | undefined> {
  const [image] = await docker.listImages({ filters: { reference: [reference] } })
  return image?.Labels?.[FINGERPRINT_LABEL]
}

async function importImage(docker: Dockerode, recipe: ImageRecipe, wanted: string): Promise<void> {
  const [repo, tag] = recipe.reference.split(':')
  const changes = [...recipe.config, `LABEL ${FINGERPRINT_LABEL}=${wanted}`]
  const tarball = tarStream(recipe.files) as unknown as NodeJS.ReadableStream
  const answer = await docker.importImage(tarball, { repo, tag, changes })
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(answer, (error) => (error ? reject(error) : resolve()))
  })
}

/** Images of ours that lost their tag to a newer one. One that a container still uses stays until the next time. */
async function removeSuperseded(docker: Dockerode): Promise<void> {
  const superseded = await docker.listImages({ filters: { dangling: ['true'], label: [FINGERPRINT_LABEL] } })
  await Promise.all(
    superseded.map(({ Id }) =>
      docker
        .getImage(Id)
        .remove()
        .catch(() => {}),
    ),
  )
}
