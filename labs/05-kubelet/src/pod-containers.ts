/** A pod's containers by name, and how an Event names them. */
import type { Container, Pod, Stored } from '#kit/api/objects.ts'
import type { EventSubject } from '#kit/client/event-recorder.ts'

export function findContainer(pod: Pod, name: string): Container | undefined {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find((one) => one.name === name)
}

/** `spec.containers{main}`, or the pod itself. */
export function eventSubject(pod: Stored<Pod>, container?: Container): EventSubject {
  const { name, namespace, uid, resourceVersion } = pod.metadata
  const kind = pod.spec?.initContainers?.some((one) => one.name === container?.name) ? 'initContainers' : 'containers'
  const fieldPath = container && `spec.${kind}{${container.name}}`
  return { apiVersion: 'v1', kind: 'Pod', name, namespace, uid, resourceVersion, ...(fieldPath && { fieldPath }) }
}
