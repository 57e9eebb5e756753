/**
 * Which handler answers for `/pods/web/status`, `/deployments/web/scale`, `/pods/web/log`, …
 *
 * A kind's row says which subresources it has and which verbs they know; here is what each of them does, for all kinds.
 */
import type { ApiResponse } from '#kit/contracts/apiserver.ts'
import { handleTokenRequest } from '../auth/token-request.ts'
import type { Call } from '../call.ts'
import { methodNotAllowed, unknownResource } from '../errors.ts'
import { approvalDoor, finalizeDoor, statusDoor, throughDoor } from './doors.ts'
import { handleEviction } from './eviction.ts'
import { handleBinding } from './handle-binding.ts'
import { handleProxy } from './handle-proxy.ts'
import { handleScale } from './handle-scale.ts'
import { handleStream } from './handle-stream.ts'
import { ephemeralContainersDoor, resizeDoor } from './pod-doors.ts'
import type { SubresourceCall } from './subresource-call.ts'

const handlers: Readonly<Record<string, (call: SubresourceCall) => Promise<ApiResponse>>> = {
  status: (call) => throughDoor(call, statusDoor),
  finalize: (call) => throughDoor(call, finalizeDoor),
  approval: (call) => throughDoor(call, approvalDoor),
  ephemeralcontainers: (call) => throughDoor(call, ephemeralContainersDoor),
  resize: (call) => throughDoor(call, resizeDoor),
  scale: handleScale,
  binding: handleBinding,
  eviction: handleEviction,
  token: handleTokenRequest,
  log: (call) => handleStream(call, 'log'),
  exec: (call) => handleStream(call, 'exec'),
  attach: (call) => handleStream(call, 'attach'),
  portforward: (call) => handleStream(call, 'portforward'),
  proxy: handleProxy,
}

export function handleSubresource(call: Call): Promise<ApiResponse> {
  const { info, target } = call
  const subresource = target.row.subresources.find(({ name }) => name === info.subresource)
  const handler = handlers[info.subresource]
  if (!subresource || !handler) throw unknownResource()
  if (!subresource.verbs.some((verb) => verb === info.verb)) throw methodNotAllowed()
  return handler({ ...call, subresource })
}
