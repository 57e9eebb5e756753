/** A pod's containers by name, and how an Event names them. */
import type { Container, Pod, Stored } from '#kit/api/objects.ts'
import type { EventSubject } from '#kit/client/event-recorder.ts'

export function findContainer(pod: Pod, name: string): Container | undefined {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {}
  return [...initContainers, ...containers, ...(ephemeralContainers as Container[])].find((one) => one.name === name)
}

/** `spec.containers{main}`, or the pod itself. */
export function eventSubject(pod: Stored<Pod>, container?: Container): EventSubject {
  const { name, namespace, uid, resourceVersion } = pod.metadata
  const kinds = ['initContainers', 'ephemeralContainers'] as const
  const kind = kinds.find((one) => pod.spec?.[one]?.some((other) => other.name === container?.name)) ?? 'containers'
  const fieldPath = container && `spec.${kind}{${container.name}}`
  return { apiVersion: 'v1', kind: 'Pod', name, namespace, uid, resourceVersion, ...(fieldPath && { fieldPath }) }
}
