/** How objects show a user: reviews in their answers, certificate requests in their spec. */
import type { UserInfo } from '#kit/contracts/apiserver.ts'

export function userFields({ name, uid, groups, extra }: UserInfo) {
  return { username: name, ...(uid && { uid }), groups, ...(extra && { extra }) }
}
