import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { createAuthority, loadAuthority } from './pki.ts'

describe('the certificate authority', () => {
  it('issues server and client certificates with which both ends trust each other, and names user and groups', async () => {
    const authority = await loadAuthority(await createAuthority())
    const serving = await authority.issue({
      commonName: 'kube-apiserver',
      usages: ['server'],
      ips: ['127.0.0.1'],
      dnsNames: ['localhost'],
    })
    const admin = await authority.issue({ commonName: 'alice', organizations: ['dev', 'ops'], usages: ['client'] })
    const server = https.createServer(
      { ...serving, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        response.end(JSON.stringify((request.socket as TLSSocket).getPeerCertificate().subject))
      },
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      const answer = await get({ host: '127.0.0.1', port, ca: authority.cert, ...admin })
      expect(JSON.parse(answer)).toEqual({ O: ['dev', 'ops'], CN: 'alice' })
      const stranger = await (await createAuthority('someone else')).issue({
        commonName: 'mallory',
        usages: ['client'],
      })
      await expect(get({ host: '127.0.0.1', port, ca: authority.cert, ...stranger })).rejects.toThrow()
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})

function get(options: https.RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    https
      .get({ ...options, agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve(text))
        response.on('error', reject)
      })
      .on('error', reject)
  })
}
