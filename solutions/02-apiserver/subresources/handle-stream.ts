/**
 * `/log`, `/exec`, `/attach`, `/portforward`: the pod and its node tell which kubelet is to be asked for what
 * (kubelet-stream.ts); the shell connects the two.
 *
 * Source: kubernetes `pkg/registry/core/pod/rest`.
 */
import type { Node, Pod, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { ApiResponse, KubeletStream } from '#kit/contracts/apiserver.ts'
import type { Call } from '../call.ts'
import { badRequest, notFound } from '../errors.ts'
import { NODES, storageKey } from '../storage/keys.ts'
import { keyOf } from '../verbs/context.ts'
import { kubeletStream } from './kubelet-stream.ts'

export async function handleStream(
  { context, request, target }: Call,
  operation: KubeletStream['operation'],
): Promise<ApiResponse> {
  const pod = (await context.objects.get(keyOf(target))) as Stored<Pod> | undefined
  if (!pod) throw notFound(target.row.resource, target.name)
  const nodeName = pod.spec?.nodeName
  if (!nodeName) throw badRequest(`pod ${target.name} does not have a host assigned`)
  const node = (await context.objects.get(storageKey(NODES, undefined, nodeName))) as Stored<Node> | undefined
  if (!node) throw notFound(resources.nodes, nodeName)
  return { kind: 'stream', ...kubeletStream(operation, pod, node, request.query) }
}
