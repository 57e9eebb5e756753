import { expect, it } from 'vitest'
import { createImagePuller, type ImageNews } from '#kubelet/images.ts'
import { systemClock } from '../contracts/clock.ts'
import type { ImageService } from '../contracts/cri.ts'

function engine(problem: string): ImageService {
  const refuse = async () => {
    throw new Error(problem)
  }
  return { imageStatus: refuse, pullImage: refuse, listImages: async () => [] }
}

it.each([
  ['invalid reference format: repository name must be lowercase', 'InvalidImageName'],
  ['the disk is on fire', 'ImageInspectError'],
])('a pod whose image cannot be looked at says so: %s', async (problem, reason) => {
  const news: ImageNews[] = []
  const puller = createImagePuller(engine(problem), systemClock)
  const message = `Failed to inspect image "UPPER/x": ${problem}`
  const result = await puller.ensure('uid', { name: 'main', image: 'UPPER/x' }, (one) => news.push(one))
  expect(result).toMatchObject({ ready: false, waiting: { reason, message } })
  expect(news).toContainEqual({ type: 'Warning', reason: 'InspectFailed', message })
})
