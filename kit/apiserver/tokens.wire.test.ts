/**
 * Service account tokens on the whole server: made by kubectl, held by a client, gone with what they are bound to.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hasReason } from '../api/status-error.ts'
import type { ApiClient } from '../contracts/api-client.ts'
import { describeWith } from '../testing/tools.ts'
import { startTestApiServer, type TestApiServer } from './testing/test-api-server.ts'

describeWith(['kubectl'], 'service account tokens', () => {
  let server: TestApiServer
  beforeAll(async () => {
    server = await startTestApiServer()
    await server.kubectl.output('create serviceaccount robot')
    await server.kubectl.output('create -f -', { stdin: pod })
  })
  afterAll(async () => {
    await server?.stop()
  })

  const whoami = async (client: ApiClient) => {
    const review = await client.raw('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {})
    return (review as { status: { userInfo: { username: string; groups: string[]; extra?: object } } }).status.userInfo
  }
  const isUnauthorized = async (client: ApiClient) => {
    try {
      await whoami(client)
      return false
    } catch (error) {
      return hasReason(error, 'Unauthorized')
    }
  }
  const tokenFor = async (flags = '') => (await server.kubectl.output(`create token robot ${flags}`)).trim()
  const review = (token: string, audiences?: string[]) =>
    server.client.raw('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token, audiences } })

  it('are made by kubectl, and say who holds them', async () => {
    const token = await tokenFor('--duration=1h')
    const [, claims = ''] = token.split('.')
    const read = JSON.parse(Buffer.from(claims, 'base64url').toString())
    expect(read).toMatchObject({
      aud: ['https://kubernetes.default.svc'],
      iss: 'https://kubernetes.default.svc',
      sub: 'system:serviceaccount:default:robot',
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot' } },
    })
    expect(read.exp - read.iat).toBe(3600)
    const client = server.clientWithToken(token)
    expect(await whoami(client)).toMatchObject({
      username: 'system:serviceaccount:default:robot',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    })
    await expect(client.raw('GET', '/api/v1/namespaces/default/pods')).rejects.toThrow(
      'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"',
    )
    await server.kubectl.output('create rolebinding robots --clusterrole=view --serviceaccount=default:robot')
    await expect.poll(() => client.raw('GET', '/api/v1/namespaces/default/pods')).toMatchObject({ kind: 'PodList' })
    client.close()
  })

  it('are refused when they were changed, or are for somebody else', async () => {
    const token = await tokenFor()
    const forged = token.replace(/\.[^.]+\./, (claims) => `${claims.slice(0, -2)}A.`)
    expect(await isUnauthorized(server.clientWithToken(forged)), 'a changed token').toBe(true)
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`
    expect(await isUnauthorized(server.clientWithToken(unsigned)), 'a token without a signature').toBe(true)
    const forVault = await tokenFor('--audience=vault')
    expect(await isUnauthorized(server.clientWithToken(forVault)), 'a token for another audience').toBe(true)
    expect(await review(forVault)).toMatchObject({ status: { error: '[invalid bearer token]' } })
    expect(await review(forVault, ['vault', 'other'])).toMatchObject({
      status: { authenticated: true, audiences: ['vault'], user: { username: 'system:serviceaccount:default:robot' } },
    })
  })

  it('of pods live longer than their kubelets are told', async () => {
    const ask = async (spec: object) => {
      const path = '/api/v1/namespaces/default/serviceaccounts/robot/token'
      const { status } = (await server.client.raw('POST', path, { spec })) as {
        status: { token: string; expirationTimestamp: string }
      }
      const claims = JSON.parse(Buffer.from(status.token.split('.')[1] ?? '', 'base64url').toString())
      return {
        livesSeconds: claims.exp - claims.iat,
        warnedAfterSeconds: claims['kubernetes.io'].warnafter - claims.iat,
        saidSeconds: Math.round(Date.parse(status.expirationTimestamp) / 1000 - claims.iat),
      }
    }
    const year = 365 * 24 * 3600
    const ofPod = await ask({ expirationSeconds: 3607 })
    expect(ofPod).toMatchObject({ livesSeconds: year, warnedAfterSeconds: 3607 })
    expect(Math.abs(ofPod.saidSeconds - 3607)).toBeLessThanOrEqual(1)
    expect((await ask({ expirationSeconds: 3606 })).livesSeconds).toBe(3606)
    expect((await ask({ expirationSeconds: 3607, audiences: ['vault'] })).livesSeconds, 'for others').toBe(3607)
  })

  it('that nobody believes are answered in upstream’s words', async () => {
    const { code, reason, message } = await server
      .clientWithToken('ey.ey.ey')
      .raw('GET', '/api/v1/pods')
      .then(
        () => expect.fail('it was believed'),
        (error) => error,
      )
    expect([code, reason, message]).toEqual([401, 'Unauthorized', 'Unauthorized'])
  })

  it('are not made for less than ten minutes, nor for pods of others', async () => {
    expect((await server.kubectl('create token robot --duration=1m')).stderr).toContain(
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
    )
    expect((await server.kubectl('create token nobody')).stderr).toContain('serviceaccounts "nobody" not found')
    expect(
      (await server.kubectl('create token robot --bound-object-kind Pod --bound-object-name nosuch')).stderr,
    ).toContain('pods "nosuch" not found')
  })

  it('end with the pod that they are bound to', async () => {
    const client = server.clientWithToken(await tokenFor('--bound-object-kind Pod --bound-object-name worker'))
    expect((await whoami(client)).extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': ['worker'],
      'authentication.kubernetes.io/node-name': ['node-1'],
    })
    await server.kubectl.output('delete pod worker --grace-period=0 --force')
    await expect.poll(() => isUnauthorized(client)).toBe(true)
    client.close()
  })

  it('end with their account, and do not come back with another of its name', async () => {
    const client = server.clientWithToken(await tokenFor())
    expect((await whoami(client)).username).toBe('system:serviceaccount:default:robot')
    await server.kubectl.output('delete serviceaccount robot')
    await expect.poll(() => isUnauthorized(client)).toBe(true)
    await server.kubectl.output('create serviceaccount robot')
    await expect.poll(async () => isUnauthorized(server.clientWithToken(await tokenFor()))).toBe(false)
    expect(await isUnauthorized(client)).toBe(true)
    client.close()
  })

  it('can be verified by others, with the keys that the server publishes', async () => {
    const configuration = JSON.parse(await server.kubectl.output('get --raw /.well-known/openid-configuration'))
    expect(configuration).toMatchObject({
      issuer: 'https://kubernetes.default.svc',
      id_token_signing_alg_values_supported: ['ES256'],
    })
    const { keys } = JSON.parse(await server.kubectl.output('get --raw /openid/v1/jwks'))
    expect(keys).toMatchObject([{ use: 'sig', kty: 'EC', alg: 'ES256', crv: 'P-256' }])
    expect(keys[0].d, 'the private half').toBeUndefined()
  })
})

const pod = `
apiVersion: v1
kind: Pod
metadata: {name: worker}
spec:
  nodeName: node-1
  serviceAccountName: robot
  containers: [{name: main, image: registry.example/worker:1}]
`
