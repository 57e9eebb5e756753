/**
 * Reads a kubeconfig as far as components need one: the current context's server, its CA, and a client certificate or token.
 *
 * Source: client-go `tools/clientcmd/api/v1/types.go`.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'

/** Everything that a client needs to reach an API server. Certificates and keys are PEM text. */
export interface Connection {
  /** Such as "https://127.0.0.1:6443". */
  readonly server: string
  readonly certificateAuthority?: string | undefined
  readonly clientCertificate?: string | undefined
  readonly clientKey?: string | undefined
  readonly token?: string | undefined
  readonly insecureSkipTlsVerify?: boolean | undefined
}

interface Kubeconfig {
  'current-context'?: string
  contexts?: { name: string; context: { cluster: string; user: string } }[]
  clusters?: { name: string; cluster: Record<string, unknown> }[]
  users?: { name: string; user: Record<string, unknown> }[]
}

export function loadKubeconfig(path: string): Connection {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new Error(`Cannot read the kubeconfig ${path}. Is the path right, and has the cluster been started once?`)
  }
  return parseKubeconfig(text, path)
}

/** @param path of the file; relative certificate paths count from its directory, and errors name it. */
export function parseKubeconfig(text: string, path: string): Connection {
  const config = parse(text) as Kubeconfig | null
  const context = config?.contexts?.find((one) => one.name === config['current-context'])?.context
  if (!context)
    throw new Error(`${path}: current-context "${config?.['current-context'] ?? ''}" is not among its contexts.`)
  const cluster = config?.clusters?.find((one) => one.name === context.cluster)?.cluster
  const user = config?.users?.find((one) => one.name === context.user)?.user ?? {}
  if (typeof cluster?.server !== 'string') throw new Error(`${path}: cluster "${context.cluster}" has no server.`)

  const pem = (entry: Record<string, unknown>, field: string): string | undefined => {
    const inline = entry[`${field}-data`]
    if (typeof inline === 'string') return Buffer.from(inline, 'base64').toString('utf8')
    const file = entry[field]
    return typeof file === 'string' ? readFileSync(resolve(dirname(path), file), 'utf8') : undefined
  }
  return {
    server: cluster.server.replace(/\/$/, ''),
    certificateAuthority: pem(cluster, 'certificate-authority'),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true,
    clientCertificate: pem(user, 'client-certificate'),
    clientKey: pem(user, 'client-key'),
    token: typeof user.token === 'string' ? user.token : undefined,
  }
}
