/**
 * Makes sure that a container's image is on this machine before the container is created.
 *
 * Images of the kit itself (`brain-and-muscle/…`) are made here and in no registry: for them, being present is enough even
 * when the policy is `Always`.
 *
 * Source: kubernetes `pkg/kubelet/images/image_manager.go` (EnsureImageExists).
 */
import type { Container } from '#kit/api/objects.ts'
import type { Clock } from '#kit/contracts/clock.ts'
import type { ImageService } from '#kit/contracts/cri.ts'
import { describeError } from '#kit/contracts/log.ts'
import { Backoff } from './backoff.ts'
import type { WaitingReason } from './status/container-statuses.ts'

const LOCAL_PREFIX = 'brain-and-muscle/'

export interface ImageNews {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export type ImageResult =
  | { readonly ready: true }
  | { readonly ready: false; readonly waiting: WaitingReason; readonly retryAfterMs: number }

/** When to look again for an image that nobody may pull, or whose name is none. */
const LOOK_AGAIN_MS = 10_000

export interface ImagePuller {
  /** @param tell gets what is worth an event */
  ensure(podUid: string, container: Container, tell: (news: ImageNews) => void): Promise<ImageResult>
  forget(podUid: string): void
}

export function createImagePuller(images: ImageService, clock: Clock): ImagePuller {
  const backoff = new Backoff()
  /** What the last failed pull said, and when. */
  const failures = new Map<string, { readonly atMs: number; readonly message: string }>()

  async function pull(key: string, image: string, tell: (news: ImageNews) => void): Promise<ImageResult> {
    const failed = failures.get(key)
    const waitMs = failed ? backoff.remainingMs(key, failed.atMs, clock.now()) : 0
    if (failed && waitMs > 0) {
      const message = `Back-off pulling image "${image}"`
      tell({ type: 'Normal', reason: 'BackOff', message })
      return refuse('ImagePullBackOff', `${message}: ErrImagePull: ${failed.message}`, waitMs, tell)
    }
    tell({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"` })
    const startedMs = clock.now()
    try {
      await images.pullImage(image)
    } catch (error) {
      const message = describeError(error)
      const atMs = clock.now()
      failures.set(key, { atMs, message })
      backoff.next(key, atMs, atMs)
      tell({ type: 'Warning', reason: 'Failed', message: `Failed to pull image "${image}": ${message}` })
      return refuse('ErrImagePull', message, backoff.pauseMs(key), tell)
    }
    const tookMs = clock.now() - startedMs
    tell({ type: 'Normal', reason: 'Pulled', message: `Successfully pulled image "${image}" in ${tookMs}ms` })
    return { ready: true }
  }

  return {
    async ensure(podUid, { image = '', imagePullPolicy }, tell) {
      const policy = imagePullPolicy ?? defaultPolicy(image)
      let present: boolean
      try {
        present = (await images.imageStatus(image)) !== undefined
      } catch (error) {
        return refuseUninspected(image, describeError(error), tell)
      }
      if (present && (policy !== 'Always' || image.startsWith(LOCAL_PREFIX))) {
        tell({ type: 'Normal', reason: 'Pulled', message: `Container image "${image}" already present on machine` })
        return { ready: true }
      }
      if (policy !== 'Never') return pull(`${podUid}/${image}`, image, tell)
      const message = `Container image "${image}" is not present with pull policy of Never`
      tell({ type: 'Warning', reason: 'ErrImageNeverPull', message })
      return refuse('ErrImageNeverPull', message, LOOK_AGAIN_MS, tell)
    },
    forget(podUid) {
      backoff.forget(`${podUid}/`)
      for (const key of [...failures.keys()]) if (key.startsWith(`${podUid}/`)) failures.delete(key)
    },
  }
}

/** A name that no engine can read does not get better by asking a registry. */
function refuseUninspected(image: string, problem: string, tell: (news: ImageNews) => void): ImageResult {
  const message = `Failed to inspect image "${image}": ${problem}`
  tell({ type: 'Warning', reason: 'InspectFailed', message })
  const reason = problem.includes('invalid reference format') ? 'InvalidImageName' : 'ImageInspectError'
  return refuse(reason, message, LOOK_AGAIN_MS, tell)
}

function refuse(reason: string, message: string, retryAfterMs: number, tell: (news: ImageNews) => void): ImageResult {
  tell({ type: 'Warning', reason: 'Failed', message: `Error: ${reason}` })
  return { ready: false, waiting: { reason, message }, retryAfterMs }
}

/** A tag that may mean another image tomorrow is asked for each time. */
function defaultPolicy(image: string): 'Always' | 'IfNotPresent' {
  const [, tag = 'latest'] = /:([^/:]+)$/.exec(image) ?? []
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}
