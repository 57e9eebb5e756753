/**
 * Two narrow doors to a running pod, whose spec is otherwise fixed: `/ephemeralcontainers` adds containers to look around
 * with, `/resize` changes how much cpu and memory its containers may have.
 *
 * Guarantee: whatever else the request says about the pod is dropped, so that a client may send back the whole pod that it
 * read; what it says about these parts is checked against what is there.
 *
 * Source: kubernetes `pkg/registry/core/pod/strategy.go` (podEphemeralContainersStrategy, podResizeStrategy); KEP-277,
 * KEP-1287.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ApiObject, Container, Pod, PodSpec, Stored } from '#kit/api/objects.ts'
import { validateEphemeralContainers, validateEphemeralContainersUpdate } from '../validation/ephemeral-containers.ts'
import { validatePod } from '../validation/pod.ts'
import { validateResize } from '../validation/resize.ts'
import type { UpdateDoor } from '../verbs/update.ts'

export const ephemeralContainersDoor: UpdateDoor = {
  subresource: 'ephemeralcontainers',
  prepare(draft, old) {
    const { ephemeralContainers: _before, ...spec } = specOf(old)
    const { ephemeralContainers } = specOf(draft)
    return onlySpec(draft, old, { ...spec, ...(ephemeralContainers && { ephemeralContainers }) })
  },
  validate: (draft, old) => [
    ...validatePod(draft),
    ...validateEphemeralContainers(specOf(draft), 'spec.ephemeralContainers'),
    ...validateEphemeralContainersUpdate(specOf(draft), specOf(old), 'spec.ephemeralContainers'),
  ],
}

export const resizeDoor: UpdateDoor = {
  subresource: 'resize',
  prepare(draft, old) {
    const containers = specOf(old).containers.map((container) => resized(container, specOf(draft)))
    const prepared = onlySpec(draft, old, { ...specOf(old), containers })
    const isProposed = !isDeepStrictEqual(containers, specOf(old).containers)
    return isProposed ? { ...prepared, status: { ...(old.status as object), resize: 'Proposed' } } : prepared
  },
  validate: (draft, old) => [...validatePod(draft), ...validateResize(specOf(draft), specOf(old))],
}

/** The old pod with another spec, and as much of the draft's metadata as says which pod is meant. */
function onlySpec({ metadata }: ApiObject, old: Stored<ApiObject>, spec: PodSpec): ApiObject {
  const { name, namespace, uid, resourceVersion } = { ...old.metadata, ...metadata }
  const identity = { name, uid, resourceVersion, ...(namespace && { namespace }) }
  return { ...old, metadata: { ...old.metadata, ...identity }, spec }
}

/** Of a container's new form: its resources, and what a change of them means for it. */
function resized(container: Container, { containers }: PodSpec): Container {
  const wanted = containers.find(({ name }) => name === container.name)
  if (!wanted) return container
  const { resources, resizePolicy } = wanted
  return { ...container, ...(resources && { resources }), ...(resizePolicy && { resizePolicy }) }
}

function specOf(object: ApiObject): PodSpec {
  return (object as Pod).spec ?? { containers: [] }
}
