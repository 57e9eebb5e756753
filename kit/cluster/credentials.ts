/**
 * Every component's identity on disk: certificates under `pki/`, and a kubeconfig for whoever talks to the API server.
 *
 * User and group names are upstream's, so that upstream's bootstrap roles fit (Kubernetes: "PKI certificates and requirements").
 */
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { ClusterDirectory } from './cluster-directory.ts'
import { type ClusterLayout, KUBERNETES_SERVICE_IP } from './layout.ts'
import type { Authority, CertificateAndKey, CertificateRequest } from './pki.ts'

const LOCAL = { dnsNames: ['localhost'], ips: ['127.0.0.1'] }

/** Certificate requests by file name. */
function certificateRequests({ network: { gateway }, nodes }: ClusterLayout): Record<string, CertificateRequest> {
  const client = (commonName: string, ...organizations: string[]): CertificateRequest => ({
    commonName,
    organizations,
    usages: ['client'],
  })
  const requests: Record<string, CertificateRequest> = {
    etcd: { commonName: 'etcd', usages: ['server', 'client'], ...LOCAL },
    'apiserver-etcd-client': client('kube-apiserver-etcd-client'),
    apiserver: {
      commonName: 'kube-apiserver',
      usages: ['server'],
      dnsNames: [
        'localhost',
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
      ],
      // The gateway is the API server's second address, the Service IP the one that pods use.
      ips: [...new Set(['127.0.0.1', gateway, KUBERNETES_SERVICE_IP])],
    },
    'apiserver-kubelet-client': client('kube-apiserver-kubelet-client', 'system:masters'),
    admin: client('kubernetes-admin', 'system:masters'),
    'kube-scheduler': client('system:kube-scheduler'),
    'kube-controller-manager': client('system:kube-controller-manager'),
    'cloud-controller-manager': client('system:cloud-controller-manager'),
    'kube-proxy': client('system:kube-proxy', 'system:node-proxier'),
  }
  for (const { name, ip } of nodes) {
    requests[`kubelet-${name}`] = client(`system:node:${name}`, 'system:nodes')
    requests[`kubelet-${name}-serving`] = {
      commonName: `system:node:${name}`,
      organizations: ['system:nodes'],
      usages: ['server'],
      dnsNames: [name, 'localhost'],
      ips: [...new Set([ip, gateway, '127.0.0.1'])],
    }
  }
  return requests
}

/** Makes what is missing; what exists stays, so that a resumed cluster knows its old clients. */
export async function ensureCredentials(directory: ClusterDirectory, layout: ClusterLayout): Promise<void> {
  const requests = certificateRequests(layout)
  const missing = Object.entries(requests).filter(([file]) => !existsSync(join(directory.pki, `${file}.key`)))
  if (missing.length > 0 || !existsSync(join(directory.pki, 'ca.key'))) {
    const authority = await ensureAuthority(directory)
    for (const [file, request] of missing) writeCertificate(directory, file, await authority.issue(request))
  }
  ensureServiceAccountKey(directory)

  const server = `https://127.0.0.1:${layout.apiServerPort}`
  for (const file of Object.keys(requests)) {
    if (!requests[file]?.usages.includes('client') || file.includes('etcd')) continue
    const path = file === 'admin' ? directory.kubeconfig : directory.kubeconfigOf(file)
    writeFileSync(path, kubeconfigText(directory, server, file), { mode: 0o600 })
  }
}

async function ensureAuthority(directory: ClusterDirectory): Promise<Authority> {
  // Loaded only when something must be signed: a resumed cluster starts without it.
  const { createAuthority, loadAuthority } = await import('./pki.ts')
  if (existsSync(join(directory.pki, 'ca.key'))) return loadAuthority(readCertificate(directory, 'ca'))
  const authority = await createAuthority(`brain-and-muscle-${directory.name}`)
  writeCertificate(directory, 'ca', authority)
  return authority
}

/** The key that signs service account tokens. A key of its own: whoever holds it can speak for any pod. */
function ensureServiceAccountKey(directory: ClusterDirectory): void {
  const path = join(directory.pki, 'service-account.key')
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  }
  const publicPath = join(directory.pki, 'service-account.pub')
  if (existsSync(publicPath)) return
  const publicKey = createPublicKey(readFileSync(path, 'utf8'))
  writeFileSync(publicPath, publicKey.export({ type: 'spki', format: 'pem' }))
}

function readCertificate(directory: ClusterDirectory, file: string): CertificateAndKey {
  const read = (extension: string) => readFileSync(join(directory.pki, `${file}.${extension}`), 'utf8')
  return { cert: read('crt'), key: read('key') }
}

function writeCertificate(directory: ClusterDirectory, file: string, { cert, key }: CertificateAndKey): void {
  writeFileSync(join(directory.pki, `${file}.crt`), cert)
  writeFileSync(join(directory.pki, `${file}.key`), key, { mode: 0o600 })
}

/** Self-contained (certificates inline), so that it may be copied elsewhere. */
function kubeconfigText(directory: ClusterDirectory, server: string, file: string): string {
  const base64 = (name: string) => readFileSync(join(directory.pki, name)).toString('base64')
  const clusterName = `brain-and-muscle-${directory.name}`
  const user = file === 'admin' ? 'kubernetes-admin' : file
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: clusterName, cluster: { server, 'certificate-authority-data': base64('ca.crt') } }],
    users: [
      {
        name: user,
        user: { 'client-certificate-data': base64(`${file}.crt`), 'client-key-data': base64(`${file}.key`) },
      },
    ],
    contexts: [{ name: clusterName, context: { cluster: clusterName, user } }],
    'current-context': clusterName,
  })
}
