/** The tokens that a kubelet keeps for its pods. */
import { describe, expect, it } from 'vitest'
import { createPodTokens } from '#kubelet/pod-tokens.ts'
import type { Pod, Stored } from '../api/objects.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'

const HOUR_MS = 3_600_000
const pod: Stored<Pod> = {
  metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', resourceVersion: '1', creationTimestamp: '' },
  spec: { serviceAccountName: 'robot', containers: [] },
}

describe('the tokens of a node’s pods', () => {
  function setUp() {
    const clock = new VirtualClock()
    const asked: { ref: unknown; spec: unknown }[] = []
    let isAway = false
    const create = async (_resource: unknown, object: { spec: { expirationSeconds: number } }, ref: unknown) => {
      if (isAway) throw new Error('the server is away')
      asked.push({ ref, spec: object.spec })
      const expirationTimestamp = new Date(clock.now() + object.spec.expirationSeconds * 1000).toISOString()
      return { status: { token: `token-${asked.length}`, expirationTimestamp } }
    }
    const tokens = createPodTokens({ client: { create } as unknown as ApiClient, clock })
    return {
      clock,
      asked,
      tokens,
      goAway() {
        isAway = true
      },
    }
  }

  it('are bound to the pod, for its account and the audience that it wants', async () => {
    const { tokens, asked } = setUp()
    await tokens.tokenFor(pod, { audience: 'vault', expirationSeconds: 600 })
    expect(asked).toEqual([
      {
        ref: { namespace: 'shop', name: 'robot', subresource: 'token' },
        spec: {
          audiences: ['vault'],
          expirationSeconds: 600,
          boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'uid-1' },
        },
      },
    ])
  })

  it('are asked for once, and again when four fifths of their life are over', async () => {
    const { clock, tokens } = setUp()
    expect(await tokens.tokenFor(pod, {})).toBe('token-1')
    clock.advance(0.79 * HOUR_MS)
    expect(await tokens.tokenFor(pod, {})).toBe('token-1')
    clock.advance(0.01 * HOUR_MS)
    expect(await tokens.tokenFor(pod, {})).toBe('token-2')
    expect(await tokens.tokenFor(pod, { audience: 'vault' }), 'for another audience').toBe('token-3')
  })

  it('are replaced after a day, however long they live', async () => {
    const { clock, tokens } = setUp()
    const forAYear = { expirationSeconds: 365 * 24 * 3600 }
    expect(await tokens.tokenFor(pod, forAYear)).toBe('token-1')
    clock.advance(24 * HOUR_MS)
    expect(await tokens.tokenFor(pod, forAYear)).toBe('token-2')
  })

  it('are used to their end while no other can be had, and no longer', async () => {
    const { clock, tokens, goAway } = setUp()
    await tokens.tokenFor(pod, {})
    goAway()
    clock.advance(0.9 * HOUR_MS)
    expect(await tokens.tokenFor(pod, {})).toBe('token-1')
    clock.advance(0.1 * HOUR_MS)
    await expect(tokens.tokenFor(pod, {})).rejects.toThrow('the server is away')
  })

  it('go with their pod', async () => {
    const { tokens } = setUp()
    await tokens.tokenFor(pod, {})
    tokens.forget('uid-1')
    expect(await tokens.tokenFor(pod, {})).toBe('token-2')
  })
})
