/**
 * The tokens of this node's pods: asked for once, kept, and replaced in time. Each is bound to its pod, so it ends with it.
 *
 * Source: kubernetes `pkg/kubelet/token/token_manager.go`.
 */
import type { Pod, Stored } from '#kit/api/objects.ts'
import { resources } from '#kit/api/resources.ts'
import type { ApiClient } from '#kit/contracts/api-client.ts'
import type { Clock } from '#kit/contracts/clock.ts'

/** What a volume says of the token that it wants. */
export interface TokenProjection {
  readonly audience?: string | undefined
  readonly expirationSeconds?: number | undefined
}

export interface PodTokens {
  /** A token with a good part of its life before it. */
  tokenFor(pod: Stored<Pod>, projection: TokenProjection): Promise<string>
  /** The pod is gone, and its tokens with it. */
  forget(podUid: string): void
}

interface KeptToken {
  readonly token: string
  readonly issuedMs: number
  readonly expiresMs: number
}

const DEFAULT_SECONDS = 3600
/** A token is replaced when so much of its life is over, or when it is a day old. */
const REFRESH_AT = 0.8
const DAY_MS = 24 * 3600 * 1000

/** When it is time for another one. */
export function refreshTimeMs({ issuedMs, expiresMs }: Pick<KeptToken, 'issuedMs' | 'expiresMs'>): number {
  return issuedMs + Math.min((expiresMs - issuedMs) * REFRESH_AT, DAY_MS)
}

export function createPodTokens({ client, clock }: { client: ApiClient; clock: Clock }): PodTokens {
  const kept = new Map<string, Map<string, KeptToken>>()

  return {
    async tokenFor(pod, projection) {
      const { uid } = pod.metadata
      const key = JSON.stringify([projection.audience, projection.expirationSeconds])
      const known = kept.get(uid)?.get(key)
      if (known && clock.now() < refreshTimeMs(known)) return known.token
      try {
        const fresh = await requestToken(client, clock, pod, projection)
        const ofPod = kept.get(uid) ?? new Map<string, KeptToken>()
        kept.set(uid, ofPod.set(key, fresh))
        return fresh.token
      } catch (error) {
        // The server may be away for a while: the old one is good until it ends.
        if (known && clock.now() < known.expiresMs) return known.token
        throw error
      }
    },
    forget: (podUid) => kept.delete(podUid),
  }
}

async function requestToken(
  client: ApiClient,
  clock: Clock,
  pod: Stored<Pod>,
  { audience, expirationSeconds = DEFAULT_SECONDS }: TokenProjection,
): Promise<KeptToken> {
  const { name, namespace, uid } = pod.metadata
  const spec = {
    ...(audience && { audiences: [audience] }),
    expirationSeconds,
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
  }
  const request: TokenRequest = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec }
  const account = pod.spec?.serviceAccountName ?? 'default'
  const issuedMs = clock.now()
  const { status } = await client.create(resources.serviceAccounts, request, {
    namespace,
    name: account,
    subresource: 'token',
  })
  if (!status) throw new Error(`no token for the service account ${namespace}/${account}`)
  return { token: status.token, issuedMs, expiresMs: Date.parse(status.expirationTimestamp) }
}

interface TokenRequest {
  readonly apiVersion: string
  readonly kind: string
  readonly spec: object
  readonly status?: { readonly token: string; readonly expirationTimestamp: string }
}
