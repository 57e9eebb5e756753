/**
 * What the transport knows of who is asking: a client certificate that TLS has verified, a bearer token, and whom the caller
 * wants to be.
 *
 * Guarantee: a certificate is passed on only when it was signed by the cluster's authority; one that was not makes the
 * request unauthorized instead of anonymous, so that a wrong kubeconfig is noticed.
 * Source: apiserver `pkg/authentication/request/{x509,bearertoken}`.
 */
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { StatusError } from '../api/status-error.ts'
import type { Credentials } from '../contracts/apiserver.ts'
import { takeBearerProtocol } from './bearer-protocol.ts'
import { impersonationOf } from './impersonation-headers.ts'

type CertificateIdentity = NonNullable<Credentials['certificate']>

/** A connection keeps its certificate, so it is looked at once. */
const identities = new WeakMap<TLSSocket, CertificateIdentity | 'none' | 'refused'>()

export function credentialsOf(request: IncomingMessage): Credentials {
  const certificate = certificateOf(request)
  const bearerToken =
    /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim() ?? takeBearerProtocol(request)
  const impersonate = impersonationOf(request)
  return {
    ...(certificate && { certificate }),
    ...(bearerToken && { bearerToken }),
    ...(impersonate && { impersonate }),
  }
}

function certificateOf({ socket }: IncomingMessage): CertificateIdentity | undefined {
  if (!(socket instanceof TLSSocket)) return undefined
  let identity = identities.get(socket)
  if (!identity) {
    identity = identityOf(socket)
    identities.set(socket, identity)
  }
  if (identity === 'refused') throw new StatusError(401, 'Unauthorized', 'Unauthorized')
  return identity === 'none' ? undefined : identity
}

function identityOf(socket: TLSSocket): CertificateIdentity | 'none' | 'refused' {
  const certificate = socket.getPeerCertificate()
  if (!certificate || Object.keys(certificate).length === 0) return 'none'
  if (!socket.authorized) return 'refused'
  return {
    commonName: one(certificate.subject.CN),
    organizations: many(certificate.subject.O),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

// A subject may name an attribute more than once, and then Node gives a list.
function one(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

function many(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value]
}
