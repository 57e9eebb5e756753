/** One request for a subresource, ready to be handled. */
import type { SubresourceRow } from '#kit/contracts/apiserver.ts'
import type { Call } from '../call.ts'

export interface SubresourceCall extends Call {
  readonly subresource: SubresourceRow
}
