/**
 * The cluster's certificates: an authority that signs itself, and what it issues for servers and clients.
 *
 * A client certificate is an identity: its common name is the user, its organizations are the groups
 * (Kubernetes: "Authenticating", X.509 client certificates). Keys are P-256, PEM, PKCS #8.
 */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto)

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 24 * 60 * 60 * 1000
const AUTHORITY_DAYS = 3650
const CERTIFICATE_DAYS = 365

/** A certificate and its private key, both PEM. */
export interface CertificateAndKey {
  readonly cert: string
  readonly key: string
}

export interface CertificateRequest {
  /** The user name of a client, or any name of a server. */
  readonly commonName: string
  /** The groups of a client. */
  readonly organizations?: readonly string[]
  readonly usages: readonly ('client' | 'server')[]
  readonly dnsNames?: readonly string[]
  readonly ips?: readonly string[]
}

export interface Authority extends CertificateAndKey {
  issue(request: CertificateRequest): Promise<CertificateAndKey>
}

export async function createAuthority(commonName = 'brain-and-muscle'): Promise<Authority> {
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: subject({ commonName }),
    keys,
    serialNumber: serialNumber(),
    signingAlgorithm: KEY_ALGORITHM,
    ...validFor(AUTHORITY_DAYS),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return authorityOf(certificate, keys.privateKey, await pemOf(certificate, keys))
}

/** An authority that was created earlier. */
export async function loadAuthority(pem: CertificateAndKey): Promise<Authority> {
  const der = x509.PemConverter.decodeFirst(pem.key)
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, true, ['sign'])
  return authorityOf(new x509.X509Certificate(pem.cert), privateKey, pem)
}

function authorityOf(
  authority: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
  pem: CertificateAndKey,
): Authority {
  return {
    ...pem,
    async issue(request) {
      const keys = await generateKeys()
      const certificate = await x509.X509CertificateGenerator.create({
        subject: subject(request),
        issuer: authority.subject,
        publicKey: keys.publicKey,
        signingKey,
        serialNumber: serialNumber(),
        signingAlgorithm: KEY_ALGORITHM,
        ...validFor(CERTIFICATE_DAYS),
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension(request.usages.map((usage) => EXTENDED_KEY_USAGES[usage])),
          await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
          ...alternativeNames(request),
        ],
      })
      return pemOf(certificate, keys)
    },
  }
}

const EXTENDED_KEY_USAGES = {
  client: x509.ExtendedKeyUsage.clientAuth,
  server: x509.ExtendedKeyUsage.serverAuth,
} as const

function alternativeNames({ dnsNames = [], ips = [] }: CertificateRequest): x509.Extension[] {
  const names: x509.JsonGeneralNames = [
    ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...ips.map((value) => ({ type: 'ip' as const, value })),
  ]
  return names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]
}

function subject({
  commonName,
  organizations = [],
}: Pick<CertificateRequest, 'commonName' | 'organizations'>): x509.Name {
  return new x509.Name([...organizations.map((group) => ({ O: [group] })), { CN: [commonName] }])
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])
}

async function pemOf(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<CertificateAndKey> {
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: `${certificate.toString('pem')}\n`, key: `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n` }
}

/** Valid from a minute ago: clocks of containers and hosts may differ a little. */
function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const nowMs = Date.now()
  return { notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + days * DAY_MS) }
}

function serialNumber(): string {
  return Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)))
    .toString('hex')
    .replace(/^[89a-f]/, '1')
}
