/**
 * Prefers nodes that have the pod's images already, the big ones above all. An image that only few nodes have counts less, lest
 * the first node to pull an image attract every pod that uses it. Given, because it teaches little else.
 *
 * Source: kube-scheduler `plugins/imagelocality`.
 */
import type { Pod } from '#kit/api/objects.ts'
import type { NodeInfo, ScorePlugin } from '#kit/contracts/scheduling.ts'
import { MAX_SCORE } from './normalize.ts'

const MIB = 1024 * 1024
/** Pulling less than this is no reason to prefer a node. */
const SMALL_BYTES = 23 * MIB
/** Per container: more than this does not count for more. */
const LARGE_BYTES = 1000 * MIB

export const imageLocalityScore: ScorePlugin = {
  name: 'ImageLocality',
  score(pod, feasible, all) {
    const images = imagesOf(pod)
    const holders = new Map(images.map((image) => [image, all.filter((node) => sizeOn(node, image) > 0).length]))
    const largest = LARGE_BYTES * images.length
    return feasible.map((node) => {
      let bytes = 0
      for (const image of images) bytes += Math.floor((sizeOn(node, image) * holders.get(image)!) / all.length)
      const counted = Math.min(Math.max(bytes, SMALL_BYTES), largest)
      return Math.floor((MAX_SCORE * (counted - SMALL_BYTES)) / (largest - SMALL_BYTES))
    })
  },
}

function imagesOf(pod: Pod): string[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {}
  return [...initContainers, ...containers].map(({ image = '' }) => withTag(image))
}

/** "busybox" means "busybox:latest"; a colon before the last slash belongs to the registry's port. */
function withTag(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}

function sizeOn(node: NodeInfo, image: string): number {
  const images = node.node.status?.images ?? []
  return images.find(({ names = [] }) => names.some((name) => withTag(name) === image))?.sizeBytes ?? 0
}
