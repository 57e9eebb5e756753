/** Step 2.13: tokens that end by themselves. */
import { describe, expect } from 'vitest'
import { TOKEN_MOUNT_PATH, tokenVolume, withTokenVolume } from '#apiserver/admission/service-account.ts'
import {
  acceptedAudiences,
  bindingHolds,
  claimsFor,
  type TokenBinding,
  type TokenClaims,
  userOfClaims,
} from '#apiserver/auth/token-claims.ts'
import type { Container, PodSpec } from '#kit/api/objects.ts'
import { lesson } from '#kit/testing/lesson.ts'

const CLAIMS = 'kubernetes pkg/serviceaccount/claims.go'
const NOW = 1_767_225_600
const API = 'https://kubernetes.default.svc'
const binding: TokenBinding = {
  namespace: 'shop',
  serviceaccount: { name: 'robot', uid: 'account-1' },
  pod: { name: 'web', uid: 'pod-1' },
  node: { name: 'node-1', uid: 'node-uid' },
}
const claims: TokenClaims = {
  aud: [API],
  exp: NOW + 3600,
  iat: NOW,
  iss: API,
  jti: 'token-1',
  'kubernetes.io': binding,
  nbf: NOW,
  sub: 'system:serviceaccount:shop:robot',
}

describe('a token', () => {
  lesson(
    'says for whom it is, by whom, and for how long',
    {
      scenario: 'A token for the account robot of shop and its pod web, for ten minutes, for the audience vault.',
      rule: 'iss, sub, aud, iat, nbf, exp and jti as RFC 7519 has them, times in seconds; what it is bound to is in kubernetes.io.',
      source: `${CLAIMS} (Claims)`,
    },
    () => {
      const terms = { issuer: API, audiences: ['vault'], expirationSeconds: 600, nowSeconds: NOW, id: 'token-2' }
      expect(claimsFor(binding, terms)).toEqual({ ...claims, aud: ['vault'], exp: NOW + 600, jti: 'token-2' })
    },
  )

  lesson(
    'is believed from its first second to its last, and a minute around',
    {
      scenario: 'A token that is good from 0 to 3600 s, looked at from two minutes before to two minutes after.',
      rule: 'Not before nbf, not after exp; clocks differ, so 60 seconds are forgiven on both sides.',
      source: `${CLAIMS} (Validate); go-jose jwt.DefaultLeeway`,
    },
    () => {
      const believed = [-120, -61, -60, 0, 3600, 3660, 3661, 3720].filter(
        (seconds) => acceptedAudiences(claims, { issuer: API, audiences: [API], nowSeconds: NOW + seconds }).length > 0,
      )
      expect(believed, 'seconds at which it is believed').toEqual([-60, 0, 3600, 3660])
      const later = { ...claims, nbf: NOW + 1800 }
      const early = acceptedAudiences(later, { issuer: API, audiences: [API], nowSeconds: NOW + 60 })
      expect(early, 'made at 0 s, good from 1800 s, shown at 60 s').toEqual([])
    },
  )

  lesson(
    'is believed by those whom it is for',
    {
      scenario: 'A token for the API and vault, shown to vault, to the API and bank, and to bank alone.',
      rule: 'Who is shown a token could show it to others. So it names its audiences, and others must refuse it.',
      source: 'RFC 7519 §4.1.3; apiserver pkg/authentication/authenticator/audience.go (Intersect)',
    },
    () => {
      const forBoth = { ...claims, aud: [API, 'vault'] }
      const accepted = (...audiences: string[]) =>
        acceptedAudiences(forBoth, { issuer: API, audiences, nowSeconds: NOW })
      expect({ vault: accepted('vault'), 'bank and the API': accepted('bank', API), bank: accepted('bank') }).toEqual({
        vault: ['vault'],
        'bank and the API': [API],
        bank: [],
      })
      expect(accepted('vault', API), 'in the order of who asks').toEqual(['vault', API])
    },
  )

  lesson(
    'of another issuer is not believed',
    {
      scenario: 'The same claims, by https://elsewhere.example.',
      rule: 'A key may have signed for more than one issuer.',
      source: 'kubernetes pkg/serviceaccount/jwt.go (hasCorrectIssuer)',
    },
    () => {
      const elsewhere = { ...claims, iss: 'https://elsewhere.example' }
      expect(acceptedAudiences(elsewhere, { issuer: API, audiences: [API], nowSeconds: NOW })).toEqual([])
    },
  )
})

describe('what a token is bound to', () => {
  const there = { serviceaccount: { uid: 'account-1' }, pod: { uid: 'pod-1' } }

  lesson(
    'must still be there, and be the same',
    {
      scenario: 'Account and pod are there; the pod is gone; the account is gone; either was deleted and made again.',
      rule: 'Names come back, uids do not. A token ends with its account and with its pod.',
      source: `${CLAIMS} (Validate)`,
    },
    () => {
      expect({
        'both there': bindingHolds(binding, there, NOW),
        'pod gone': bindingHolds(binding, { serviceaccount: there.serviceaccount }, NOW),
        'account gone': bindingHolds(binding, { pod: there.pod }, NOW),
        'another pod': bindingHolds(binding, { ...there, pod: { uid: 'pod-2' } }, NOW),
        'another account': bindingHolds(binding, { ...there, serviceaccount: { uid: 'account-2' } }, NOW),
      }).toEqual({
        'both there': true,
        'pod gone': false,
        'account gone': false,
        'another pod': false,
        'another account': false,
      })
    },
  )

  lesson(
    'counts for as long as it is being deleted, and a minute more',
    {
      scenario: 'A pod, then its account, with a deletionTimestamp 30 s ahead, 30 s ago, 60 s ago, 61 s ago.',
      rule: 'A pod that shuts down still needs its token. Whatever a token is bound to ends it when it is gone.',
      source: `${CLAIMS} (Validate)`,
    },
    () => {
      const holdsAt = (seconds: number, kind: 'pod' | 'serviceaccount') => {
        const deletionTimestamp = new Date((NOW + seconds) * 1000).toISOString()
        return bindingHolds(binding, { ...there, [kind]: { ...there[kind], deletionTimestamp } }, NOW)
      }
      for (const kind of ['pod', 'serviceaccount'] as const) {
        const good = [30, -30, -60, -61].filter((seconds) => holdsAt(seconds, kind))
        expect(good, `seconds from now at which the ${kind} may be marked`).toEqual([30, -30, -60])
      }
    },
  )

  lesson(
    'is the account alone, or a secret, or a node',
    {
      scenario: 'Tokens bound to the account only, to a secret, to a node; and the node of a pod, which is gone.',
      rule: 'What the token names counts. But the node of a pod’s token is only said: the pod’s end is its end.',
      source: `${CLAIMS} (Validate)`,
    },
    () => {
      const { namespace, serviceaccount, node } = binding
      const account = { serviceaccount: there.serviceaccount }
      const secret = { name: 's', uid: 'secret-1' }
      expect({
        'account only': bindingHolds({ namespace, serviceaccount }, account, NOW),
        'secret there': bindingHolds(
          { namespace, serviceaccount, secret },
          { ...account, secret: { uid: 'secret-1' } },
          NOW,
        ),
        'secret gone': bindingHolds({ namespace, serviceaccount, secret }, account, NOW),
        'another secret': bindingHolds(
          { namespace, serviceaccount, secret },
          { ...account, secret: { uid: 'secret-2' } },
          NOW,
        ),
        'node gone': bindingHolds({ namespace, serviceaccount, ...(node && { node }) }, account, NOW),
        'another node': bindingHolds(
          { namespace, serviceaccount, ...(node && { node }) },
          { ...account, node: { uid: 'node-2' } },
          NOW,
        ),
        'the pod’s node gone': bindingHolds(binding, there, NOW),
      }).toEqual({
        'account only': true,
        'secret there': true,
        'secret gone': false,
        'another secret': false,
        'node gone': false,
        'another node': false,
        'the pod’s node gone': true,
      })
    },
  )
})

describe('the holder of a token', () => {
  lesson(
    'is the account, as a user',
    {
      scenario: 'The token of the pod web on node-1; and one bound to a secret, of which nothing is told.',
      rule: 'The subject is the name. The groups are all accounts, and all of the namespace. What else is known is extra.',
      source: 'kubernetes pkg/serviceaccount/util.go (ServiceAccountInfo.UserInfo)',
    },
    () => {
      expect(userOfClaims(claims)).toEqual({
        name: 'system:serviceaccount:shop:robot',
        uid: 'account-1',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:shop'],
        extra: {
          'authentication.kubernetes.io/credential-id': ['JTI=token-1'],
          'authentication.kubernetes.io/pod-name': ['web'],
          'authentication.kubernetes.io/pod-uid': ['pod-1'],
          'authentication.kubernetes.io/node-name': ['node-1'],
          'authentication.kubernetes.io/node-uid': ['node-uid'],
        },
      })
      const { namespace, serviceaccount } = binding
      const secret = { name: 's', uid: 'secret-1' }
      const plain = userOfClaims({ ...claims, 'kubernetes.io': { namespace, serviceaccount, secret } })
      expect(plain.extra).toEqual({ 'authentication.kubernetes.io/credential-id': ['JTI=token-1'] })
    },
  )
})

describe('a pod’s token', () => {
  const ACCOUNT = 'kubernetes plugin/pkg/admission/serviceaccount/admission.go'
  const mount = { name: 'kube-api-access-1', readOnly: true, mountPath: TOKEN_MOUNT_PATH }
  const volume = tokenVolume('kube-api-access-1')
  const withToken = (spec: Partial<PodSpec>, account = {}) =>
    withTokenVolume({ containers: [{ name: 'main' }], ...spec }, account, 'kube-api-access-1')

  lesson(
    'is a file in each of its containers',
    {
      scenario: 'A pod with two containers, of which one mounts a disk, and an init container.',
      rule: 'One volume, mounted read-only where client libraries look; what the user wrote comes first.',
      source: `${ACCOUNT} (mountServiceAccountToken)`,
    },
    () => {
      const disk = { name: 'disk', mountPath: '/data' }
      const containers: Container[] = [{ name: 'main', volumeMounts: [disk] }, { name: 'side' }]
      const sent = { initContainers: [{ name: 'init' }], containers, volumes: [{ name: 'disk' }] }
      const before = structuredClone(sent)
      expect(withTokenVolume(sent, {}, 'kube-api-access-1')).toEqual({
        initContainers: [{ name: 'init', volumeMounts: [mount] }],
        containers: [
          { name: 'main', volumeMounts: [disk, mount] },
          { name: 'side', volumeMounts: [mount] },
        ],
        volumes: [{ name: 'disk' }, volume],
      })
      expect(withToken({}), 'for a pod without init containers').toEqual({
        containers: [{ name: 'main', volumeMounts: [mount] }],
        volumes: [volume],
      })
      expect(sent, 'the spec that was passed in').toEqual(before)
    },
  )

  lesson(
    'does not hide what the user mounts there',
    {
      scenario: 'Containers that mount their own volume at the path; a volume kube-api-access-… that is there already.',
      rule: 'A mount of the user’s stays alone; no volume that nobody mounts, and never a second one.',
      source: `${ACCOUNT} (mountServiceAccountToken)`,
    },
    () => {
      const own = { name: 'main', volumeMounts: [{ name: 'mine', mountPath: TOKEN_MOUNT_PATH }] }
      expect(withToken({ containers: [own] })).toEqual({ containers: [own] })
      const mixed = withToken({ containers: [own, { name: 'side' }] })
      expect(mixed.containers).toEqual([own, { name: 'side', volumeMounts: [mount] }])
      expect(mixed.volumes).toEqual([volume])
      const init = withToken({ initContainers: [{ name: 'init' }], containers: [own] })
      expect(init.volumes, 'when only an init container mounts it').toEqual([volume])
      const elsewhere = { name: 'main', volumeMounts: [{ name: 'mine', mountPath: '/var/run/secrets' }] }
      expect(withToken({ containers: [elsewhere] }).volumes, 'with a mount above the path').toEqual([volume])
      const before = tokenVolume('kube-api-access-0')
      const present = withToken({ volumes: [before] })
      expect(present.volumes).toEqual([before])
      expect(present.containers[0]?.volumeMounts).toEqual([{ ...mount, name: 'kube-api-access-0' }])
    },
  )

  lesson(
    'is not there when nobody wants it',
    {
      scenario: 'automountServiceAccountToken at the pod and at its account: yes, no, nothing.',
      rule: 'The pod’s word counts, then the account’s; who says nothing gets a token.',
      source: `${ACCOUNT} (shouldAutomount)`,
    },
    () => {
      const isMounted = (pod?: boolean, account?: boolean) => {
        const say = (word: boolean | undefined) => word !== undefined && { automountServiceAccountToken: word }
        return withToken({ ...say(pod) }, { ...say(account) }).volumes !== undefined
      }
      expect({
        'nobody says anything': isMounted(),
        'the account says no': isMounted(undefined, false),
        'the pod says yes, the account no': isMounted(true, false),
        'the pod says no, the account yes': isMounted(false, true),
      }).toEqual({
        'nobody says anything': true,
        'the account says no': false,
        'the pod says yes, the account no': true,
        'the pod says no, the account yes': false,
      })
    },
  )
})
